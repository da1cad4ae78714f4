// A convolution on its own: the shaders that it takes and the arrays behind their bindings, by name.
import type { GpuFeatures, Shader } from '../kernel.ts';
import { type ConvDims, type ConvKind, vectorsOf } from './dims.ts';
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

export function convTrial(kind: ConvKind, d: ConvDims, tile: Tile, features: GpuFeatures): Trial {
  switch (kind) {
    case 'forward': {
      const end = { bias: false, relu: false, residual: false };
      const shader = convForward(d, end, tile, features);
      return { calls: [{ shader, arrays: ['x', 'w', 'y'] }], result: 'y', scratchFloats: 0 };
    }
    case 'gradInput': {
      const shaders = convGradInput(d, tile, features);
      const calls = shaders.map((shader) => ({ shader, arrays: ['dy', 'w', 'dx'] as const }));
      return { calls, result: 'dx', scratchFloats: 0 };
    }
    case 'gradWeight': {
      const { partials, reduce, scratchFloats } = convGradWeight(
        d,
        { bias: false },
        tile,
        features,
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

/** Floats of an array, padding included; those of scratch are the trial's. */
export function floatsOf(d: ConvDims, name: Exclude<ConvArray, 'scratch'>): number {
  const [cin, cout] = [vectorsOf(d.cin) * 4, vectorsOf(d.cout) * 4];
  switch (name) {
    case 'x':
    case 'dx':
      return d.n * d.h * d.w * cin;
    case 'y':
    case 'dy':
      return d.n * d.outH * d.outW * cout;
    case 'w':
    case 'dw':
      return d.kh * d.kw * cin * cout;
    default:
      return name satisfies never;
  }
}
