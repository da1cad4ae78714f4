// The product of gemm.ts on matrix units: a subgroup multiplies small matrices in one operation (WGSL's
// subgroup matrices, an experiment of Dawn's). Operands come into workgroup memory as they do elsewhere, as
// numbers of the unit's type; each subgroup makes a piece of the workgroup's, a grid of small matrices. What
// comes out goes through workgroup memory to the invocations, for which all else stays as it is.
import type { MatrixUnit } from '../kernel.ts';
import { columnOf, lines, type Product, rowOf, sumName } from './product.ts';
import { subgroupPiece, type UnitTile } from './tile.ts';

type UnitProduct = Product & { readonly tile: UnitTile };

export const onMatrixUnit = (product: Product): product is UnitProduct =>
  product.tile.unit !== undefined;

/** WGSL before all else, and after the last parameter of the entry point. */
export const unitDirectives = (unit: MatrixUnit | undefined): string =>
  unit
    ? `enable chromium_experimental_subgroup_matrix;\nenable subgroups;\n${unit.component === 'f16' ? 'enable f16;\n' : ''}`
    : '';
export const unitInputs = (unit: MatrixUnit | undefined): string =>
  unit ? ', @builtin(subgroup_id) subgroup: u32' : '';

/** Module scope: the workgroup memory and the ways into it and out. */
export function unitMemory(product: UnitProduct): string {
  const { rows, columns, depth, unit } = product.tile;
  const put = (name: string) => `fn put_${name}(place: u32, vector: vec4<f32>) {
  for (var i = 0u; i < 4u; i++) { tile_${name}[place * 4u + i] = ${unit.component}(vector[i]); }
}`;
  return `var<workgroup> tile_a: array<${unit.component}, ${rows * depth}>;
var<workgroup> tile_b: array<${unit.component}, ${depth * columns}>;
var<workgroup> results: array<f32, ${rows * columns}>;

${put('a')}
${put('b')}
${unitOperations(product)}`;
}

/** The four operations on matrices, by the place of their first number in workgroup memory. */
export function unitOperations({ tile, along }: UnitProduct): string {
  const { rows, columns, depth, unit } = tile;
  const { component, m, n, k } = unit;
  const [order, stride] = along === 'depth' ? ['row_major', depth] : ['col_major', rows];
  return `alias Left = subgroup_matrix_left<${component}, ${k}, ${m}>;
alias Right = subgroup_matrix_right<${component}, ${n}, ${k}>;
alias Sum = subgroup_matrix_result<f32, ${n}, ${m}>;
fn load_left(at: u32) -> Left { return subgroupMatrixLoad<Left, ${order}>(&tile_a, at, ${stride}u); }
fn load_right(at: u32) -> Right { return subgroupMatrixLoad<Right, row_major>(&tile_b, at, ${columns}u); }
fn add_product(a: Left, b: Right, sum: Sum) -> Sum { return subgroupMatrixMultiplyAccumulate(a, b, sum); }
fn store_sum(at: u32, sum: Sum) { subgroupMatrixStore<row_major>(&results, at, sum, ${columns}u); }`;
}

/** Small matrices of a subgroup's piece, down and across. */
function gridOf({ tile }: UnitProduct) {
  const piece = subgroupPiece(tile);
  return { ...piece, down: piece.rows / tile.unit.m, right: piece.columns / tile.unit.n };
}

const eachMatrix = (product: UnitProduct, line: (i: number, j: number) => string): string => {
  const { down, right } = gridOf(product);
  return lines(down, (i) => lines(right, (j) => line(i, j)));
};

/** Statements before the loop: where the subgroup's piece lies, and its sums. */
export function unitSums(product: UnitProduct): string {
  const { rows, columns } = gridOf(product);
  const across = product.tile.columns / columns;
  return `  let piece_row = subgroup / ${across}u * ${rows}u;
  let piece_column = subgroup % ${across}u * ${columns}u;
${eachMatrix(product, (i, j) => `  var product_${i}_${j} = Sum();`)}`;
}

export function unitMultiply(product: UnitProduct): string {
  const { tile, along } = product;
  const { rows, columns, depth, unit } = tile;
  const { m, n, k } = unit;
  const { down, right } = gridOf(product);
  const left = (i: number) =>
    along === 'depth'
      ? `(piece_row + ${i * m}u) * ${depth}u + k`
      : `k * ${rows}u + piece_row + ${i * m}u`;
  return `    for (var k = 0u; k < ${depth}u; k += ${k}u) {
${lines(down, (i) => `      let left_${i} = load_left(${left(i)});`)}
${lines(right, (j) => `      let right_${j} = load_right(k * ${columns}u + piece_column + ${j * n}u);`)}
${eachMatrix(product, (i, j) => `      product_${i}_${j} = add_product(left_${i}, right_${j}, product_${i}_${j});`)}
    }`;
}

/** Statements after the loop: the sums of the invocation, under the names that storeSums() reads. */
export function unitResults(product: UnitProduct): string {
  const { tile } = product;
  const { m, n } = tile.unit;
  const sum = (i: number, j: number) => `  {
    let at = (${rowOf(product, i)}) * ${tile.columns}u + (${columnOf(tile, j)}) * 4u;
    ${sumName(i, j)} = vec4<f32>(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
  }`;
  return `${eachMatrix(product, (i, j) => `  store_sum((piece_row + ${i * m}u) * ${tile.columns}u + piece_column + ${j * n}u, product_${i}_${j});`)}
  workgroupBarrier();
${lines(tile.threadRows, (i) => lines(tile.threadColumns / 4, (j) => sum(i, j)))}`;
}
