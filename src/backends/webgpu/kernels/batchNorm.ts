// Batch norm forward, in three dispatches: statistics of stretches of rows, their combination with a step of the
// running ones, normalisation with the sum and the ReLU that follow it. Each pass over the matrix is bound by memory.
//
// Statistics: an invocation sums its rows less the first of them, and their squares. As that row is one of
// the sample, cancellation costs no more than the number of rows times the rounding unit. A workgroup
// joins its invocations in a tree by Chan's formula, and the second dispatch joins workgroups.
// T. Chan, G. Golub, R. LeVeque: Updating formulae and a pairwise algorithm for computing sample variances.
import type { Shape, Value } from '../../../graph/graph.ts';
import type { BatchNormAttrs } from '../../../ops/batchNorm.ts';
import { narrowed, type Storage, type Storages, vectors as vectorsIn, widened } from '../halves.ts';
import type { GpuFeatures, GpuTensor, Shader } from '../kernel.ts';
import type { Kernel, Lowering } from '../lower.ts';
import { declare, float, perElement, read, readWrite, rectified } from '../wgsl.ts';
import { combineLanes, cutOf, flopsOf, forEachRow, lanes, overMatrix } from './channelMatrix.ts';
import { enableSubgroups, type Joined, subgroupInputs, tree } from './reduce.ts';

const joinFunction = `
struct Moments { mean: vec4<f32>, squares: vec4<f32>, count: f32 }

fn join(a: Moments, b: Moments) -> Moments {
  let count = a.count + b.count;
  let share = select(0.0, b.count / count, count > 0.0);
  let apart = b.mean - a.mean;
  return Moments(a.mean + apart * share, a.squares + b.squares + apart * apart * (a.count * share), count);
}
`;

const moments: Joined = {
  of: 'moments',
  join: (a, b) => `join(${a}, ${b})`,
  moved: (value, move) =>
    `Moments(${['mean', 'squares', 'count'].map((part) => move(`${value}.${part}`)).join(', ')})`,
};

/** partial[(stretch, column)] ← mean and sum of squares around it, two vectors. */
export function statisticsShader(shape: Shape, features: GpuFeatures, x: Storage): Shader {
  const cut = cutOf(shape);
  const { rows, vectors, lines, columns } = cut;
  return overMatrix(
    cut,
    {
      label: `batchNorm statistics ${shape.join('×')}`,
      bindings: [read('x', vectorsIn(x)), readWrite('partial')],
      head: `${joinFunction}
var<workgroup> moments: array<Moments, ${lanes}>;
`,
      body: `  let pivot = ${widened(x, `x[min(first, ${rows - 1}u) * ${vectors}u + column]`)};
  var sum = vec4<f32>();
  var squares = vec4<f32>();
  var count = 0.0;
${forEachRow(
  cut,
  `    let d = ${widened(x, 'x[e]')} - pivot;
    sum += d;
    squares += d * d;
    count += 1.0;`,
)}
  let apart = sum / max(count, 1.0);
  let own = Moments(pivot + apart, max(squares - sum * apart, vec4<f32>()), count);
  moments[lane] = own;
${tree([moments], lines, columns, features)}
  if (line == 0u && own_column < ${vectors}u) {
    let at = (group.x * ${vectors}u + column) * 2u;
    partial[at] = moments[lane].mean;
    partial[at + 1u] = moments[lane].squares;
  }`,
    },
    features,
  );
}

/** next = momentum · running + (1 − momentum) · scale · batch (movingAverage). */
export interface Average {
  readonly momentum: number;
  readonly scale: number;
}

const averageText = (name: 'mean' | 'variance', average: Average | undefined): string => {
  if (!average) return '';
  const { momentum, scale } = average;
  const running = `running_${name}[column]`;
  return `
    ${running} = ${float(momentum)} * ${running} + ${float((1 - momentum) * scale)} * ${name}[column];`;
};

