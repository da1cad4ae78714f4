// A convolution on its own: the shaders that it takes and the arrays behind their bindings, by name.
import type { Storage } from '../halves.ts';
import type { GpuFeatures, Shader } from '../kernel.ts';
import { type ConvDims, type ConvKind, vectorsOf } from './dims.ts';
import { plainEnd } from './end.ts';
import { convForward } from './forward.ts';
import { convGradInput } from './gradInput.ts';
import { convGradWeight } from './gradWeight.ts';
import type { Tile } from './tile.ts';

export type ConvArray = 'x' | 'w' | 'y' | 'dy' | 'dx' | 'dw' | 'scratch';

export interface Trial {
  readonly calls: readonly { readonly shader: Shader; readonly arrays: readonly ConvArray[] }[];
  readonly result: 'y' | 'dx' | 'dw';
  readonly scratchFloats: number;
}

/** Activations and their gradients lie as `storage` says, all else as floats. */
export function convTrial(
  kind: ConvKind,
  d: ConvDims,
  tile: Tile,
  features: GpuFeatures,
  storage: Storage = 'f32',
): Trial {
  const storages = { x: storage, y: storage, dy: storage, dx: storage };
  switch (kind) {
    case 'forward': {
      const shader = convForward(d, plainEnd, tile, features, storages);
      return { calls: [{ shader, arrays: ['x', 'w', 'y'] }], result: 'y', scratchFloats: 0 };
    }
    case 'gradInput': {
      const shader = convGradInput(d, plainEnd, tile, features, storages);
      return { calls: [{ shader, arrays: ['dy', 'w', 'dx'] }], result: 'dx', scratchFloats: 0 };
    }
    case 'gradWeight': {
      const { partials, reduce, scratchFloats } = convGradWeight(
        d,
        { bias: false },
        tile,
        features,
        storages,
      );
      const calls = [
        { shader: partials, arrays: ['x', 'dy', 'scratch'] as const },
        { shader: reduce, arrays: ['scratch', 'dw'] as const },
      ];
      return { calls, result: 'dw', scratchFloats };
    }
    default:
      return kind satisfies never;
  }
}

/** Bytes of an array, padding included; those of scratch are the trial's. */
export function bytesOf(
  d: ConvDims,
  name: Exclude<ConvArray, 'scratch'>,
  storage: Storage = 'f32',
): number {
  const [cin, cout] = [vectorsOf(d.cin) * 4, vectorsOf(d.cout) * 4];
  const bytes = storage === 'f16' ? 2 : 4;
  switch (name) {
    case 'x':
    case 'dx':
      return d.n * d.h * d.w * cin * bytes;
    case 'y':
    case 'dy':
      return d.n * d.outH * d.outW * cout * bytes;
    case 'w':
    case 'dw':
      return d.kh * d.kw * cin * cout * 4;
    default:
      return name satisfies never;
  }
}
