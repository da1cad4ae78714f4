// Parts of the in-graph decoder: the cells around each map's maximum, weighted sums of them, constants.
import { float32s, int, int64s, type OnnxBuilder } from './builder.ts';

export interface Maps {
  readonly g: OnnxBuilder;
  /** [N, K, H, W] */
  readonly heatmaps: string;
  /** [N, K, H·W] */
  readonly flat: string;
  readonly keypoints: number;
  readonly width: number;
  readonly height: number;
}

/** Where the maxima are; everything is [N, K, 1]. */
export interface Peaks {
  /** Index into a flat map, int64; 0 where the maximum is not positive. */
  readonly cell: string;
  /** Column and row, int64. */
  readonly x: string;
  readonly y: string;
  /** The maximum. */
  readonly score: string;
}

/** Whether 1 < x < W − margin and 1 < y < H − margin, [N, K, 1]. */
export function isInside({ g, width, height }: Maps, { x, y }: Peaks, margin: number): string {
  const all = (
    [
      ['Greater', x, 'left', 1],
      ['Less', x, 'right', width - margin],
      ['Greater', y, 'top', 1],
      ['Less', y, 'bottom', height - margin],
    ] as const
  ).map(([op, value, side, limit]) =>
    g.node(op, [value, whole(g, side, limit)], { name: `decode.${side}Inside` }),
  );
  return all.reduce((a, b, i) => g.node('And', [a, b], { name: `decode.inside${i}` }));
}

/** The cells at `offsets` from the peak, [N, K, count]; cells somewhere else where it is not inside. */
export function cellsAround(
  { g, width }: Maps,
  flat: string,
  { cell }: Peaks,
  inside: string,
  offsets: readonly number[],
): string {
  const safe = g.node('Where', [inside, cell, whole(g, 'safeCell', 2 * width + 2)], {
    name: 'decode.safePeak',
  });
  const relative = g.constant('decode.offsets', 'int64', [offsets.length], int64s(...offsets));
  const cells = g.node('Add', [safe, relative], { name: 'decode.cells' });
  return g.node('GatherElements', [flat, cells], {
    name: 'decode.around',
    attributes: { axis: int(2) },
  });
}

/** Sums of [N, K, C] weighted by each row of `weights`, [N, K, rows]; not by a matrix product, which some devices round. */
export function combine(
  g: OnnxBuilder,
  name: string,
  values: string,
  weights: readonly (readonly number[])[],
): string {
  const axis = (what: string, value: number) =>
    g.constant(`decode.${name}.${what}`, 'int64', [1], int64s(value));
  const table = g.constant(
    `decode.${name}.weights`,
    'float32',
    [weights.length, weights[0]!.length],
    float32s(...weights.flat()),
  );
  const apart = g.node('Unsqueeze', [values, axis('row', 2)], { name: `decode.${name}.apart` });
  const weighted = g.node('Mul', [apart, table], { name: `decode.${name}.weighted` });
  return g.node('ReduceSum', [weighted, axis('terms', 3)], {
    name: `decode.${name}`,
    attributes: { keepdims: int(0) },
  });
}

export const number = (g: OnnxBuilder, name: string, value: number) =>
  g.constant(`decode.${name}`, 'float32', [], float32s(value));

export const whole = (g: OnnxBuilder, name: string, value: number) =>
  g.constant(`decode.${name}`, 'int64', [], int64s(value));
