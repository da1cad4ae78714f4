// Batch norm backward, in three dispatches: sums of stretches of rows, coefficients of dx, dx. Where what arrives has
// yet to pass the ReLU of a sum, the first of them lets it pass and keeps it.
import type { Shape } from '../../../graph/graph.ts';
import type { BatchNormAttrs } from '../../../ops/batchNorm.ts';
import { narrowed, type Storage, type Storages, vectors as vectorsIn, widened } from '../halves.ts';
import type { GpuFeatures, GpuTensor, Shader } from '../kernel.ts';
import type { Kernel } from '../lower.ts';
import { declare, float, perElement, read, readWrite } from '../wgsl.ts';
import {
  type Cut,
  combineLanes,
  cutOf,
  flopsOf,
  forEachRow,
  lanes,
  overMatrix,
} from './channelMatrix.ts';
import { enableSubgroups, subgroupInputs, summed, tree } from './reduce.ts';

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

/** WGSL: columns beyond the last are the last once more, which is to be written once. */
const keep = ({ vectors, columns }: Cut, storage: Storage): string => {
  const write = `kept[e] = ${narrowed(storage, 'arriving')};`;
  return vectors % columns === 0
    ? `\n    ${write}`
    : `\n    if (own_column < ${vectors}u) { ${write} }`;
};

/**
 * partial[(stretch, column)] ← Σ dy and Σ dy · (x − mean), two vectors.
 * @param storages with `kept` where what the ReLU let through is written as well
 */
export function gradSumsShader(
  shape: Shape,
  { relu }: Pick<BatchNormAttrs, 'relu'>,
  features: GpuFeatures,
  storages: Matrices & Storages<'kept'>,
): Shader {
  const cut = cutOf(shape);
  const { vectors, lines, columns } = cut;
  const { kept } = storages;
  return overMatrix(
    cut,
    {
      label: `batchNormGrad sums${kept ? ' kept' : ''} ${shape.join('×')}`,
      bindings: [
        ...gradientInputs(relu, storages),
        read('mean'),
        readWrite('partial'),
        ...(kept ? [readWrite('kept', vectorsIn(kept))] : []),
      ],
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
    product += arriving * (${widened(storages.x, 'x[e]')} - center);${kept ? keep(cut, kept) : ''}`,
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

export const batchNormGrad: Kernel = ({ attrs, inputs, outputs: [dx, dgamma, dbeta] }, low) => {
  const [x, gamma, , mean, variance, y, dy] = inputs;
  const { relu } = attrs as BatchNormAttrs;
  const { shape } = x!;
  const { stretches, vectors } = cutOf(shape);
  // The gradient of the ReLU of a sum may be left to us: then it is made of that ReLU's result and gradient.
  const left = low.left(dy!);
  const [mask, from] = left ?? [relu ? y : undefined, dy];
  const source = low.in(x!, 'channelsLast');
  const arriving = [from!, ...(mask ? [mask] : [])].map((value) => low.in(value, 'channelsLast'));
  const kept = left && low.out(dy!, 'channelsLast');
  const [scale, center, spread] = [gamma!, mean!, variance!].map((value) => low.in(value, 'plain'));
  const partial = low.scratch([stretches * vectors * 8]);
  const coefficients = low.scratch([vectors * 16]);
  const flops = flopsOf(source);

  const sums = gradSumsShader(shape, { relu: mask !== undefined }, low.features, {
    ...storagesOf(source, arriving),
    ...(kept && { kept: kept.storage }),
  });
  low.dispatch(sums, [source, ...arriving, center!, partial, ...(kept ? [kept] : [])], flops);
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
  const passed = kept ? [kept] : arriving;
  const storages = { ...storagesOf(source, passed), dx: out.storage };
  low.dispatch(
    gradInputShader(shape, attrs, storages),
    [source, ...passed, coefficients, out],
    flops,
  );
};

const storagesOf = (x: GpuTensor, [dy, y]: readonly GpuTensor[]): Matrices => ({
  x: x.storage,
  dy: dy!.storage,
  y: y?.storage ?? 'f32',
});
