// Gaussian blur of one heatmap with zeros around it, as OpenCV makes it with automatic sigma. DARK
// needs 13 cells of the blurred map and its maximum; the map as a whole is never blurred.
import { usageError } from '../../errors.ts';

export interface Blur {
  /** The blurred value of one cell, a float32 value. values: [H, W] float32. */
  at(values: Float32Array, x: number, y: number): number;
  /** The largest blurred value of the map; (px, py) is where the map has its maximum. */
  maximum(values: Float32Array, px: number, py: number): number;
}

/** A k x k blur for maps of [h, w]. Keeps its scratch memory, so use it on one map after another. */
export function blurOf(k: number, h: number, w: number): Blur {
  const kernel = gaussianKernel(k);
  const radius = (k - 1) / 2;
  const column = new Float64Array(w + 2 * radius);
  const rowMaxima = new Float32Array(h);

  const columnSums = (values: Float32Array, y: number, from: number, to: number) => {
    const top = Math.max(0, y - radius);
    const bottom = Math.min(h - 1, y + radius);
    column.fill(0, from + radius, to + radius);
    for (let row = top; row <= bottom; row++) {
      const weight = kernel[row - y + radius]!;
      for (let x = from; x < to; x++) column[x + radius]! += weight * values[row * w + x]!;
    }
  };
  const across = (x: number) => {
    let sum = 0;
    for (let i = 0; i < k; i++) sum += kernel[i]! * column[x + i]!;
    return Math.fround(sum);
  };
  const at = (values: Float32Array, x: number, y: number) => {
    const from = Math.max(0, x - radius);
    const to = Math.min(w, x + radius + 1);
    if (from === 0) column.fill(0, 0, radius);
    if (to === w) column.fill(0, w + radius);
    columnSums(values, y, from, to);
    return across(x);
  };

  // A blurred value is a weighted mean of its neighbourhood and zeros, so rows whose neighbourhood
  // stays below the best value so far cannot hold the maximum. On peaked maps few rows are left.
  const maximum = (values: Float32Array, px: number, py: number) => {
    for (let y = 0; y < h; y++) {
      let largest = 0;
      for (let i = y * w; i < (y + 1) * w; i++) if (values[i]! > largest) largest = values[i]!;
      rowMaxima[y] = largest;
    }
    let best = at(values, px, py);
    column.fill(0);
    for (let y = 0; y < h; y++) {
      let bound = 0;
      for (let row = Math.max(0, y - radius); row <= Math.min(h - 1, y + radius); row++) {
        if (rowMaxima[row]! > bound) bound = rowMaxima[row]!;
      }
      if (bound <= best && best > 0) continue;
      columnSums(values, y, 0, w);
      for (let x = 0; x < w; x++) best = Math.max(best, across(x));
    }
    return best;
  };
  return { at, maximum };
}

/** k weights that sum to 1. Up to 7 they are fixed fractions; above, sigma follows from k. */
export function gaussianKernel(k: number): Float64Array {
  if (!Number.isInteger(k) || k < 1 || k % 2 === 0) {
    throw usageError(`DARK: expected an odd blur kernel of at least 1, got ${k}. Use 3, 11 or 17.`);
  }
  const fixed = fixedKernels[k];
  if (fixed) return Float64Array.from(fixed);
  const radius = (k - 1) / 2;
  const sigma = 0.3 * (radius - 1) + 0.8;
  const weights = Float64Array.from({ length: k }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

const fixedKernels: Readonly<Record<number, readonly number[]>> = {
  1: [1],
  3: [0.25, 0.5, 0.25],
  5: [0.0625, 0.25, 0.375, 0.25, 0.0625],
  7: [0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125],
};
