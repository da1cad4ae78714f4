// The part that all convolutions share: WGSL that multiplies two matrices step by step through workgroup
// memory into sums in registers. Where operands come from and where sums go is the callers' business.
//
// A workgroup makes a piece [rows, columns] of the result. A step brings [rows, depth] of A and
// [depth, columns] of B into workgroup memory; an invocation reads threadRows + threadColumns
// values a depth and makes threadRows × threadColumns multiply-adds of them. Its rows and columns do not
// lie together but threads apart, so that neighbours read and write neighbouring vectors.
//
// Workgroup memory holds floats whatever the operands lie in: a half is widened once for the workgroup, not
// by each invocation that reads it.
//
// B lies as [depth, columns / 4] vectors. A lies as [rows, depth / 4] where its vectors go along the depth (channels
// of a pixel), as [depth, rows / 4] where they go along the rows (channels of a weight).
import { type Storage, vectors, widened } from '../halves.ts';
import { onMatrixUnit, unitMemory, unitMultiply, unitResults, unitSums } from './matrixUnits.ts';
import {
  columnOf,
  columnVectors,
  lines,
  type Operand,
  type Product,
  plus,
  rowOf,
  sumName,
  threadsAcross,
  threadsDown,
} from './product.ts';
import { type Tile, threadsOf } from './tile.ts';

/** Registers that it takes all invocations to bring `vectors` vectors. */
export const slotsOf = (vectors: number, tile: Tile): number =>
  Math.ceil(vectors / threadsOf(tile));

/** `statements` of slot i, left out by invocations that are too many. */
export function ofSlot(vectors: number, tile: Tile, i: number, statements: string): string {
  const left = vectors - i * threadsOf(tile);
  return left >= threadsOf(tile) ? statements : `    if (lane < ${left}u) {\n${statements}\n    }`;
}

/** A statement that puts a vector at its place in an operand's tile. */
export const putVector = (
  { unit }: Tile,
  matrix: 'a' | 'b',
  place: string,
  vector: string,
): string =>
  unit ? `put_${matrix}(${place}, ${vector});` : `tile_${matrix}[${place}] = ${vector};`;

/** Puts an operand's registers a0, a1, … (or b0, b1, …) into its tile, one after the other. */
export const putInOrder =
  (matrix: 'a' | 'b', storage: Storage, vectors: number, tile: Tile) =>
  (to: string): string =>
    lines(slotsOf(vectors, tile), (i) => {
      const place = `${to} + lane${plus(i * threadsOf(tile))}`;
      const vector = widened(storage, `${matrix}${i}`);
      return ofSlot(vectors, tile, i, `    ${putVector(tile, matrix, place, vector)}`);
    });

/** Module scope: the workgroup memory. */
export function productMemory(product: Product): string {
  if (onMatrixUnit(product)) return unitMemory(product);
  const { rows, columns, depth, stages } = product.tile;
  return `var<workgroup> tile_a: array<vec4<f32>, ${(rows * depth * stages) / 4}>;
var<workgroup> tile_b: array<vec4<f32>, ${(depth * columns * stages) / 4}>;`;
}

/** Statements from the first fetch to the last multiplication. `lane` is the invocation's number. */
export function productLoop(product: Product): string {
  const { tile, a, b, steps } = product;
  const { threadRows } = tile;
  const sums = lines(threadRows, (i) =>
    lines(columnVectors(tile), (j) => `  var ${sumName(i, j)} = vec4<f32>();`),
  );
  return `  let ty = lane / ${threadsAcross(tile)}u;
  let tx = lane % ${threadsAcross(tile)}u;
${a.setup}
${b.setup}
  let steps = ${steps};
${sums}
${onMatrixUnit(product) ? `${unitSums(product)}\n` : ''}${tile.stages === 1 ? oneStage(product) : twoStages(product)}${onMatrixUnit(product) ? `\n${unitResults(product)}` : ''}`;
}

function registers({ a, b }: Product): string {
  const declare = ({ storage, registers }: Operand) =>
    registers.map((name) => `    var ${name} = ${vectors(storage)}();`);
  return [...declare(a), ...declare(b)].join('\n');
}

