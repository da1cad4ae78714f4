// y = conv(x, w) [+ bias] [+ residual] [then ReLU], as one matrix product with the sum's end fused.
//   x: [N, H, W, C4], w: [kh, kw, C4, M4], bias: [M4], residual and y: [N, outH, outW, M4]
//   y[n, i, j, m] = Σ x[n, i·stride + u − padding, j·stride + v − padding, c] · w[u, v, c, m]
// Rows are pixels of y, columns its channels, the depth is (tap, channel of x): gather.ts.
// Padded weights are zero, so that padded channels of y come out zero without a word.
import { type Storages, vectors } from '../halves.ts';
import type { GpuFeatures, Shader } from '../kernel.ts';
import { read } from '../wgsl.ts';
import { type ConvDims, isPointwise, sizesOf } from './dims.ts';
import { type ConvEnd, endBindings, endName, endText } from './end.ts';
import { gatherShader } from './gather.ts';
import { expectTile, type Tile, tileName } from './tile.ts';

/** Bindings: x, w, [bias], [residual], y. */
export function convForward(
  d: ConvDims,
  end: ConvEnd,
  tile: Tile,
  features: GpuFeatures,
  storages: Storages<'x' | 'residual' | 'y'> = {},
): Shader {
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
      bindings: [read('x', vectors(x)), read('w'), ...endBindings(end, 'y', y, storages)],
      write: endText(end, 'y', y, storages),
    },
    expectTile(tile, features),
  );
}
