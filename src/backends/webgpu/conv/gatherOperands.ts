// The operands of a gathering convolution (gather.ts): how an invocation brings its share of the source's
// pixels and of the weights into workgroup memory. They share the names `q`, the invocation's place in the
// depth of a step; `tap`, `u`, `v`, `channel`, what lies at that place; `pixels`, those of the grid.
import { vectorsOf } from './dims.ts';
import type { Gather } from './gather.ts';
import { ofSlot, putInOrder, putVector, slotsOf } from './gemm.ts';
import { lines, type Operand, type Product, plus } from './product.ts';
import { type Tile, threadsOf } from './tile.ts';

/** Coordinate of pixels past the end: no tap brings it inside a picture. */
const outside = -65536;

export function gatherProduct(gather: Gather, tile: Tile): Product {
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
    let u = i32(tap / grid.taps_x);
    let v = i32(tap % grid.taps_x);`;
}

/** WGSL that holds while the place in the depth exists. */
const inDepth = ({ source }: Gather, tile: Tile): string[] =>
  (vectorsOf(source.channels) * 4) % tile.depth === 0 ? [] : ['tap < grid.taps_y * grid.taps_x'];

/** Statements that find where tap (0, 0) of pixel `p0` (`p1`, …) is: row `y0`, column `x0`, vector `at0`. */
export function placeOf({ source, pixelStep }: Gather, i: number): string {
  const { height, width, channels } = source;
  return `  let y${i} = select(${outside}, i32(p${i} / grid.columns % grid.rows) * ${pixelStep} + grid.origin_y, p${i} < pixels);
  let x${i} = i32(p${i} % grid.columns) * ${pixelStep} + grid.origin_x;
  let at${i} = ((i32(p${i} / (grid.rows * grid.columns)) * ${height} + y${i}) * ${width} + x${i}) * ${vectorsOf(channels)};`;
}

/** WGSL that holds where tap (u, v) of that pixel lies in its picture. */
export function insideOf({ source, tapStep }: Gather, i: number): readonly string[] {
  const sign = tapStep === 1 ? '+' : '-';
  return [`u32(y${i} ${sign} u) < ${source.height}u`, `u32(x${i} ${sign} v) < ${source.width}u`];
}

function sourceOperand(gather: Gather, tile: Tile): Operand {
  const { source, pointwise, tapStep } = gather;
  const { name, width, storage } = source;
  const vectors = vectorsOf(source.channels);
  const perStep = tile.depth / 4;
  const all = tile.rows * perStep;
  const slots = slotsOf(all, tile);
  const apart = threadsOf(tile) / perStep;
  const sign = tapStep === 1 ? '+' : '-';
  const pixel = (i: number) => `  let p${i} = first_row + lane / ${perStep}u${plus(i * apart)};`;
  const place = (i: number) => `${pixel(i)}\n${placeOf(gather, i)}`;
  const shift = `    let shift = i32(channel) ${sign} (u * ${width} + v) * ${vectors};\n`;
  const read = (i: number) => {
    const [inside, at] = pointwise
      ? [[`p${i} < pixels`], `p${i} * ${vectors}u + channel`]
      : [insideOf(gather, i), `at${i} + shift`];
    const condition = [...inDepth(gather, tile), ...inside].join(' && ');
    return `    if (${condition}) { a${i} = ${name}[${at}]; }`;
  };
  return {
    storage,
    setup: `  let q = lane % ${perStep}u;\n${lines(slots, pointwise ? pixel : place)}`,
    registers: Array.from({ length: slots }, (_, i) => `a${i}`),
    fetch: `${pointwise ? '' : shift}${lines(slots, (i) => ofSlot(all, tile, i, read(i)))}`,
    put: putInOrder('a', storage, all, tile),
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
      let row = step * ${tile.depth}u + lane / ${across}u${plus(i * apart)};
      ${inside && `if (${inside}) `}{ b${i} = w[row * ${columns}u + column]; }
    }`;
  return {
    storage: 'f32',
    setup: `  let column = first_column + lane % ${across}u;`,
    registers: Array.from({ length: slots }, (_, i) => `b${i}`),
    fetch: lines(slots, (i) => ofSlot(all, tile, i, read(i))),
    put: putInOrder('b', 'f32', all, tile),
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
    : `(grid.first_u + u32(u) * ${gridStep}u) * ${kw}u + grid.first_v + u32(v) * ${gridStep}u`;
  const read = (i: number) => `    {
      let column = first_column + lane / ${perStep}u${plus(i * apart)};
      ${inside && `if (${inside}) `}{
        let at = (weight_tap * ${columns * 4}u + column * 4u) * ${depth}u + channel;
${lines(4, (e) => `        b${i}_${e} = w[at${plus(e * depth)}];`)}
      }
    }`;
  const turned = (i: number, c: string) =>
    `vec4<f32>(${[0, 1, 2, 3].map((e) => `b${i}_${e}.${c}`).join(', ')})`;
  const write = (i: number, to: string) => `    {
      let place = ${to} + q * ${tile.columns}u + lane / ${perStep}u${plus(i * apart)};
${[...'xyzw'].map((c, e) => `      ${putVector(tile, 'b', `place${plus(e * across)}`, turned(i, c))}`).join('\n')}
    }`;
  return {
    storage: 'f32',
    setup: '',
    registers: Array.from({ length: slots * 4 }, (_, i) => `b${Math.floor(i / 4)}_${i % 4}`),
    fetch: `    let weight_tap = ${tap};\n${lines(slots, (i) => ofSlot(all, tile, i, read(i)))}`,
    put: (to) => lines(slots, (i) => ofSlot(all, tile, i, write(i, to))),
  };
}