const fetch = ({ common = '', a, b }: Product) =>
  [common, a.fetch, b.fetch].filter(Boolean).join('\n');

function oneStage(product: Product): string {
  return `  for (var step = 0u; step < steps; step++) {
${registers(product)}
${fetch(product)}
    workgroupBarrier();
${product.a.put('0u')}
${product.b.put('0u')}
    workgroupBarrier();
${multiply(product, '0u', '0u')}
  }`;
}

/** The memory of one step is read while that of the next is written: one barrier a step. */
function twoStages(product: Product): string {
  const { tile, a, b } = product;
  const [sizeA, sizeB] = [(tile.rows * tile.depth) / 4, (tile.columns * tile.depth) / 4];
  return `  for (var next = 0u; next <= steps; next++) {
${registers(product)}
    if (next < steps) {
      let step = next;
${fetch(product)}
    }
    if (next > 0u) {
      let full = (next + 1u) % 2u;
${multiply(product, `full * ${sizeA}u`, `full * ${sizeB}u`)}
    }
    let empty = next % 2u;
${a.put(`empty * ${sizeA}u`)}
${b.put(`empty * ${sizeB}u`)}
    workgroupBarrier();
  }`;
}

function multiply(product: Product, fromA: string, fromB: string): string {
  if (onMatrixUnit(product)) return unitMultiply(product);
  const along = product.along === 'depth' ? alongDepth : alongRows;
  return along(product, fromA, fromB);
}

const loadB = ({ tile }: Product, depth: string, fromB: string) =>
  lines(columnVectors(tile), (j) => {
    const at = `${fromB} + (${depth}) * ${tile.columns / 4}u + ${columnOf(tile, j)}`;
    return `        let b${j} = tile_b[${at}];`;
  });

/** Four depths at a time: a vector of A for every row, then for each component the vectors of B. */
function alongDepth(product: Product, fromA: string, fromB: string): string {
  const { tile } = product;
  const vectors = tile.depth / 4;
  const loadA = lines(tile.threadRows, (i) => {
    const at = `${fromA} + (${rowOf(product, i)}) * ${vectors}u + k`;
    return `      let a${i} = tile_a[${at}];`;
  });
  const component = (c: string, depth: number) => `      {
${loadB(product, `k * 4u + ${depth}u`, fromB)}
${addProducts(tile, (i) => `a${i}.${c}`)}
      }`;
  return `    for (var k = 0u; k < ${vectors}u; k++) {
${loadA}
${[...'xyzw'].map(component).join('\n')}
    }`;
}

/** One depth at a time: its vectors of A hold four rows each. */
function alongRows(product: Product, fromA: string, fromB: string): string {
  const { tile } = product;
  const loadA = lines(tile.threadRows / 4, (i) => {
    const at = `${fromA} + k * ${tile.rows / 4}u + ty${plus(i * threadsDown(tile))}`;
    return `        let a${i} = tile_a[${at}];`;
  });
  return `    for (var k = 0u; k < ${tile.depth}u; k++) {
${loadA}
${loadB(product, 'k', fromB)}
${addProducts(tile, (i) => `a${Math.floor(i / 4)}.${'xyzw'[i % 4]}`)}
    }`;
}

const addProducts = (tile: Tile, a: (i: number) => string): string =>
  lines(tile.threadRows, (i) =>
    lines(columnVectors(tile), (j) => `        ${sumName(i, j)} += ${a(i)} * b${j};`),
  );

/** Statements that hand every sum of the invocation to `store(row, column, sum)`. */
export function storeSums(
  product: Product,
  store: (row: string, column: string, sum: string) => string,
): string {
  const { tile } = product;
  return lines(tile.threadRows, (i) =>
    lines(columnVectors(tile), (j) => {
      return `  ${store(rowOf(product, i), columnOf(tile, j), sumName(i, j))}`;
    }),
  );
}

/** The number of a workgroup in a grid that is folded where a dimension ends. */
export const groupNumber = ([x, y]: readonly [number, number, number]): string =>
  y === 1 ? 'group.x' : `group.y * ${x}u + group.x`;
