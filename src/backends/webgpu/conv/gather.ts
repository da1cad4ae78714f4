// Convolutions whose rows are pixels: each pixel of the result gathers what its taps show it of the
// source and multiplies that with the weights. Forward and gradInput are two ways to fill in a Gather.
//
//   result[p, column] = Σ over taps (u, v), channels k of  source[pixel of p at (u, v), k] · weight(u, v, k, column)
//
// It is a matrix product [pixels, taps · channels] · [taps · channels, columns] whose left matrix is never
// made: an invocation finds its pixels once, before the loop, and every tap adds a shift to their places.
// Cost: a source value is read (taps · columns / tile.columns) times, from cache but for the first.
import type { Storage } from '../halves.ts';
import type { Binding, Shader } from '../kernel.ts';
import { declare, grid as workgroupGrid } from '../wgsl.ts';
import { vectorsOf } from './dims.ts';
import { directLoop } from './direct.ts';
import { gatherProduct } from './gatherOperands.ts';
import { groupNumber, productLoop, productMemory, storeSums } from './gemm.ts';
import { unitDirectives, unitInputs } from './matrixUnits.ts';
import { indented } from './product.ts';
import { type Tile, threadsOf } from './tile.ts';

/** Pixels of the result that use the same taps. Counts are of one picture. */
export interface PixelGrid {
  readonly rows: number;
  readonly columns: number;
  /** Pixel of the source that tap (0, 0) of pixel (0, 0) reads; may lie outside. */
  readonly originY: number;
  readonly originX: number;
  readonly tapsY: number;
  readonly tapsX: number;
  /** Which tap of the weights is tap (0, 0). */
  readonly firstU: number;
  readonly firstV: number;
  /** Pixel of the result that is pixel (0, 0). */
  readonly firstY: number;
  readonly firstX: number;
}

export interface Picture {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly storage: Storage;
}

export interface Gather {
  readonly label: string;
  readonly n: number;
  readonly source: Picture;
  readonly result: Picture;
  readonly grids: readonly PixelGrid[];
  /** Each pixel reads the pixel of its own number, and one tap there is. */
  readonly pointwise: boolean;
  /** Pixels of the source from one pixel of the result to the next, and from one tap to the next. */
  readonly pixelStep: number;
  readonly tapStep: 1 | -1;
  /** Pixels of the result, and taps of the weights, from one to the next of a grid. */
  readonly gridStep: number;
  /** Width of the kernel. */
  readonly kw: number;
  /** Whether the weights' vectors, which are of the outputs' channels, go along the columns or the depth. */
  readonly weights: 'along columns' | 'along depth';
  readonly bindings: readonly Binding[];
  /** Statements that write `sum` to vector `at` of the result, and `column` of its pixel. */
  readonly write: string;
}

export function gatherShader(gather: Gather, tile: Tile): Shader {
  const { bindings, grids, label, n, result } = gather;
  const columnBlocks = Math.ceil(vectorsOf(result.channels) / (tile.columns / 4));
  const rowBlocks = grids.map(({ rows, columns }) => Math.ceil((n * rows * columns) / tile.rows));
  const groups = columnBlocks * rowBlocks.reduce((sum, count) => sum + count, 0);
  const workgroups = workgroupGrid(groups);
  const product = gatherProduct(gather, tile);
  const direct = tile.stages === 0;
  const several = grids.length > 1;
  const code = `${unitDirectives(tile.unit)}${declare(bindings)}
${direct ? '' : productMemory(product)}

struct PixelGrid {
${[...gridFields, 'block'].map((field) => `  ${snakeCase(field)}: ${fieldType(field)},`).join('\n')}
}
${gridConstants(grids, rowBlocks)}

fn store(${several ? 'grid: PixelGrid, ' : ''}p: u32, column: u32, sums: vec4<f32>) {
  if (p >= ${n}u * grid.rows * grid.columns || column >= ${vectorsOf(result.channels)}u) { return; }
  let at = ${resultPixel(gather)} * ${vectorsOf(result.channels)}u + column;
  var sum = sums;
${gather.write}
}

@compute @workgroup_size(${threadsOf(tile)})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32${unitInputs(tile.unit)}) {
  let number = ${groupNumber(workgroups)};
${workgroups[1] === 1 ? '' : `  if (number >= ${groups}u) { return; }\n`}  let first_column = number % ${columnBlocks}u * ${tile.columns / 4}u;
  let block = number / ${columnBlocks}u;
${several ? chooseGrid(rowBlocks) : ''}  let first_row = (block - grid.block) * ${tile.rows}u;
  let pixels = ${n}u * grid.rows * grid.columns;
${direct ? directLoop(gather, tile) : productLoop(product)}
${storeSums(product, (row, column, sum) => `store(${several ? 'grid, ' : ''}first_row + ${row}, first_column + ${column}, ${sum});`)}
}
`;
  return { label, code: indented(code), bindings, workgroups };
}

const gridFields = [
  'rows',
  'columns',
  'originY',
  'originX',
  'tapsY',
  'tapsX',
  'firstU',
  'firstV',
  'firstY',
  'firstX',
] as const;

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

/** Origins may be negative; all else is counted. */
const fieldType = (field: string) => (field.startsWith('origin') ? 'i32' : 'u32');

/** One grid is a constant that the compiler folds; of several, a workgroup finds its own by its number. */
function gridConstants(grids: readonly PixelGrid[], rowBlocks: readonly number[]): string {
  let block = 0;
  const values = grids.map((grid, i) => {
    const fields = gridFields.map((field) => grid[field]);
    const value = `PixelGrid(${[...fields, block].join(', ')})`;
    block += rowBlocks[i]!;
    return value;
  });
  if (values.length === 1) return `const grid = ${values[0]};`;
  return `const grids = array<PixelGrid, ${values.length}>(\n${values.map((v) => `  ${v},`).join('\n')}\n);`;
}

function chooseGrid(rowBlocks: readonly number[]): string {
  let first = 0;
  const steps = rowBlocks.slice(0, -1).map((count) => {
    first += count;
    return `u32(block >= ${first}u)`;
  });
  return `  let grid = grids[${steps.join(' + ')}];\n`;
}

/** WGSL of the result's pixel that is pixel p of the grid. */
function resultPixel({ result, grids, gridStep }: Gather): string {
  const [only] = grids;
  const whole = only!.rows === result.height && only!.columns === result.width;
  if (grids.length === 1 && whole) return 'p';
  return `((p / (grid.rows * grid.columns) * ${result.height}u + p / grid.columns % grid.rows * ${gridStep}u + grid.first_y) * ${result.width}u + p % grid.columns * ${gridStep}u + grid.first_x)`;
}
