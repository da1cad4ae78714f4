// How a matrix product is cut: the piece of a workgroup, the piece of an invocation, the depth of a step.
// A small table of cuts, sorted for a convolution by a rough model; tileSearch.ts measures.
import type { GpuFeatures } from '../kernel.ts';
import { type ConvDims, type ConvKind, productOf } from './dims.ts';

export interface Tile {
  /** Of the result, a workgroup's piece. */
  readonly rows: number;
  readonly columns: number;
  /** Products a step adds to each element of it. */
  readonly depth: number;
  /** Of the result, an invocation's piece; columns are a multiple of 4. */
  readonly threadRows: number;
  readonly threadColumns: number;
  /**
   * Steps whose operands are in workgroup memory. 2: the next one's are fetched while this one's are
   * multiplied; 0: none, invocations read operands where they lie (direct.ts), in steps of 4.
   */
  readonly stages: 0 | 1 | 2;
  /** Weight gradients: stretches of pixels that are summed apart. */
  readonly splits?: number;
}

/** rows, columns, depth, threadRows, threadColumns, stages. From much reuse to many workgroups. */
const table: readonly (readonly [number, number, number, number, number, 0 | 1 | 2])[] = [
  [128, 64, 16, 8, 8, 1],
  [128, 64, 16, 8, 8, 2],
  [64, 64, 16, 8, 4, 1],
  [64, 64, 16, 8, 4, 2],
  [128, 32, 16, 8, 4, 1],
  [64, 32, 16, 4, 4, 1],
  [64, 32, 16, 4, 4, 2],
  [32, 64, 16, 4, 4, 1],
  [32, 64, 16, 4, 4, 2],
  [32, 32, 16, 4, 4, 1],
  [32, 32, 32, 4, 4, 1],
  [16, 32, 32, 4, 4, 1],
  [64, 32, 4, 8, 4, 0],
  [32, 32, 4, 4, 4, 0],
  [16, 32, 4, 8, 4, 0],
  [8, 32, 4, 8, 4, 0],
  [8, 32, 4, 4, 4, 0],
];

/** Invocations that keep a large GPU busy; a workgroup fewer costs a small one nothing. */
const busyThreads = ({ software }: GpuFeatures) => (software ? 512 : 32768);

/**
 * Share of the rate that is left with operands from memory on a GPU, and with operands from workgroup memory
 * where a CPU emulates the GPU: it is the same memory, and every barrier changes stacks.
 */
const farther = 0.6;

/** Least steps of a stretch of pixels: below, its way through memory costs more than it brings. */
const leastSplitSteps = 8;

export const threadsOf = ({ rows, columns, threadRows, threadColumns }: Tile): number =>
  (rows / threadRows) * (columns / threadColumns);

/** '64x64x16 8x4', with '*2' for two stages, '*0' for none, and '/24' for 24 stretches. */
export const tileName = (tile: Tile): string =>
  `${tile.rows}x${tile.columns}x${tile.depth} ${tile.threadRows}x${tile.threadColumns}${
    tile.stages === 1 ? '' : `*${tile.stages}`
  }${tile.splits ? `/${tile.splits}` : ''}`;

/** Bytes of workgroup memory, for float32 operands. */
export const tileMemory = ({ rows, columns, depth, stages }: Tile): number =>
  (rows + columns) * depth * 4 * stages;

/** Why the device or the kernels cannot use a tile; undefined where they can. */
export function tileProblem(tile: Tile, features: GpuFeatures): string | undefined {
  const { rows, columns, depth, threadRows, threadColumns, splits = 1 } = tile;
  const threads = threadsOf(tile);
  const sides = [rows, columns, depth];
  const whole = [...sides, threadRows, threadColumns, threads, splits];
  if (whole.some((n) => !Number.isInteger(n) || n < 1)) return 'its sides do not divide';
  if (sides.some((n) => n % 4 !== 0)) return 'its sides are no multiples of 4';
  if (threadRows % 4 !== 0 || threadColumns % 4 !== 0) return 'a piece is no multiple of 4';
  if (tile.stages > 0 && sides.some((n) => threads % (n / 4) !== 0))
    return 'its invocations do not fill a line';
  if (threads > features.maxInvocations) return `it has ${threads} invocations`;
  if (tileMemory(tile) > features.maxWorkgroupMemory) return `it needs ${tileMemory(tile)} bytes`;
  return undefined;
}

/** The tile, or an error: a caller chose one that convTiles does not offer. */
export function expectTile(tile: Tile, features: GpuFeatures): Tile {
  const problem = tileProblem(tile, features);
  if (problem) throw new Error(`conv: tile ${tileName(tile)} cannot be used here: ${problem}`);
  return tile;
}

/** What can be used for a convolution on such a device, best guess first; never empty. */
export function convTiles(kind: ConvKind, dims: ConvDims, features: GpuFeatures): readonly Tile[] {
  const tiles = table
    .map(([rows, columns, depth, threadRows, threadColumns, stages]): Tile => {
      return { rows, columns, depth, threadRows, threadColumns, stages };
    })
    // Weight gradients share more than the others: a pixel meets all channels.
    .filter(({ stages }) => stages > 0 || kind !== 'gradWeight')
    .filter((tile) => tileProblem(tile, features) === undefined)
    .flatMap((tile) => (kind === 'gradWeight' ? withSplits(tile, dims, features) : [tile]));
  if (tiles.length === 0) throw new Error('conv: no tile fits this device');
  const scores = new Map(tiles.map((tile) => [tile, score(kind, dims, tile, features)]));
  return tiles.sort((a, b) => scores.get(b)! - scores.get(a)!);
}

/** As many stretches as make the device busy, and half and twice as many. */
function withSplits(tile: Tile, dims: ConvDims, features: GpuFeatures): Tile[] {
  const { depth } = productOf('gradWeight', dims);
  const most = Math.max(1, Math.floor(depth / (tile.depth * leastSplitSteps)));
  const wanted = busyThreads(features) / (groupsOf('gradWeight', dims, tile) * threadsOf(tile));
  const counts = [wanted / 2, wanted, wanted * 2].map((count) =>
    Math.max(1, Math.min(most, Math.round(count))),
  );
  return [...new Set(counts)].map((splits) => ({ ...tile, splits }));
}

/** Workgroups, without splits. */
function groupsOf(kind: ConvKind, dims: ConvDims, { rows, columns }: Tile): number {
  const product = productOf(kind, dims);
  return product.count * Math.ceil(product.rows / rows) * Math.ceil(product.columns / columns);
}

/**
 * Share of a GPU's rate that a tile may reach, as far as four things tell: the share of its elements
 * that exist, the multiply-adds for a value that is read, from which memory, and the share of the
 * device that has work. Two stages bring little where many workgroups hide each other's waiting.
 */
function score(kind: ConvKind, dims: ConvDims, tile: Tile, features: GpuFeatures): number {
  const { count, rows, columns } = productOf(kind, dims);
  const { threadRows, threadColumns, splits = 1, stages } = tile;
  const groups = groupsOf(kind, dims, tile);
  const filled = (count * rows * columns) / (groups * tile.rows * tile.columns);
  const reuse = (threadRows * threadColumns) / (threadRows + threadColumns);
  const busy = Math.min(1, (groups * splits * threadsOf(tile)) / busyThreads(features));
  const near = (stages === 0) === features.software ? 1 : farther;
  const sums = 1 / (1 + 0.002 * splits);
  return (
    filled *
    near *
    (reuse / (reuse + 1)) *
    Math.sqrt(busy) *
    sums *
    (stages === 2 ? 1.01 - 0.05 * busy : 1)
  );
}
