// How tensors lie in the device's memory, and the way there and back for what the host hands over.

import { elementCount, type Shape } from '../../graph/graph.ts';
import type { Storage } from './halves.ts';

/**
 * plain: row-major, filled up with zeros to a multiple of 4 floats; everything that is not 4-dimensional.
 * channelsLast: [N, C, H, W] as [N, H, W, C4]. weights: [M, C, k, k] as [k, k, C4, M4].
 * C4 and M4 are filled up to a multiple of 4 with zeros, so that vectors of four can always be read.
 */
export type Layout = 'plain' | 'channelsLast' | 'weights';

/** Filled up to a multiple of 4. */
export const padded = (channels: number): number => Math.ceil(channels / 4) * 4;

/** Elements from one index to the next in each of the four dimensions, and elements in all. */
export interface Strides {
  readonly steps: readonly [number, number, number, number];
  readonly floats: number;
}

export function stridesOf(shape: Shape, layout: Layout): Strides {
  const [a, b, c, d] = four(shape);
  switch (layout) {
    case 'plain':
      return { steps: [b * c * d, c * d, d, 1], floats: padded(a * b * c * d) };
    case 'channelsLast': {
      const b4 = padded(b);
      return { steps: [c * d * b4, 1, d * b4, b4], floats: a * c * d * b4 };
    }
    case 'weights': {
      const [a4, b4] = [padded(a), padded(b)];
      return { steps: [1, a4, d * b4 * a4, b4 * a4], floats: c * d * b4 * a4 };
    }
    default:
      return layout satisfies never;
  }
}

/** The shape as four dimensions: what has fewer gets ones in front. */
export function four(shape: Shape): readonly [number, number, number, number] {
  if (shape.length > 4) throw new Error(`layout: ${shape.length} dimensions`);
  const ones = new Array<number>(4 - shape.length).fill(1);
  return [...ones, ...shape] as unknown as readonly [number, number, number, number];
}

export const layoutBytes = (shape: Shape, layout: Layout, storage: Storage = 'f32'): number =>
  stridesOf(shape, layout).floats * (storage === 'f16' ? 2 : 4);

/** Row-major values as they lie on the device, padding included. */
export function pack(values: Float32Array, shape: Shape, layout: Layout): Float32Array {
  const { steps, floats } = stridesOf(shape, layout);
  const packed = new Float32Array(floats);
  if (layout === 'plain') packed.set(values);
  else
    forEachPlace(shape, steps, (logical, place) => {
      packed[place] = values[logical]!;
    });
  return packed;
}

/** Row-major values of what lies on the device. */
export function unpack(packed: Float32Array, shape: Shape, layout: Layout): Float32Array {
  if (layout === 'plain') return packed.slice(0, elementCount(shape));
  const { steps } = stridesOf(shape, layout);
  const values = new Float32Array(elementCount(shape));
  forEachPlace(shape, steps, (logical, place) => {
    values[logical] = packed[place]!;
  });
  return values;
}

function forEachPlace(
  shape: Shape,
  [sa, sb, sc, sd]: Strides['steps'],
  visit: (logical: number, place: number) => void,
): void {
  const [a, b, c, d] = four(shape);
  let logical = 0;
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) {
        const row = i * sa + j * sb + k * sc;
        for (let l = 0; l < d; l++) visit(logical++, row + l * sd);
      }
    }
  }
}
