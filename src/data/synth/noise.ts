// A square of smooth random values that repeats, made once and read at any place, size and angle.
import { philox } from '../philox.ts';

const side = 256;

export interface Noise {
  /** [256, 256] in 0 to 1, several octaves: clouds, leaves, worn walls. */
  readonly smooth: Float32Array;
  /** [65536] normal deviates: sensor grain. */
  readonly grain: Float32Array;
}

/** One octave: random values on a grid of `cells` a side, blended smoothly between. */
function addOctave(out: Float32Array, cells: number, weight: number, uniform: () => number): void {
  const grid = Float32Array.from({ length: cells * cells }, uniform);
  const step = side / cells;
  const ease = (t: number) => t * t * (3 - 2 * t);
  for (let y = 0; y < side; y++) {
    const gy = Math.floor(y / step);
    const ty = ease(y / step - gy);
    const [row0, row1] = [gy * cells, ((gy + 1) % cells) * cells];
    for (let x = 0; x < side; x++) {
      const gx = Math.floor(x / step);
      const tx = ease(x / step - gx);
      const gx1 = (gx + 1) % cells;
      const top = grid[row0 + gx]! * (1 - tx) + grid[row0 + gx1]! * tx;
      const bottom = grid[row1 + gx]! * (1 - tx) + grid[row1 + gx1]! * tx;
      out[y * side + x] += weight * (top * (1 - ty) + bottom * ty);
    }
  }
}

export function createNoise(): Noise {
  const rng = philox(0, 0, 0, 'noise');
  const smooth = new Float32Array(side * side);
  for (const [cells, weight] of [
    [4, 0.4],
    [8, 0.27],
    [16, 0.16],
    [32, 0.1],
    [64, 0.07],
  ] as const) {
    addOctave(smooth, cells, weight, () => rng.uniform());
  }
  return { smooth, grain: Float32Array.from({ length: side * side }, () => rng.normal()) };
}

/** The smooth noise at any place: nearest cell, repeating every 256. */
export const noiseAt = (noise: Noise, x: number, y: number): number =>
  noise.smooth[((Math.floor(y) & 255) << 8) | (Math.floor(x) & 255)]!;
