// dx of a convolution [+ residual]: every pixel of dx gathers, nothing is scattered and nothing added atomically.
//   dy: [N, outH, outW, M4], w: [kh, kw, C4, M4], dx: [N, H, W, C4]
//   dx[n, y, x, c] = Σ dy[n, (y + padding − u)/stride, (x + padding − v)/stride, m] · w[u, v, c, m]
// over the taps where the divisions leave no remainder. Which taps these are depends on the remainder of
// y + padding and x + padding alone, so that dx falls into stride² grids of pixels, each a product of its own
// (gather.ts) over its taps only; one dispatch does all. A grid without taps (1 × 1, stride 2) is written zero.
import { type Storages, vectors } from '../halves.ts';
import type { GpuFeatures, Shader } from '../kernel.ts';
import { read } from '../wgsl.ts';
import { type ConvDims, isPointwise, sizesOf } from './dims.ts';
import { type ConvEnd, endBindings, endName, endText } from './end.ts';
import { gatherShader, type PixelGrid } from './gather.ts';
import { expectTile, type Tile, tileName } from './tile.ts';

/** Bindings: dy, w, [residual], dx. */
export function convGradInput(
  d: ConvDims,
  end: ConvEnd,
  tile: Tile,
  features: GpuFeatures,
  storages: Storages<'dy' | 'residual' | 'dx'> = {},
): Shader {
  const { dy = 'f32', dx = 'f32' } = storages;
  return gatherShader(
    {
      label: `conv2dGradInput${endName(end)} ${sizesOf(d)} tile ${tileName(tile)}`,
      n: d.n,
      source: { name: 'dy', height: d.outH, width: d.outW, channels: d.cout, storage: dy },
      result: { name: 'dx', height: d.h, width: d.w, channels: d.cin, storage: dx },
      grids: parityGrids(d),
      pointwise: isPointwise(d),
      pixelStep: 1,
      tapStep: -1,
      gridStep: d.stride,
      kw: d.kw,
      weights: 'along depth',
      bindings: [read('dy', vectors(dy)), read('w'), ...endBindings(end, 'dx', dx, storages)],
      write: endText(end, 'dx', dx, storages),
    },
    expectTile(tile, features),
  );
}

/** Along one side: the pixels whose coordinate + padding leaves a remainder, and their taps. */
interface Parity {
  readonly count: number;
  readonly first: number;
  readonly origin: number;
  readonly taps: number;
  readonly firstTap: number;
}

function parities(side: number, kernel: number, { stride, padding }: ConvDims): Parity[] {
  return Array.from({ length: stride }, (_, remainder): Parity => {
    const first = (((remainder - padding) % stride) + stride) % stride;
    return {
      count: Math.max(0, Math.ceil((side - first) / stride)),
      first,
      origin: (first + padding - remainder) / stride,
      taps: Math.max(0, Math.ceil((kernel - remainder) / stride)),
      firstTap: remainder,
    };
  }).filter(({ count }) => count > 0);
}

/** Those with the most taps first, so that the last workgroups are the short ones. */
function parityGrids(d: ConvDims): PixelGrid[] {
  const down = parities(d.h, d.kh, d);
  const right = parities(d.w, d.kw, d);
  return down
    .flatMap((y) =>
      right.map((x): PixelGrid => {
        const without = y.taps === 0 || x.taps === 0;
        return {
          rows: y.count,
          columns: x.count,
          originY: y.origin,
          originX: x.origin,
          tapsY: without ? 0 : y.taps,
          // Never 0: it is divided by.
          tapsX: without ? 1 : x.taps,
          firstU: y.firstTap,
          firstV: x.firstTap,
          firstY: y.first,
          firstX: x.first,
        };
      }),
    )
    .sort((a, b) => b.tapsY * b.tapsX - a.tapsY * a.tapsX);
}
