// dw of a convolution: a product with few rows and columns and a depth of all pixels of a batch.
//   x: [N, H, W, C4], dy: [N, outH, outW, M4], dw: [kh, kw, C4, M4]
//   dw[u, v, c, m] = Σ over pixels of  x[n, i·stride + u − padding, j·stride + v − padding, c] · dy[n, i, j, m]
// Rows are (tap, channel of x), columns channels of dy. The pixels are cut into `splits` stretches, so that there
// is work for the whole device; each writes its own dw into scratch memory, and sumParts.ts adds
// them in a fixed order. Cost beside the product: splits · |dw| written and read.
import { type Storage, type Storages, vectors } from '../halves.ts';
import type { GpuFeatures, Shader } from '../kernel.ts';
import { declare, grid, read, readWrite } from '../wgsl.ts';
import { type ConvDims, isPointwise, sizesOf, vectorsOf } from './dims.ts';
import {
  groupNumber,
  ofSlot,
  productLoop,
  productMemory,
  putInOrder,
  slotsOf,
  storeSums,
} from './gemm.ts';
import { columnSums, type TwoStages } from './gradBias.ts';
import { unitDirectives, unitInputs } from './matrixUnits.ts';
import { indented, lines, type Operand, type Product, plus } from './product.ts';
import { sumParts } from './sumParts.ts';
import { expectTile, type Tile, threadsOf, tileName } from './tile.ts';

export interface GradWeight extends TwoStages {
  /** Of dy, where the convolution has a bias: bindings dy, scratch and scratch, db. */
  readonly bias?: TwoStages;
}

/** Bindings: x, dy, scratch for the partial sums; scratch, dw for their sum. */
export function convGradWeight(
  d: ConvDims,
  { bias }: { readonly bias: boolean },
  tile: Tile,
  features: GpuFeatures,
  storages: Storages<'x' | 'dy'> = {},
): GradWeight {
  const sizes = sizesOf(d);
  const parts = stretchesOf(d, expectTile(tile, features)).count;
  const size = d.kh * d.kw * vectorsOf(d.cin) * 4 * vectorsOf(d.cout);
  return {
    partials: partials(d, tile, storages),
    reduce: sumParts(
      `conv2dGradWeight sum ${sizes} ${parts}`,
      ['scratch', 'dw'],
      { parts, vectors: size },
      features,
    ),
    scratchFloats: parts * size * 4,
    ...(bias && { bias: columnSums(d, features, storages.dy) }),
  };
}

/** Stretches of whole steps; none is empty. */
function stretchesOf({ n, outH, outW }: ConvDims, { depth, splits = 1 }: Tile) {
  const pixels = n * outH * outW;
  const length = Math.ceil(pixels / splits / depth) * depth;
  return { pixels, length, count: Math.ceil(pixels / length) };
}

function partials(
  d: ConvDims,
  tile: Tile,
  { x = 'f32', dy = 'f32' }: Storages<'x' | 'dy'>,
): Shader {
  const { pixels, length, count } = stretchesOf(d, tile);
  const rowVectors = d.kh * d.kw * vectorsOf(d.cin);
  const columns = vectorsOf(d.cout);
  const rowBlocks = Math.ceil((rowVectors * 4) / tile.rows);
  const columnBlocks = Math.ceil(columns / (tile.columns / 4));
  const bindings = [read('x', vectors(x)), read('dy', vectors(dy)), readWrite('scratch')];
  const groups = rowBlocks * columnBlocks * count;
  const workgroups = grid(groups);
  const product: Product = {
    tile,
    along: 'rows',
    a: inputOperand(d, tile, x),
    b: gradientOperand(d, tile, dy),
    steps: `(past - first_pixel + ${tile.depth - 1}u) / ${tile.depth}u`,
  };
  const code = `${unitDirectives(tile.unit)}${declare(bindings)}
${productMemory(product)}

fn store(stretch: u32, row: u32, column: u32, sum: vec4<f32>) {
  if (row >= ${rowVectors * 4}u || column >= ${columns}u) { return; }
  scratch[(stretch * ${rowVectors * 4}u + row) * ${columns}u + column] = sum;
}

@compute @workgroup_size(${threadsOf(tile)})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32${unitInputs(tile.unit)}) {
  let number = ${groupNumber(workgroups)};
${workgroups[1] === 1 ? '' : `  if (number >= ${groups}u) { return; }\n`}  let first_column = number % ${columnBlocks}u * ${tile.columns / 4}u;
  let first_row = number / ${columnBlocks}u % ${rowBlocks}u * ${tile.rows}u;
  let stretch = number / ${columnBlocks * rowBlocks}u;
  let first_pixel = stretch * ${length}u;
  let past = min(first_pixel + ${length}u, ${pixels}u);
${productLoop(product)}
${storeSums(product, (row, column, sum) => `store(stretch, first_row + ${row}, first_column + ${column}, ${sum});`)}
}
`;
  const label = `conv2dGradWeight ${sizesOf(d)} tile ${tileName(tile)}`;
  return { label, code: indented(code), bindings, workgroups };
}

