// Batch norm over [N, H, W, C4] seen as a matrix: one row a pixel, one column a vector of four channels.
// Forward is three dispatches: statistics of stretches of rows, their combination, normalisation (with
// its ReLU); backward likewise: sums, coefficients, dx. Each pass over the matrix is bound by memory.
//
// Statistics: an invocation sums its rows less the first of them, and their squares. As that row is one of
// the sample, cancellation costs no more than the number of rows times the rounding unit. A workgroup
// joins its invocations in a tree by Chan's formula, and the second dispatch joins workgroups.
// T. Chan, G. Golub, R. LeVeque: Updating formulae and a pairwise algorithm for computing sample variances.
import type { Shape } from '../../../graph/graph.ts';
import type { BatchNormAttrs } from '../../../ops/batchNorm.ts';
import { narrowed, type Storage, type Storages, vectors as vectorsIn, widened } from '../halves.ts';
import type { GpuFeatures, GpuTensor, Shader } from '../kernel.ts';
import { padded, stridesOf } from '../layout.ts';
import type { Kernel } from '../lower.ts';
import { declare, float, perElement, read, readWrite, rectified } from '../wgsl.ts';
import {
  enableSubgroups,
  type Joined,
  powerOfTwo,
  subgroupInputs,
  summed,
  tree,
} from './reduce.ts';

const lanes = 256;
/** Columns of a workgroup at most: 32 vectors are 512 bytes, which memory delivers in whole lines. */
const maxColumns = 32;
/** Rows of an invocation, at least: its loop should cost more than the tree after it. */
const leastDepth = 8;
/** Workgroups down the rows at most: one workgroup of the second stage reads that many partial results. */
const maxStretches = 256;
const combineLanes = 64;

/** How a matrix is cut into workgroups. */
interface Cut {
  readonly rows: number;
  /** Vectors of four channels in a row. */
  readonly vectors: number;
  /** Columns and rows of invocations in a workgroup. */
  readonly columns: number;
  readonly lines: number;
  /** Rows of a workgroup. */
  readonly stretch: number;
  /** Workgroups down the rows. */
  readonly stretches: number;
}

export function cutOf([n, c, h, w]: Shape): Cut {
  const rows = n! * h! * w!;
  const vectors = padded(c!) / 4;
  const columns = Math.min(maxColumns, powerOfTwo(vectors));
  const lines = lanes / columns;
  const depth = Math.max(leastDepth, Math.ceil(rows / (lines * maxStretches)));
  const stretch = lines * depth;
  return { rows, vectors, columns, lines, stretch, stretches: Math.ceil(rows / stretch) };
}

/**
 * A shader over the matrix. `body` finds its column in `column`, its first row in `first`, one past the last
 * row of its workgroup in `end` and its place among the lines in `line`.
 */
function overMatrix(
  { rows, vectors, columns, stretch, stretches }: Cut,
  {
    label,
    bindings,
    head,
    body,
  }: Pick<Shader, 'label' | 'bindings'> & { readonly head: string; readonly body: string },
  features: GpuFeatures,
): Shader {
  const code = `${enableSubgroups(features)}${declare(bindings)}
${head}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32${subgroupInputs(features)}) {
  let line = lane / ${columns}u;
  let own_column = group.y * ${columns}u + lane % ${columns}u;
  let column = min(own_column, ${vectors - 1}u);
  let first = group.x * ${stretch}u + line;
  let end = min((group.x + 1u) * ${stretch}u, ${rows}u);
${body}
}
`;
  return { label, code, bindings, workgroups: [stretches, Math.ceil(vectors / columns), 1] };
}

/** WGSL: `body` for each row of the invocation, whose element is `e`. */
const forEachRow = ({ vectors, lines }: Cut, body: string): string =>
  `  for (var row = first; row < end; row += ${lines}u) {
    let e = row * ${vectors}u + column;
${body}
  }`;

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

