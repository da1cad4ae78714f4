// One case a row: an op with its inputs, and its gradient where it has one, with a random gradient
// of the result. Sides are odd, channels no multiple of 8 or 16, heights differ from widths.
import { createBuilder } from '../graph/builder.ts';
import type { Shape, Value } from '../graph/graph.ts';
import { type OpName, ops } from '../ops/index.ts';
import { type ConformanceCase, type Filling, usualTolerance } from './conformanceCase.ts';

interface Row {
  readonly op: OpName;
  readonly inputs: readonly Shape[];
  readonly attrs?: object;
  /** Index of each input that is a state; the others are feeds. */
  readonly states?: readonly number[];
  readonly filling?: Readonly<Record<number, Filling>>;
  /** Index of the outputs whose gradients are given; all unless told. */
  readonly differentiate?: readonly number[];
  readonly tolerance?: Partial<ConformanceCase['tolerance']>;
}

/** Feeds and states `input0`, `input1`, …, feeds `dy0`, …; outputs `y0`, …, `gradient0`, …. */
function caseOf({ op: name, inputs, attrs = {}, states = [], ...rest }: Row): ConformanceCase {
  const op = ops[name]!;
  const g = createBuilder();
  const values = inputs.map((shape, i) => {
    if (states.includes(i)) return g.state(`input${i}`, 'parameter', shape);
    return g.feed(`input${i}`, name === 'normalizeImage' ? 'uint8' : 'float32', shape);
  });
  const results = g.add(op, values, attrs);
  results.forEach((y, i) => void g.output(`y${i}`, y));
  if (op.grad && !('relu' in attrs && name === 'conv2d')) {
    const node = g.nodes.at(-1)!;
    const needs = values.map(() => true);
    const dys = results.map((y, i): Value | undefined =>
      (rest.differentiate?.includes(i) ?? true) ? g.feed(`dy${i}`, 'float32', y.shape) : undefined,
    );
    const gradients = op.grad(g, { node, attrs, inputs: values, outputs: results, needs }, dys);
    gradients.forEach((dx, i) => {
      if (dx) g.output(`gradient${i}`, dx);
    });
  }
  const filling = Object.entries(rest.filling ?? {}).map(([i, f]) => [`input${i}`, f] as const);
  const shapes = inputs.map((shape) => shape.join('×')).join(' ');
  return {
    name: `${name} ${shapes} ${JSON.stringify(attrs)}`,
    graph: g.finish(),
    filling: Object.fromEntries(filling),
    tolerance: { ...usualTolerance, ...rest.tolerance },
  };
}

const conv = (x: Shape, [m, k]: [number, number], stride = 1, bias = false): Row => ({
  op: 'conv2d',
  inputs: [x, [m, x[1]!, k, k], ...(bias ? [[m]] : [])],
  states: bias ? [1, 2] : [1],
  attrs: { stride, padding: (k - 1) / 2 },
});

const convolutions: readonly Row[] = [
  conv([2, 3, 11, 14], [16, 3], 2),
  conv([1, 3, 9, 7], [5, 3]),
  conv([2, 16, 9, 7], [16, 3]),
  conv([1, 16, 8, 6], [32, 3], 2),
  conv([2, 20, 7, 9], [9, 3]),
  conv([1, 20, 7, 9], [9, 3], 2),
  conv([1, 17, 6, 5], [33, 1]),
  conv([2, 64, 6, 5], [24, 1]),
  conv([3, 8, 5, 12], [17, 1], 1, true),
  conv([1, 9, 5, 4], [17, 3], 1, true),
  conv([2, 32, 1, 1], [32, 3]),
];

/** As the inference passes leave them: bias, ReLU, residual. */
const fusedConvolutions: readonly Row[] = [true, false].flatMap((relu) =>
  [
    [2, 20, 9, 3],
    [1, 16, 32, 1],
  ].map(([n, c, m, k]): Row => {
    const inputs = [[n!, c!, 7, 9], [m!, c!, k!, k!], [m!], [n!, m!, 7, 9]];
    const attrs = { stride: 1, padding: (k! - 1) / 2, residual: true, relu };
    return { op: 'conv2d', inputs, states: [1, 2], attrs };
  }),
);

const norm = (x: Shape, relu: boolean): Row => ({
  op: 'batchNormTrain',
  inputs: [x, [x[1]!], [x[1]!]],
  states: [1, 2],
  attrs: { epsilon: 1e-5, relu },
  differentiate: [0],
});

const batchNorms: readonly Row[] = [true, false].flatMap((relu) => [
  norm([2, 16, 5, 7], relu),
  norm([1, 17, 9, 4], relu),
  norm([3, 3, 8, 8], relu),
  {
    op: 'batchNormInference',
    inputs: [[2, 19, 5, 7], [19], [19], [19], [19]],
    states: [1, 2, 3, 4],
    filling: { 4: 'positive' },
    attrs: { epsilon: 1e-5, relu },
  },
]);

const elementwise: readonly Row[] = [
  { op: 'relu', inputs: [[2, 17, 5, 6]] },
  { op: 'relu', inputs: [[7]] },
  { op: 'add', inputs: [shape(17), shape(17)], attrs: { relu: false } },
  { op: 'add', inputs: [shape(16), shape(16)], attrs: { relu: true } },
  { op: 'accumulate', inputs: [shape(5), shape(5)], states: [0] },
  { op: 'zerosLike', inputs: [shape(5)] },
  {
    op: 'movingAverage',
    inputs: [[13], [13]],
    states: [0],
    attrs: { momentum: 0.9, scale: 35 / 34 },
  },
];

function shape(c: number): Shape {
  return [2, c, 5, 7];
}

const resampling: readonly Row[] = [2, 4, 8].flatMap((scale): Row[] => [
  { op: 'upsampleNearest', inputs: [[2, 18, 3, 5]], attrs: { scale } },
  { op: 'upsampleNearest', inputs: [[1, 32, 4, 3]], attrs: { scale } },
  { op: 'sumBlocks', inputs: [[1, 9, 2 * scale, 3 * scale]], attrs: { scale } },
]);

const edges: readonly Row[] = [
  {
    op: 'normalizeImage',
    inputs: [[2, 7, 5, 3]],
    filling: { 0: 'pixels' },
    attrs: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  },
  ...(['standard', 'dark', 'udp'] as const).map(
    (codec): Row => ({
      op: 'gaussianHeatmaps',
      inputs: [
        [2, 17, 2],
        [2, 17],
      ],
      filling: { 0: 'positions', 1: 'binary' },
      attrs: {
        codec,
        inputSize: { width: 48, height: 64 },
        heatmapSize: { width: 12, height: 16 },
        sigma: 2,
      },
    }),
  ),
  ...[true, false].map(
    (useTargetWeight): Row => ({
      op: 'heatmapMse',
      inputs: [
        [2, 17, 6, 5],
        [2, 17, 6, 5],
        [2, 17],
      ],
      filling: { 2: 'binary' },
      attrs: { lossScale: 0.5, useTargetWeight },
    }),
  ),
];

export const opCases: readonly ConformanceCase[] = [
  ...convolutions,
  ...fusedConvolutions,
  ...batchNorms,
  ...elementwise,
  ...resampling,
  ...edges,
].map(caseOf);
