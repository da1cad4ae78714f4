// How long a dispatch takes at least on a device of which a few rates are known: arithmetic, memory and workgroup
// memory work side by side, and the slowest of them decides; starting it comes on top. A limit and no
// forecast: latencies, caches, and cores without work are left out.
import { type ConvDims, type ConvKind, productOf } from './conv/dims.ts';
import type { Tile } from './conv/tile.ts';

/** FLOP/s, bytes/s, s. */
export interface DeviceRates {
  /** Float32, two a multiply-add, without matrix units. */
  readonly flops: number;
  readonly memory: number;
  /** Reads from workgroup memory, of all cores together. */
  readonly workgroupMemory: number;
  /** What a dispatch costs however little it does. */
  readonly launch: number;
}

export interface Work {
  /** What is computed, padding of tiles included. */
  readonly flops: number;
  /** Every tensor once: caches are taken to be perfect. */
  readonly bytes: number;
  readonly workgroupBytes: number;
}

export type Bound = 'arithmetic' | 'memory' | 'workgroup memory' | 'launch';

export interface Limit {
  readonly seconds: number;
  /** The largest part of them. */
  readonly bound: Bound;
}

export function limitOf({ flops, bytes, workgroupBytes }: Work, device: DeviceRates): Limit {
  const parts: readonly (readonly [Bound, number])[] = [
    ['arithmetic', flops / device.flops],
    ['memory', bytes / device.memory],
    ['workgroup memory', workgroupBytes / device.workgroupMemory],
  ];
  const slowest = parts.reduce((most, part) => (part[1] > most[1] ? part : most));
  const bound = device.launch > slowest[1] ? 'launch' : slowest[0];
  return { seconds: slowest[1] + device.launch, bound };
}

/** Bytes that an invocation reads from workgroup memory for a multiply-add. Tiles are float32 in any case. */
export const workgroupBytesOf = ({ threadRows: r, threadColumns: c }: Tile): number =>
  (4 * (r + c)) / (r * c);

/** FLOPs of a workgroup for a byte of float32 that it fetches: what caches must deliver. */
export const tileIntensity = ({ rows, columns }: Tile): number =>
  (2 * rows * columns) / (4 * (rows + columns));

/** FLOPs that a convolution computes when it is cut so: its tiles reach past the ends of the product. */
export function computedFlops(kind: ConvKind, d: ConvDims, tile: Tile): number {
  const up = (n: number, side: number) => Math.ceil(n / side) * side;
  const { count, rows, columns, depth } = productOf(kind, d);
  // Each grid of pixels has its own number of taps (gradInput.ts); together they have all, once.
  const taps = d.kh * d.kw;
  const deep =
    kind === 'gradInput'
      ? (depth * taps) / (Math.ceil(taps / d.stride ** 2) * d.stride ** 2)
      : up(depth, tile.depth);
  return 2 * count * up(rows, tile.rows) * up(columns, tile.columns) * deep;
}