/** One workgroup a column: mean and biased variance from the stretches' moments. */
export function combineShader(shape: Shape, features: GpuFeatures): Shader {
  const { rows, vectors, stretch, stretches } = cutOf(shape);
  const bindings = [read('partial'), readWrite('mean'), readWrite('variance')];
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
    variance[column] = moments[0].squares * ${float(1 / rows)};
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

/** y = gamma · (x − mean) / √(variance + ε) + beta; gamma and beta are 0 in the padding, and so is y. */
export function normalizeRowsShader(
  shape: Shape,
  { epsilon, relu }: BatchNormAttrs,
  { x, y }: Storages<'x' | 'y'>,
): Shader {
  const { rows, vectors } = cutOf(shape);
  const perChannel = ['gamma', 'beta', 'mean', 'variance'].map((name) => read(name));
  return perElement({
    label: `batchNorm${relu ? ' relu' : ''} ${shape.join('×')}`,
    bindings: [read('x', vectorsIn(x)), ...perChannel, readWrite('y', vectorsIn(y))],
    count: rows * vectors,
    body: `  let c = i % ${vectors}u;
  let scale = gamma[c] * inverseSqrt(variance[c] + ${float(epsilon)});
  let value = (${widened(x, 'x[i]')} - mean[c]) * scale + beta[c];
  y[i] = ${narrowed(y, relu ? rectified('value') : 'value')};`,
  });
}

/** What arrives at element e: dy, where the ReLU let x through. */
const arriving = (relu: boolean, e: string, { dy, y }: Matrices) =>
  relu
    ? `select(vec4<f32>(), ${widened(dy, `dy[${e}]`)}, ${widened(y, `y[${e}]`)} > vec4<f32>())`
    : widened(dy, `dy[${e}]`);

type Matrices = Storages<'x' | 'dy' | 'y'>;

const gradientInputs = (relu: boolean, { x, dy, y }: Matrices) => [
  read('x', vectorsIn(x)),
  read('dy', vectorsIn(dy)),
  ...(relu ? [read('y', vectorsIn(y))] : []),
];

/** partial[(stretch, column)] ← Σ dy and Σ dy · (x − mean), two vectors. */
export function gradSumsShader(
  shape: Shape,
  { relu }: BatchNormAttrs,
  features: GpuFeatures,
  storages: Matrices,
): Shader {
  const cut = cutOf(shape);
  const { vectors, lines, columns } = cut;
  return overMatrix(
    cut,
    {
      label: `batchNormGrad sums ${shape.join('×')}`,
      bindings: [...gradientInputs(relu, storages), read('mean'), readWrite('partial')],
      head: `
var<workgroup> sums: array<vec4<f32>, ${lanes}>;
var<workgroup> products: array<vec4<f32>, ${lanes}>;
`,
      body: `  let center = mean[column];
  var sum = vec4<f32>();
  var product = vec4<f32>();
${forEachRow(
  cut,
  `    let arriving = ${arriving(relu, 'e', storages)};
    sum += arriving;
    product += arriving * (${widened(storages.x, 'x[e]')} - center);`,
)}
  sums[lane] = sum;
  products[lane] = product;
${tree([summed('sums'), summed('products')], lines, columns, features)}
  if (line == 0u && own_column < ${vectors}u) {
    let at = (group.x * ${vectors}u + column) * 2u;
    partial[at] = sums[lane];
    partial[at + 1u] = products[lane];
  }`,
    },
    features,
  );
}

/**
 * One workgroup a column: dgamma, dbeta and the coefficients of dx = scale · (dy − shift − (x − mean) · slope),
 * four vectors: mean, scale = gamma/σ, shift = dbeta/n, slope = dgamma/(n·σ).
 */
export function gradCombineShader(
  shape: Shape,
  { epsilon }: BatchNormAttrs,
  features: GpuFeatures,
): Shader {
  const { rows, vectors, stretches } = cutOf(shape);
  const bindings = [
    read('partial'),
    read('gamma'),
    read('mean'),
    read('variance'),
    readWrite('dgamma'),
    readWrite('dbeta'),
    readWrite('coefficients'),
  ];
  const perRow = float(1 / rows);
  const code = `${enableSubgroups(features)}${declare(bindings)}

var<workgroup> sums: array<vec4<f32>, ${combineLanes}>;
var<workgroup> products: array<vec4<f32>, ${combineLanes}>;

@compute @workgroup_size(${combineLanes})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32${subgroupInputs(features)}) {
  let column = group.x;
  var sum = vec4<f32>();
  var product = vec4<f32>();
  for (var g = lane; g < ${stretches}u; g += ${combineLanes}u) {
    let at = (g * ${vectors}u + column) * 2u;
    sum += partial[at];
    product += partial[at + 1u];
  }
  sums[lane] = sum;
  products[lane] = product;
${tree([summed('sums'), summed('products')], combineLanes, 1, features)}
  if (lane == 0u) {
    let inverse = inverseSqrt(variance[column] + ${float(epsilon)});
    let by_gamma = products[0] * inverse;
    dgamma[column] = by_gamma;
    dbeta[column] = sums[0];
    coefficients[column * 4u] = mean[column];
    coefficients[column * 4u + 1u] = gamma[column] * inverse;
    coefficients[column * 4u + 2u] = sums[0] * ${perRow};
    coefficients[column * 4u + 3u] = by_gamma * inverse * ${perRow};
  }
}
`;
  return {
    label: `batchNormGrad combine ${shape.join('×')}`,
    code,
    bindings,
    workgroups: [vectors, 1, 1],
  };
}

export function gradInputShader(
  shape: Shape,
  { relu }: BatchNormAttrs,
  storages: Matrices & Storages<'dx'>,
): Shader {
  const { rows, vectors } = cutOf(shape);
  return perElement({
    label: `batchNormGrad${relu ? ' relu' : ''} ${shape.join('×')}`,
    bindings: [
      ...gradientInputs(relu, storages),
      read('coefficients'),
      readWrite('dx', vectorsIn(storages.dx)),
    ],
    count: rows * vectors,
    body: `  let at = (i % ${vectors}u) * 4u;
  let centered = ${widened(storages.x, 'x[i]')} - coefficients[at];
  let arriving = ${arriving(relu, 'i', storages)};
  dx[i] = ${narrowed(storages.dx, 'coefficients[at + 1u] * (arriving - coefficients[at + 2u] - centered * coefficients[at + 3u])')};`,
  });
}

/** About four operations an element in each pass. */
const flopsOf = ({ shape, layout }: GpuTensor) => stridesOf(shape, layout).floats * 4;

export const batchNormTrain: Kernel = ({ attrs, inputs: [x, gamma, beta], outputs }, low) => {
  const [y, mean, variance] = outputs;
  const { shape } = x!;
  const { stretches, vectors } = cutOf(shape);
  const source = low.in(x!, 'channelsLast');
  const partial = low.scratch([stretches * vectors * 8]);
  const statistics = [low.out(mean!, 'plain'), low.out(variance!, 'plain')];
  const flops = flopsOf(source);
  low.dispatch(statisticsShader(shape, low.features, source.storage), [source, partial], flops);
  low.dispatch(combineShader(shape, low.features), [partial, ...statistics]);
  const perChannel = [low.in(gamma!, 'plain'), low.in(beta!, 'plain'), ...statistics];
  const out = low.out(y!, 'channelsLast');
  const storages = { x: source.storage, y: out.storage };
  low.dispatch(normalizeRowsShader(shape, attrs, storages), [source, ...perChannel, out], flops);
};

export const batchNormInference: Kernel = ({ attrs, inputs, outputs: [y] }, low) => {
  const [x, ...perChannel] = inputs;
  const source = low.in(x!, 'channelsLast');
  const vectors = perChannel.map((value) => low.in(value, 'plain'));
  const out = low.out(y!, 'channelsLast');
  const shader = normalizeRowsShader(x!.shape, attrs, { x: source.storage, y: out.storage });
  low.dispatch(shader, [source, ...vectors, out], flopsOf(source));
};

export const batchNormGrad: Kernel = ({ attrs, inputs, outputs: [dx, dgamma, dbeta] }, low) => {
  const [x, gamma, , mean, variance, y, dy] = inputs;
  const { relu } = attrs as BatchNormAttrs;
  const { shape } = x!;
  const { stretches, vectors } = cutOf(shape);
  const matrices = [x!, dy!, ...(relu ? [y!] : [])].map((value) => low.in(value, 'channelsLast'));
  const [scale, center, spread] = [gamma!, mean!, variance!].map((value) => low.in(value, 'plain'));
  const partial = low.scratch([stretches * vectors * 8]);
  const coefficients = low.scratch([vectors * 16]);
  const [x4, dy4, y4] = matrices;
  const storages = { x: x4!.storage, dy: dy4!.storage, y: y4?.storage ?? 'f32' };
  const flops = flopsOf(x4!);
  const sums = gradSumsShader(shape, attrs, low.features, storages);
  low.dispatch(sums, [...matrices, center!, partial], flops);
  low.dispatch(gradCombineShader(shape, attrs, low.features), [
    partial,
    scale!,
    center!,
    spread!,
    low.out(dgamma!, 'plain'),
    low.out(dbeta!, 'plain'),
    coefficients,
  ]);
  const out = low.out(dx!, 'channelsLast');
  const shader = gradInputShader(shape, attrs, { ...storages, dx: out.storage });
  low.dispatch(shader, [...matrices, coefficients, out], flops);
};
