// Convolutions whose rows are pixels: each pixel of the result gathers what its taps show it of the
// source and multiplies that with the weights. Forward and gradInput are two ways to fill in a Gather.
//
//   result[p, column] = Σ over taps (u, v), channels k of  source[pixel of p at (u, v), k] · weight(u, v, k, column)
//
// It is a matrix product [pixels, taps · channels] · [taps · channels, columns] whose left matrix is never
// made: an invocation finds its pixels once, before the loop, and every tap adds a shift to their places.
// Cost: a source value is read (taps · columns / tile.columns) times, from cache but for the first.
import type { Binding, Shader } from '../kernel.ts';
import { declare, grid as workgroupGrid } from '../wgsl.ts';
import { type Storage, vectorsOf } from './dims.ts';
import {
  groupNumber,
  lines,
  type Operand,
  ofSlot,
  type Product,
  productLoop,
  productMemory,
  slotsOf,
  storeSums,
} from './gemm.ts';
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
}

export interface Gather {
  readonly label: string;
  readonly n: number;
  readonly source: Picture;
  readonly result: Picture;
  readonly storage: Storage;
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

/** Coordinate of pixels past the end: no tap brings it inside a picture. */
const outside = -65536;

export function gatherShader(gather: Gather, tile: Tile): Shader {
  const { bindings, grids, label, n, result } = gather;
  const columnBlocks = Math.ceil(vectorsOf(result.channels) / (tile.columns / 4));
  const rowBlocks = grids.map(({ rows, columns }) => Math.ceil((n * rows * columns) / tile.rows));
  const groups = columnBlocks * rowBlocks.reduce((sum, count) => sum + count, 0);
  const workgroups = workgroupGrid(groups);
  const product = productOf(gather, tile);
  const several = grids.length > 1;
  const code = `${gather.storage === 'f16' ? 'enable f16;\n' : ''}${declare(bindings)}
${productMemory(product)}

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
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let number = ${groupNumber(workgroups)};
${workgroups[1] === 1 ? '' : `  if (number >= ${groups}u) { return; }\n`}  let first_column = number % ${columnBlocks}u * ${tile.columns / 4}u;
  let block = number / ${columnBlocks}u;
${several ? chooseGrid(rowBlocks) : ''}  let first_row = (block - grid.block) * ${tile.rows}u;
  let pixels = ${n}u * grid.rows * grid.columns;
${productLoop(product)}
${storeSums(product, (row, column, sum) => `store(${several ? 'grid, ' : ''}first_row + ${row}, first_column + ${column}, ${sum});`)}
}
`;
  return { label, code, bindings, workgroups };
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

function productOf(gather: Gather, tile: Tile): Product {
  const vectors = vectorsOf(gather.source.channels);
  const perStep = tile.depth / 4;
  const taps = 'grid.taps_y * grid.taps_x';
  const steps =
    vectors % perStep === 0
      ? `${taps} * ${vectors / perStep}u`
      : `(${taps} * ${vectors}u + ${perStep - 1}u) / ${perStep}u`;
  return {
    tile,
    along: 'depth',
    a: sourceOperand(gather, tile),
    b:
      gather.weights === 'along columns'
        ? weightOperand(gather, tile)
        : transposedOperand(gather, tile),
    common: depthOf(gather, tile),
    steps,
  };
}

/**
 * Which tap (u, v) and vector of channels the invocation's place `q` in the depth of a step is. Where steps do
 * not straddle taps, the tap is one for all invocations; where they do, the last may go past the end.
 */
function depthOf({ source, pointwise }: Gather, tile: Tile): string {
  const vectors = vectorsOf(source.channels);
  const perStep = tile.depth / 4;
  const parts =
    vectors % perStep === 0
      ? `    let tap = step / ${vectors / perStep}u;
    let channel = step % ${vectors / perStep}u * ${perStep}u + q;`
      : `    let depth = step * ${perStep}u + q;
    let tap = depth / ${vectors}u;
    let channel = depth % ${vectors}u;`;
  if (pointwise) return parts;
  return `${parts}
    let u = tap / grid.taps_x;
    let v = tap % grid.taps_x;`;
}

/** WGSL that holds while the place in the depth exists. */
const inDepth = ({ source }: Gather, tile: Tile): string[] =>
  (vectorsOf(source.channels) * 4) % tile.depth === 0 ? [] : ['tap < grid.taps_y * grid.taps_x'];

function sourceOperand(gather: Gather, tile: Tile): Operand {
  const { source, pointwise, pixelStep, tapStep, storage } = gather;
  const { name, height, width } = source;
  const vectors = vectorsOf(source.channels);
  const perStep = tile.depth / 4;
  const all = tile.rows * perStep;
  const slots = slotsOf(all, tile);
  const apart = threadsOf(tile) / perStep;
  const sign = tapStep === 1 ? '+' : '-';
  const pixel = (i: number) => `  let p${i} = first_row + lane / ${perStep}u + ${i * apart}u;`;
  const place = (i: number) => `${pixel(i)}
  let y${i} = select(${outside}, i32(p${i} / grid.columns % grid.rows) * ${pixelStep} + grid.origin_y, p${i} < pixels);
  let x${i} = i32(p${i} % grid.columns) * ${pixelStep} + grid.origin_x;
  let at${i} = ((i32(p${i} / (grid.rows * grid.columns)) * ${height} + y${i}) * ${width} + x${i}) * ${vectors};`;
  const shifted = `    let down = i32(u);
    let right = i32(v);
    let shift = i32(channel) ${sign} (down * ${width} + right) * ${vectors};`;
  const read = (i: number) => {
    const [inside, at] = pointwise
      ? [[`p${i} < pixels`], `p${i} * ${vectors}u + channel`]
      : [
          [`u32(y${i} ${sign} down) < ${height}u`, `u32(x${i} ${sign} right) < ${width}u`],
          `at${i} + shift`,
        ];
    const condition = [...inDepth(gather, tile), ...inside].join(' && ');
    return `    if (${condition}) { a${i} = ${name}[${at}]; }`;
  };
  return {
    storage,
    setup: `  let q = lane % ${perStep}u;\n${lines(slots, pointwise ? pixel : place)}`,
    registers: Array.from({ length: slots }, (_, i) => `a${i}`),
    fetch: `${pointwise ? '' : `${shifted}\n`}${lines(slots, (i) => ofSlot(all, tile, i, read(i)))}`,
    put: (to) =>
      lines(slots, (i) =>
        ofSlot(all, tile, i, `    tile_a[${to} + lane + ${i * threadsOf(tile)}u] = a${i};`),
      ),
  };
}

/** Weights [kh, kw, C4, M4] are the right matrix as they lie: a row for each tap and channel of the source. */
function weightOperand(gather: Gather, tile: Tile): Operand {
  const across = tile.columns / 4;
  const all = tile.depth * across;
  const slots = slotsOf(all, tile);
  const apart = threadsOf(tile) / across;
  const columns = vectorsOf(gather.result.channels);
  const { tapsY, tapsX } = gather.grids[0]!;
  const rows = tapsY * tapsX * vectorsOf(gather.source.channels) * 4;
  const inside = [
    ...(columns % across === 0 ? [] : [`column < ${columns}u`]),
    ...(rows % tile.depth === 0 ? [] : [`row < ${rows}u`]),
  ].join(' && ');
  const read = (i: number) => `    {
      let row = step * ${tile.depth}u + lane / ${across}u + ${i * apart}u;
      ${inside && `if (${inside}) `}{ b${i} = w[row * ${columns}u + column]; }
    }`;
  return {
    storage: 'f32',
    setup: `  let column = first_column + lane % ${across}u;`,
    registers: Array.from({ length: slots }, (_, i) => `b${i}`),
    fetch: lines(slots, (i) => ofSlot(all, tile, i, read(i))),
    put: (to) =>
      lines(slots, (i) =>
        ofSlot(all, tile, i, `    tile_b[${to} + lane + ${i * threadsOf(tile)}u] = b${i};`),
      ),
  };
}

/**
 * Weights [kh, kw, C4, M4] with M along the depth: an invocation brings blocks of 4 × 4, a vector of M for each
 * of four columns, and turns them.
 */
function transposedOperand(gather: Gather, tile: Tile): Operand {
  const perStep = tile.depth / 4;
  const across = tile.columns / 4;
  const all = perStep * across;
  const slots = slotsOf(all, tile);
  const apart = threadsOf(tile) / perStep;
  const { gridStep, kw } = gather;
  const depth = vectorsOf(gather.source.channels);
  const columns = vectorsOf(gather.result.channels);
  const inside = [
    ...inDepth(gather, tile),
    ...(columns % across === 0 ? [] : [`column < ${columns}u`]),
  ].join(' && ');
  const tap = gather.pointwise
    ? '0u'
    : `((grid.first_u + u * ${gridStep}u) * ${kw}u + grid.first_v + v * ${gridStep}u)`;
  const read = (i: number) => `    {
      let column = first_column + lane / ${perStep}u + ${i * apart}u;
      ${inside && `if (${inside}) `}{
        let at = (weight_tap * ${columns * 4}u + column * 4u) * ${depth}u + channel;
${lines(4, (e) => `        b${i}_${e} = w[at + ${e * depth}u];`)}
      }
    }`;
  const turned = (i: number, c: string) =>
    `vec4<f32>(${[0, 1, 2, 3].map((e) => `b${i}_${e}.${c}`).join(', ')})`;
  const write = (i: number, to: string) => `    {
      let place = ${to} + q * ${tile.columns}u + lane / ${perStep}u + ${i * apart}u;
${[...'xyzw'].map((c, e) => `      tile_b[place + ${e * across}u] = ${turned(i, c)};`).join('\n')}
    }`;
  return {
    storage: 'f32',
    setup: '',
    registers: Array.from({ length: slots * 4 }, (_, i) => `b${Math.floor(i / 4)}_${i % 4}`),
    fetch: `    let weight_tap = ${tap};\n${lines(slots, (i) => ofSlot(all, tile, i, read(i)))}`,
    put: (to) => lines(slots, (i) => ofSlot(all, tile, i, write(i, to))),
  };
}
