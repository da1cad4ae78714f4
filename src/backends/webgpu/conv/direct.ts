// A gathering convolution (gather.ts) without workgroup memory: an invocation reads pixels and weights of its
// piece where they lie and leans on the caches; nobody waits for anybody. It pays where workgroup memory is no
// nearer than the rest (a CPU that emulates a GPU; some mobile GPUs), and where a map is so small that a
// workgroup would share little. Each value is read by as many invocations as use it:
// threadRows + threadColumns values a depth for threadRows × threadColumns multiply-adds.
import { widened } from '../halves.ts';
import { vectorsOf } from './dims.ts';
import type { Gather } from './gather.ts';
import { insideOf, placeOf } from './gatherOperands.ts';
import { columnOf, columnVectors, lines, plus, rowOf, sumName, threadsAcross } from './product.ts';
import type { Tile } from './tile.ts';

/** Statements from the first read to the last multiplication; what they need is there in gatherShader. */
export function directLoop(gather: Gather, tile: Tile): string {
  const { source, result, pointwise, tapStep } = gather;
  const rows = (line: (i: number) => string) => lines(tile.threadRows, line);
  const columns = (line: (j: number) => string) => lines(columnVectors(tile), line);
  const vectors = vectorsOf(source.channels);
  const last = vectorsOf(result.channels) - 1;
  const shift = `${tapStep === 1 ? '+' : '-'} (u * ${source.width} + v) * ${vectors}`;
  const pixel = (i: number) => `  let p${i} = first_row + ${rowOf({ tile, along: 'depth' }, i)};`;
  const from = (i: number) =>
    pointwise
      ? `    let inside${i} = p${i} < pixels;
    let from${i} = select(0, i32(p${i}) * ${vectors}, inside${i});`
      : `    let inside${i} = ${insideOf(gather, i).join(' && ')};
    let from${i} = select(0, at${i} ${shift}, inside${i});`;
  // What lies outside reads some other pixel in vain, which costs less than a branch.
  const read = (i: number) =>
    `      let a${i} = select(vec4<f32>(), ${widened(source.storage, `${source.name}[from${i} + channel]`)}, inside${i});`;
  return `  let ty = lane / ${threadsAcross(tile)}u;
  let tx = lane % ${threadsAcross(tile)}u;
${rows((i) => (pointwise ? pixel(i) : `${pixel(i)}\n${placeOf(gather, i)}`))}
${columns((j) => `  let column${j} = i32(min(first_column + ${columnOf(tile, j)}, ${last}u));`)}
${rows((i) => columns((j) => `  var ${sumName(i, j)} = vec4<f32>();`))}
  for (var tap = 0; tap < i32(grid.taps_y * grid.taps_x); tap++) {
    let u = tap / i32(grid.taps_x);
    let v = tap % i32(grid.taps_x);
${rows(from)}
    let weight_tap = ${weightTap(gather)};
    for (var channel = 0; channel < ${vectors}; channel++) {
${rows(read)}
${(gather.weights === 'along columns' ? alongColumns : alongDepth)(gather, tile)}
    }
  }`;
}

const weightTap = ({ weights, gridStep, kw }: Gather): string =>
  weights === 'along columns'
    ? 'tap'
    : `(i32(grid.first_u) + u * ${gridStep}) * ${kw} + i32(grid.first_v) + v * ${gridStep}`;

/** Weights of four channels of the source, one after the other, each a vector of the result's channels. */
function alongColumns({ source, result }: Gather, tile: Tile): string {
  const vectors = vectorsOf(source.channels);
  const columns = vectorsOf(result.channels);
  const products = (c: string) =>
    lines(tile.threadRows, (i) =>
      lines(columnVectors(tile), (j) => `        ${sumName(i, j)} += a${i}.${c} * b${j};`),
    );
  return [...'xyzw']
    .map(
      (c, e) => `      {
        let at = ((weight_tap * ${vectors} + channel) * 4${e === 0 ? '' : ` + ${e}`}) * ${columns};
${lines(columnVectors(tile), (j) => `        let b${j} = w[at + column${j}];`)}
${products(c)}
      }`,
    )
    .join('\n');
}

/** Weights of four of the result's channels, each a vector of the source's. */
function alongDepth({ source, result }: Gather, tile: Tile): string {
  const vectors = vectorsOf(source.channels);
  const columns = vectorsOf(result.channels) * 4;
  return lines(
    columnVectors(tile),
    (j) => `      {
        let at = u32((weight_tap * ${columns} + column${j} * 4) * ${vectors} + channel);
${lines(4, (e) => `        let b${e} = w[at${plus(e * vectors)}];`)}
${lines(tile.threadRows, (i) => `        ${sumName(i, j)} += vec4<f32>(${lines(4, (e) => `dot(a${i}, b${e})`).replaceAll('\n', ', ')});`)}
      }`,
  );
}
