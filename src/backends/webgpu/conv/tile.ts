// How a matrix product is cut: the piece of a workgroup, the piece of an invocation, the depth of a step.
// A small table of cuts, sorted for a convolution by a rough model; tileSearch.ts measures.
import type { Storage } from '../halves.ts';
import type { GpuFeatures, MatrixUnit } from '../kernel.ts';
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
  /** What multiplies, where that is not the invocations one by one (matrixUnits.ts). */
  readonly unit?: MatrixUnit;
}

export type UnitTile = Tile & { readonly unit: MatrixUnit };

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

/** rows, columns, depth of tiles for matrix units. */
const unitTable = [
  [128, 32, 32],
  [64, 64, 32],
  [64, 32, 32],
  [32, 32, 32],
] as const;

/** Of the result, sides of a subgroup's piece: what its registers hold. */
const pieceSide = 32;

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
  }${tile.splits ? `/${tile.splits}` : ''}${tile.unit ? ` by ${unitName(tile.unit)}` : ''}`;

const unitName = ({ m, n, k, component }: MatrixUnit): string => `${m}x${n}x${k} ${component}`;

/** Bytes of workgroup memory: float32 operands, or those of a matrix unit and its results. */
export const tileMemory = ({ rows, columns, depth, stages, unit }: Tile): number =>
  unit
    ? (rows + columns) * depth * (unit.component === 'f16' ? 2 : 4) + rows * columns * 4
    : (rows + columns) * depth * 4 * stages;

/** The piece of each subgroup: the tile's longer side is halved until there is one for each. */
export function subgroupPiece(tile: UnitTile): { readonly rows: number; readonly columns: number } {
  let { rows, columns } = tile;
  for (let left = threadsOf(tile) / tile.unit.subgroupSize; left > 1; left /= 2) {
    if (rows >= columns) rows /= 2;
    else columns /= 2;
  }
  return { rows, columns };
}

function unitProblem(tile: UnitTile): string | undefined {
  const { m, n, k, subgroupSize } = tile.unit;
  const subgroups = threadsOf(tile) / subgroupSize;
  if (!Number.isInteger(Math.log2(subgroups))) return `it has ${subgroups} subgroups`;
  const { rows, columns } = subgroupPiece(tile);
  if (rows % m !== 0 || columns % n !== 0 || tile.depth % k !== 0)
    return `${unitName(tile.unit)} does not fill ${rows}x${columns}x${tile.depth}`;
  return tile.stages === 1 ? undefined : 'matrix units have one stage';
}

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
  return tile.unit ? unitProblem(tile as UnitTile) : undefined;
}

/** The tile, or an error: a caller chose one that convTiles does not offer. */
export function expectTile(tile: Tile, features: GpuFeatures): Tile {
  const problem = tileProblem(tile, features);
  if (problem) throw new Error(`conv: tile ${tileName(tile)} cannot be used here: ${problem}`);
  return tile;
}

/** What can be used for a convolution on such a device, best guess first; never empty. */
export function convTiles(kind: ConvKind, dims: ConvDims, features: GpuFeatures): readonly Tile[] {
  const all = table.map(([rows, columns, depth, threadRows, threadColumns, stages]): Tile => {
    return { rows, columns, depth, threadRows, threadColumns, stages };
  });
  const tiles = usable(all, kind, dims, features);
  if (tiles.length === 0) throw new Error('conv: no tile fits this device');
  return tiles;
}

/** The matrix unit that products go to: halves are multiplied only where activations are halves. */
export const unitOf = (
  { matrixUnits = [] }: GpuFeatures,
  activations: Storage,
): MatrixUnit | undefined =>
  (activations === 'f16' ? matrixUnits.find(({ component }) => component === 'f16') : undefined) ??
  matrixUnits.find(({ component }) => component === 'f32');

/** The same for a matrix unit; empty where none fits. */
export function unitTiles(
  kind: ConvKind,
  dims: ConvDims,
  features: GpuFeatures,
  unit: MatrixUnit,
): readonly Tile[] {
  const each = pieceSide ** 2 / unit.subgroupSize;
  const threadRows = Math.max(4, 2 ** Math.floor(Math.log2(each) / 2 + 0.5));
  const threadColumns = each / threadRows;
  const all = unitTable.map(([rows, columns, depth]): Tile => {
    return { rows, columns, depth, threadRows, threadColumns, stages: 1, unit };
  });
  return usable(all, kind, dims, features);
}

function usable(all: readonly Tile[], kind: ConvKind, dims: ConvDims, features: GpuFeatures) {
  const tiles = all
    // Weight gradients share more than the others: a pixel meets all channels.
    .filter(({ stages }) => stages > 0 || kind !== 'gradWeight')
    .filter((tile) => tileProblem(tile, features) === undefined)
    .flatMap((tile) => (kind === 'gradWeight' ? withSplits(tile, dims, features) : [tile]));
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
