// y = conv(x, w) [+ bias] [+ residual] [then ReLU], as one matrix product with the sum's end fused.
//   x: [N, H, W, C4], w: [kh, kw, C4, M4], bias: [M4], residual and y: [N, outH, outW, M4]
//   y[n, i, j, m] = Σ x[n, i·stride + u − padding, j·stride + v − padding, c] · w[u, v, c, m]
// Rows are pixels of y, columns its channels, the depth is (tap, channel of x): gather.ts.
// Padded weights are zero, so that padded channels of y come out zero without a word.
import { narrowed, type Storages, vectors, widened } from '../halves.ts';
import type { GpuFeatures, Shader } from '../kernel.ts';
import { read, readWrite, rectified } from '../wgsl.ts';
import { type ConvDims, isPointwise, sizesOf } from './dims.ts';
import { gatherShader } from './gather.ts';
import { expectTile, type Tile, tileName } from './tile.ts';

export interface ForwardEnd {
  readonly bias: boolean;
  readonly relu: boolean;
  readonly residual: boolean;
}

/** Bindings: x, w, [bias], [residual], y. */
export function convForward(
  d: ConvDims,
  end: ForwardEnd,
  tile: Tile,
  features: GpuFeatures,
  storages: Storages<'x' | 'residual' | 'y'> = {},
): Shader {
  const { bias, residual } = end;
  const { x = 'f32', y = 'f32' } = storages;
  return gatherShader(
    {
      label: `conv2d${endName(end)} ${sizesOf(d)} tile ${tileName(tile)}`,
      n: d.n,
      source: { name: 'x', height: d.h, width: d.w, channels: d.cin, storage: x },
      result: { name: 'y', height: d.outH, width: d.outW, channels: d.cout, storage: y },
      grids: [
        {
          ...{ rows: d.outH, columns: d.outW, originY: -d.padding, originX: -d.padding },
          ...{ tapsY: d.kh, tapsX: d.kw, firstU: 0, firstV: 0, firstY: 0, firstX: 0 },
        },
      ],
      pointwise: isPointwise(d),
      pixelStep: d.stride,
      tapStep: 1,
      gridStep: 1,
      kw: d.kw,
      weights: 'along columns',
      bindings: [
        read('x', vectors(x)),
        read('w'),
        ...(bias ? [read('bias')] : []),
        ...(residual ? [read('residual', vectors(storages.residual))] : []),
        readWrite('y', vectors(y)),
      ],
      write: endText(end, storages),
    },
    expectTile(tile, features),
  );
}

const endName = ({ bias, relu, residual }: ForwardEnd) =>
  [bias && ' bias', residual && ' residual', relu && ' relu'].filter(Boolean).join('');

function endText(
  { bias, relu, residual }: ForwardEnd,
  storages: Storages<'residual' | 'y'>,
): string {
  const parts = [
    bias && '  sum += bias[column];',
    residual && `  sum += ${widened(storages.residual, 'residual[at]')};`,
    relu && `  sum = ${rectified('sum')};`,
    `  y[at] = ${narrowed(storages.y, 'sum')};`,
  ];
  return parts.filter(Boolean).join('\n');
}
