// DARK inside an ONNX graph (spec 4.3): one Newton step on the logarithm of the blurred heatmaps, as
// pose/codec/dark.ts makes it.
import { gaussianKernel } from '../pose/codec/blur.ts';
import { int, int64s, ints, type OnnxBuilder } from './builder.ts';
import { cellsAround, combine, isInside, type Maps, number, type Peaks } from './decodeCells.ts';

/** Cells that DARK looks at, relative to the peak. */
const stencil = [
  [0, 0],
  ...[-2, -1, 1, 2].map((d) => [d, 0] as const),
  ...[-2, -1, 1, 2].map((d) => [0, d] as const),
  ...[-1, 1].flatMap((dy) => [-1, 1].map((dx) => [dx, dy] as const)),
] as readonly (readonly [dx: number, dy: number])[];

/** Weights of the stencil's cells in the derivatives of the logarithm. */
const derivatives = {
  dx: (x: number, y: number) => (y === 0 && Math.abs(x) === 1 ? 0.5 * x : 0),
  dy: (x: number, y: number) => (x === 0 && Math.abs(y) === 1 ? 0.5 * y : 0),
  dxx: (x: number, y: number) => (y === 0 ? ({ 0: -0.5, 2: 0.25 }[Math.abs(x)] ?? 0) : 0),
  dyy: (x: number, y: number) => (x === 0 ? ({ 0: -0.5, 2: 0.25 }[Math.abs(y)] ?? 0) : 0),
  dxy: (x: number, y: number) => 0.25 * x * y * (Math.abs(x) === 1 && Math.abs(y) === 1 ? 1 : 0),
};

/** One Newton step on the logarithm of the blurred maps, [N, K, 2]. */
export function darkStep(maps: Maps, peaks: Peaks, kernel: number): string {
  const { g, width } = maps;
  const inside = isInside(maps, peaks, 2);
  const blurred = blur(maps, kernel);
  const highest = g.node('ReduceMax', [blurred], {
    name: 'decode.blurredMaximum',
    attributes: { axes: ints(2), keepdims: int(1) },
  });
  // The blurred map is stretched to the old maximum, so that the floor of 1e-10 means the same.
  const stretch = g.node('Div', [peaks.score, highest], { name: 'decode.stretch' });
  const offsets = stencil.map(([dx, dy]) => dy * width + dx);
  const around = cellsAround(maps, blurred, peaks, inside, offsets);
  const stretched = g.node('Mul', [around, stretch], { name: 'decode.stretched' });
  const floored = g.node('Max', [stretched, number(g, 'floor', 1e-10)], { name: 'decode.floored' });
  const logs = g.node('Log', [floored], { name: 'decode.logs' });
  // Derivatives do not change by a constant; taking the middle off keeps their digits.
  const middle = g.node('Gather', [logs, g.constant('decode.middle', 'int64', [1], int64s(0))], {
    name: 'decode.middleLog',
    attributes: { axis: int(2) },
  });
  const heights = g.node('Sub', [logs, middle], { name: 'decode.heights' });
  const weights = Object.values(derivatives).map((weight) => stencil.map(([x, y]) => weight(x, y)));
  const parts = g.split(
    'Split',
    [combine(g, 'derivatives', heights, weights)],
    Object.keys(derivatives).map((name) => `decode.${name}`),
    { name: 'decode.parts', attributes: { axis: int(2) } },
  );
  const { solution, solvable } = solve(g, parts as [string, string, string, string, string]);
  const applies = g.node('And', [inside, solvable], { name: 'decode.applies' });
  return g.node('Where', [applies, solution, number(g, 'stay', 0)], { name: 'decode.step' });
}

/** −H⁻¹·(dx, dy) [N, K, 2], and whether there is one [N, K, 1]. */
function solve(g: OnnxBuilder, parts: readonly [string, string, string, string, string]) {
  const [dx, dy, dxx, dyy, dxy] = parts;
  const mul = (name: string, a: string, b: string) => g.node('Mul', [a, b], { name });
  const sub = (name: string, a: string, b: string) => g.node('Sub', [a, b], { name });
  const determinant = sub(
    'decode.determinant',
    mul('decode.dxxDyy', dxx, dyy),
    mul('decode.dxyDxy', dxy, dxy),
  );
  const numerators = g.node(
    'Concat',
    [
      sub('decode.numeratorX', mul('decode.dxyDy', dxy, dy), mul('decode.dyyDx', dyy, dx)),
      sub('decode.numeratorY', mul('decode.dxyDx', dxy, dx), mul('decode.dxxDy', dxx, dy)),
    ],
    { name: 'decode.numerators', attributes: { axis: int(-1) } },
  );
  const solution = g.node('Div', [numerators, determinant], { name: 'decode.solution' });
  const size = g.node('Abs', [determinant], { name: 'decode.size' });
  const some = g.node('Greater', [size, number(g, 'noSize', 0)], { name: 'decode.some' });
  const most = number(g, 'infinite', Number.POSITIVE_INFINITY);
  const finite = g.node('Less', [size, most], { name: 'decode.finite' });
  return { solution, solvable: g.node('And', [some, finite], { name: 'decode.solvable' }) };
}

/** Gaussian blur with zeros around each map, [N, K, H·W]. */
function blur({ g, heatmaps, keypoints, width, height }: Maps, kernel: number): string {
  const weights = Float32Array.from(gaussianKernel(kernel));
  const margin = (kernel - 1) / 2;
  const single = g.constant('decode.singleShape', 'int64', [4], int64s(-1, 1, height, width));
  const maps = g.node('Reshape', [heatmaps, single], { name: 'decode.singleMaps' });
  const across = g.node(
    'Conv',
    [maps, g.constant('decode.rowKernel', 'float32', [1, 1, 1, kernel], weights)],
    {
      name: 'decode.blurredRows',
      attributes: { kernel_shape: ints(1, kernel), pads: ints(0, margin, 0, margin) },
    },
  );
  const both = g.node(
    'Conv',
    [across, g.constant('decode.columnKernel', 'float32', [1, 1, kernel, 1], weights)],
    {
      name: 'decode.blurredMaps',
      attributes: { kernel_shape: ints(kernel, 1), pads: ints(margin, 0, margin, 0) },
    },
  );
  const flat = g.constant(
    'decode.blurredShape',
    'int64',
    [3],
    int64s(-1, keypoints, height * width),
  );
  return g.node('Reshape', [both, flat], { name: 'decode.blurred' });
}