/** x: an invocation's vector of channels and tap stay the same, its pixel goes on with the steps. */
function inputOperand(d: ConvDims, tile: Tile, storage: Storage): Operand {
  const across = tile.rows / 4;
  const all = tile.depth * across;
  const slots = slotsOf(all, tile);
  const apart = threadsOf(tile) / across;
  const channels = vectorsOf(d.cin);
  const rows = d.kh * d.kw * channels;
  const exists = rows % across === 0 ? '' : ` && row < ${rows}u`;
  const pixel = (i: number) =>
    `      let p = first_pixel + step * ${tile.depth}u + lane / ${across}u${plus(i * apart)};`;
  const own = (i: number) => `    {
${pixel(i)}
      if (p < past${exists}) { a${i} = x[p * ${channels}u + row]; }
    }`;
  const gathered = (i: number) => `    {
${pixel(i)}
      let y = i32(p / ${d.outW}u % ${d.outH}u) * ${d.stride} + down;
      let z = i32(p % ${d.outW}u) * ${d.stride} + right;
      if (p < past${exists} && u32(y) < ${d.h}u && u32(z) < ${d.w}u) {
        a${i} = x[((i32(p / ${d.outH * d.outW}u) * ${d.h} + y) * ${d.w} + z) * ${channels} + channel];
      }
    }`;
  const tap = `
  let channel = i32(row % ${channels}u);
  let down = i32(row / ${channels * d.kw}u) - ${d.padding};
  let right = i32(row / ${channels}u % ${d.kw}u) - ${d.padding};`;
  const pointwise = isPointwise(d);
  return {
    storage,
    setup: `  let row = first_row / 4u + lane % ${across}u;${pointwise ? '' : tap}`,
    registers: Array.from({ length: slots }, (_, i) => `a${i}`),
    fetch: lines(slots, (i) => ofSlot(all, tile, i, (pointwise ? own : gathered)(i))),
    put: putInOrder('a', storage, all, tile),
  };
}

function gradientOperand(d: ConvDims, tile: Tile, storage: Storage): Operand {
  const across = tile.columns / 4;
  const all = tile.depth * across;
  const slots = slotsOf(all, tile);
  const apart = threadsOf(tile) / across;
  const columns = vectorsOf(d.cout);
  const exists = columns % across === 0 ? '' : ` && column < ${columns}u`;
  const read = (i: number) => `    {
      let p = first_pixel + step * ${tile.depth}u + lane / ${across}u${plus(i * apart)};
      if (p < past${exists}) { b${i} = dy[p * ${columns}u + column]; }
    }`;
  return {
    storage,
    setup: `  let column = first_column + lane % ${across}u;`,
    registers: Array.from({ length: slots }, (_, i) => `b${i}`),
    fetch: lines(slots, (i) => ofSlot(all, tile, i, read(i))),
    put: putInOrder('b', storage, all, tile),
  };
}
