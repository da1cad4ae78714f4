// The loss and its gradient. The sum goes in two stages: at most 256 workgroups, then one over their
// sums; every stage ends in a tree, so that the loss is the same at every run.
import type { Shape } from '../../../graph/graph.ts';
import type { LossAttrs } from '../../../ops/heatmapMse.ts';
import { narrowed, type Storages, vectors, widened } from '../halves.ts';
import type { GpuFeatures, GpuTensor, Shader } from '../kernel.ts';
import { padded } from '../layout.ts';
import type { Kernel } from '../lower.ts';
import { declare, float, groupSize, perElement, read, readWrite } from '../wgsl.ts';
import { enableSubgroups, subgroupInputs, summed, tree } from './reduce.ts';

const maxParts = 256;

/** prediction, target: [N, H, W, K4]; weight: [N, K]. The weights of the four channels of vector i. */
function weightHead([n, k, h, w]: Shape, useTargetWeight: boolean): string {
  const vectors = padded(k!) / 4;
  const one = (j: number) => {
    const at = `first + ${j}u`;
    const value = useTargetWeight ? `weight[min(person + ${at}, ${n! * k! - 1}u)]` : '1.0';
    return `select(0.0, ${value}, ${at} < ${k}u)`;
  };
  return `
fn weights_at(i: u32) -> vec4<f32> {
  let first = (i % ${vectors}u) * 4u;
  let person = (i / ${vectors * h! * w!}u) * ${k}u;
  return vec4<f32>(${[0, 1, 2, 3].map(one).join(', ')});
}`;
}

type Maps = Storages<'prediction' | 'target'>;

const mapBindings = ({ prediction, target }: Maps) => [
  read('prediction', vectors(prediction)),
  read('target_maps', vectors(target)),
];

/** WGSL of prediction − target, vector i. */
const difference = ({ prediction, target }: Maps) =>
  `(${widened(prediction, 'prediction[i]')} - ${widened(target, 'target_maps[i]')})`;

const countOf = ([n, k, h, w]: Shape) => (n! * h! * w! * padded(k!)) / 4;

const partsOf = (shape: Shape) => Math.min(maxParts, Math.ceil(countOf(shape) / groupSize));

/** parts[g] ← Σ (w · (prediction − target))² over every parts-th stretch of 256 vectors. */
export function lossPartsShader(
  shape: Shape,
  { useTargetWeight }: LossAttrs,
  features: GpuFeatures,
  maps: Maps,
): Shader {
  const bindings = [
    ...mapBindings(maps),
    ...(useTargetWeight ? [read('weight', 'f32')] : []),
    readWrite('parts', 'f32'),
  ];
  const parts = partsOf(shape);
  const code = `${enableSubgroups(features)}${declare(bindings)}
${weightHead(shape, useTargetWeight)}

var<workgroup> sums: array<f32, ${groupSize}>;

@compute @workgroup_size(${groupSize})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32${subgroupInputs(features)}) {
  var sum = 0.0;
  for (var i = group.x * ${groupSize}u + lane; i < ${countOf(shape)}u; i += ${parts * groupSize}u) {
    let d = weights_at(i) * ${difference(maps)};
    sum += dot(d, d);
  }
  sums[lane] = sum;
${tree([summed('sums')], groupSize, 1, features)}
  if (lane == 0u) { parts[group.x] = sums[0]; }
}
`;
  return { label: `loss ${shape.join('×')}`, code, bindings, workgroups: [parts, 1, 1] };
}

/** loss[0] ← factor · Σ parts; the loss's padding ← 0. */
export function lossSumShader(parts: number, factor: number, features: GpuFeatures): Shader {
  const bindings = [read('parts', 'f32'), readWrite('loss')];
  const code = `${enableSubgroups(features)}${declare(bindings)}

var<workgroup> sums: array<f32, ${maxParts}>;

@compute @workgroup_size(${maxParts})
fn main(@builtin(local_invocation_index) lane: u32${subgroupInputs(features)}) {
  sums[lane] = 0.0;
  if (lane < ${parts}u) { sums[lane] = parts[lane]; }
${tree([summed('sums')], maxParts, 1, features)}
  if (lane == 0u) { loss[0] = vec4<f32>(${float(factor)} * sums[0], 0.0, 0.0, 0.0); }
}
`;
  return { label: `loss sum of ${parts}`, code, bindings, workgroups: [1, 1, 1] };
}

export function lossGradShader(
  shape: Shape,
  { lossScale, useTargetWeight }: LossAttrs,
  storages: Maps & Storages<'d'>,
): Shader {
  const elements = shape.reduce((a, b) => a * b, 1);
  return perElement({
    label: `loss gradient ${shape.join('×')}`,
    bindings: [
      ...mapBindings(storages),
      ...(useTargetWeight ? [read('weight', 'f32')] : []),
      read('d_loss', 'f32'),
      readWrite('d', vectors(storages.d)),
    ],
    count: countOf(shape),
    head: weightHead(shape, useTargetWeight),
    body: `  let w = weights_at(i);
  let factor = d_loss[0] * ${float((2 * lossScale) / elements)};
  d[i] = ${narrowed(storages.d, `factor * w * w * ${difference(storages)}`)};`,
  });
}

const mapStorages = ([prediction, target]: readonly GpuTensor[]): Maps => ({
  prediction: prediction!.storage,
  target: target!.storage,
});

export const heatmapMse: Kernel = ({ attrs, inputs, outputs: [loss] }, low) => {
  const { lossScale, useTargetWeight } = attrs as LossAttrs;
  const [prediction, target, weight] = inputs;
  const { shape } = prediction!;
  const parts = low.scratch([partsOf(shape)]);
  const maps = [prediction!, target!].map((value) => low.in(value, 'channelsLast'));
  low.dispatch(lossPartsShader(shape, attrs, low.features, mapStorages(maps)), [
    ...maps,
    ...(useTargetWeight ? [low.in(weight!, 'plain')] : []),
    parts,
  ]);
  const factor = lossScale / shape.reduce((a, b) => a * b, 1);
  const total = lossSumShader(partsOf(shape), factor, low.features);
  low.dispatch(total, [parts, low.out(loss!, 'plain')]);
};

export const heatmapMseGrad: Kernel = ({ attrs, inputs, outputs: [d] }, low) => {
  const { useTargetWeight } = attrs as LossAttrs;
  const [prediction, target, weight, dLoss] = inputs;
  const maps = [prediction!, target!].map((value) => low.in(value, 'channelsLast'));
  const out = low.out(d!, 'channelsLast');
  const storages = { ...mapStorages(maps), d: out.storage };
  low.dispatch(lossGradShader(prediction!.shape, attrs, storages), [
    ...maps,
    ...(useTargetWeight ? [low.in(weight!, 'plain')] : []),
    low.in(dLoss!, 'plain'),
    out,
  ]);
};