/** One workgroup a column: mean and biased variance from the stretches' moments, and the running ones. */
export function combineShader(
  shape: Shape,
  features: GpuFeatures,
  averages: { readonly mean?: Average | undefined; readonly variance?: Average | undefined } = {},
): Shader {
  const { rows, vectors, stretch, stretches } = cutOf(shape);
  const bindings = [
    read('partial'),
    readWrite('mean'),
    readWrite('variance'),
    ...(averages.mean ? [readWrite('running_mean')] : []),
    ...(averages.variance ? [readWrite('running_variance')] : []),
  ];
  const code = `${enableSubgroups(features)}${declare(bindings)}
${joinFunction}
var<workgroup> moments: array<Moments, ${combineLanes}>;

@compute @workgroup_size(${combineLanes})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32${subgroupInputs(features)}) {
  let column = group.x;
  var own = Moments(vec4<f32>(), vec4<f32>(), 0.0);
  for (var g = lane; g < ${stretches}u; g += ${combineLanes}u) {
    let at = (g * ${vectors}u + column) * 2u;
    let count = f32(min(${stretch}u, ${rows}u - g * ${stretch}u));
    own = join(own, Moments(partial[at], partial[at + 1u], count));
  }
  moments[lane] = own;
${tree([moments], combineLanes, 1, features)}
  if (lane == 0u) {
    mean[column] = moments[0].mean;
    variance[column] = moments[0].squares * ${float(1 / rows)};${averageText('mean', averages.mean)}${averageText('variance', averages.variance)}
  }
}
`;
  return {
    label: `batchNorm combine ${shape.join('×')}`,
    code,
    bindings,
    workgroups: [vectors, 1, 1],
  };
}

/**
 * y = gamma · (x − mean) / √(variance + ε) + beta [+ residual]; gamma and beta are 0 in the padding, and so
 * is y.
 */
export function normalizeRowsShader(
  shape: Shape,
  { epsilon, relu, residual = false }: BatchNormAttrs & { readonly residual?: boolean },
  { x, residual: added, y }: Storages<'x' | 'residual' | 'y'>,
): Shader {
  const { rows, vectors } = cutOf(shape);
  const perChannel = ['gamma', 'beta', 'mean', 'variance'].map((name) => read(name));
  const term = residual ? ` + ${widened(added, 'residual[i]')}` : '';
  return perElement({
    label: `batchNorm${residual ? ' residual' : ''}${relu ? ' relu' : ''} ${shape.join('×')}`,
    bindings: [
      read('x', vectorsIn(x)),
      ...perChannel,
      ...(residual ? [read('residual', vectorsIn(added))] : []),
      readWrite('y', vectorsIn(y)),
    ],
    count: rows * vectors,
    body: `  let c = i % ${vectors}u;
  let scale = gamma[c] * inverseSqrt(variance[c] + ${float(epsilon)});
  let value = (${widened(x, 'x[i]')} - mean[c]) * scale + beta[c]${term};
  y[i] = ${narrowed(y, relu ? rectified('value') : 'value')};`,
  });
}

export const batchNormTrain: Kernel = ({ attrs, inputs: [x, gamma, beta], outputs }, low) => {
  const [y, mean, variance] = outputs;
  const { shape } = x!;
  const { stretches, vectors } = cutOf(shape);
  const source = low.in(x!, 'channelsLast');
  const partial = low.scratch([stretches * vectors * 8]);
  const statistics = [low.out(mean!, 'plain'), low.out(variance!, 'plain')];
  const flops = flopsOf(source);
  low.dispatch(statisticsShader(shape, low.features, source.storage), [source, partial], flops);
  const running = [mean!, variance!].map((value) => low.takeStateStep(value, 'movingAverage'));
  const averages = { mean: running[0]?.attrs, variance: running[1]?.attrs };
  const states = running.flatMap((step) => step?.tensor ?? []);
  low.dispatch(combineShader(shape, low.features, averages), [partial, ...statistics, ...states]);
  const perChannel = [low.in(gamma!, 'plain'), low.in(beta!, 'plain'), ...statistics];
  normalize(low, attrs, source, perChannel, y!);
};

function normalize(
  low: Lowering,
  attrs: BatchNormAttrs,
  source: GpuTensor,
  perChannel: readonly GpuTensor[],
  y: Value,
): void {
  low.finish(y, ({ to, plus, relu }) => {
    const storages = { x: source.storage, residual: plus?.storage ?? 'f32', y: to.storage };
    const whole = { ...attrs, relu: attrs.relu || relu, residual: plus !== undefined };
    const shader = normalizeRowsShader(source.shape, whole, storages);
    low.dispatch(shader, [source, ...perChannel, ...(plus ? [plus] : []), to], flopsOf(source));
  });
}

export const batchNormInference: Kernel = ({ attrs, inputs, outputs: [y] }, low) => {
  const [x, ...perChannel] = inputs;
  const source = low.in(x!, 'channelsLast');
  const vectors = perChannel.map((value) => low.in(value, 'plain'));
  normalize(low, attrs, source, vectors, y!);
};
