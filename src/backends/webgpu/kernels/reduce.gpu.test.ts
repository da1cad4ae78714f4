import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Shape } from '../../../graph/graph.ts';
import { runCalls, unwritten } from '../conv/harness.testing.ts';
import { sumParts } from '../conv/sumParts.ts';
import type { GpuFeatures, Shader } from '../kernel.ts';
import { openNodeGpu } from '../nodeDevice.ts';
import { declare, read, readWrite } from '../wgsl.ts';
import { combineShader, statisticsShader } from './batchNorm.ts';
import { gradCombineShader, gradSumsShader } from './batchNormGrad.ts';
import { cutOf } from './channelMatrix.ts';
import { lossSumShader } from './loss.ts';
import { enableSubgroups, subgroupInputs, summed, tree } from './reduce.ts';

const gpu = await openNodeGpu();
after(() => gpu.close());
const without = { ...gpu.features, subgroups: false };
const skip = gpu.features.subgroups ? false : `${gpu.adapter.name} has no subgroups`;

const random = (floats: number) => Float32Array.from({ length: floats }, () => Math.random());

/** y[c] ← Σ over r of x[r, c] by one workgroup: the tree alone. */
function treeShader(count: number, stride: number, features: GpuFeatures): Shader {
  const bindings = [read('x', 'f32'), readWrite('y', 'f32')];
  const size = count * stride;
  const code = `${enableSubgroups(features)}${declare(bindings)}
var<workgroup> sums: array<f32, ${size}>;

@compute @workgroup_size(${size})
fn main(@builtin(local_invocation_index) lane: u32${subgroupInputs(features)}) {
  sums[lane] = x[lane];
${tree([summed('sums')], count, stride, features)}
  if (lane < ${stride}u) { y[lane] = sums[lane]; }
}
`;
  return { label: `tree ${count}×${stride}`, code, bindings, workgroups: [1, 1, 1] };
}

async function results(
  shader: Shader,
  inputs: Record<string, Float32Array>,
  outputs: Record<string, number>,
) {
  const written = Object.entries(outputs).map(([name, floats]) => [name, unwritten(floats)]);
  const arrays = { ...inputs, ...Object.fromEntries(written) };
  const names = shader.bindings.map(({ name }) => name);
  return runCalls(gpu, arrays, [{ shader, arrays: names }], Object.keys(outputs));
}

// Workgroups smaller than a subgroup, as large, and larger; rows shorter than one, as long, and longer.
for (const [count, stride] of [
  [1, 4],
  [2, 1],
  [4, 1],
  [8, 1],
  [64, 1],
  [256, 1],
  [2, 2],
  [16, 2],
  [64, 4],
  [32, 8],
  [4, 64],
  [8, 32],
] as const) {
  test(`subgroups add up ${count} rows of ${stride} in the same order`, { skip }, async () => {
    const x = random(count * stride);
    const both = [gpu.features, without].map((features) =>
      results(treeShader(count, stride, features), { x }, { y: stride }),
    );
    const [quick, plain] = (await Promise.all(both)).map(({ y }) => y!);
    assert.deepEqual(quick, plain);
    for (let column = 0; column < stride; column++) {
      let exact = 0;
      for (let row = 0; row < count; row++) exact += x[row * stride + column]!;
      // log2(256) roundings of numbers below 256.
      assert.ok(Math.abs(plain![column]! - exact) < 1e-4, `column ${column}`);
    }
  });
}

const shape = [2, 20, 33, 17];
const matrix = 2 * 33 * 17 * 20;
const tall = [1, 8, 400, 500];
const attrs = { epsilon: 1e-5, relu: true };
/** Floats of the partial results of a batch norm. */
const partials = (of: Shape) => cutOf(of).stretches * cutOf(of).vectors * 8;

const kernels: readonly {
  readonly shader: (features: GpuFeatures) => Shader;
  readonly inputs: Readonly<Record<string, number>>;
  readonly outputs: Readonly<Record<string, number>>;
}[] = [
  {
    shader: (features) => statisticsShader(shape, features, 'f32'),
    inputs: { x: matrix },
    outputs: { partial: partials(shape) },
  },
  {
    shader: (features) => combineShader(tall, features),
    inputs: { partial: partials(tall) },
    outputs: { mean: 8, variance: 8 },
  },
  {
    shader: (features) => gradSumsShader(shape, attrs, features, {}),
    inputs: { x: matrix, dy: matrix, y: matrix, mean: 20 },
    outputs: { partial: partials(shape) },
  },
  {
    shader: (features) => gradCombineShader(tall, attrs, features),
    inputs: { partial: partials(tall), gamma: 8, mean: 8, variance: 8 },
    outputs: { dgamma: 8, dbeta: 8, coefficients: 32 },
  },
  {
    shader: (features) => lossSumShader(200, 0.5, features),
    inputs: { parts: 200 },
    outputs: { loss: 4 },
  },
  {
    shader: (features) => sumParts('sum', ['scratch', 'dw'], { parts: 70, vectors: 5 }, features),
    inputs: { scratch: 70 * 20 },
    outputs: { dw: 20 },
  },
];

for (const { shader, inputs, outputs } of kernels) {
  const quick = shader(gpu.features);
  test(`to the bit the same with subgroups and without: ${quick.label}`, { skip }, async () => {
    assert.match(quick.code, /subgroupShuffle/);
    const values = Object.fromEntries(
      Object.entries(inputs).map(([name, floats]) => [name, random(floats)]),
    );
    const result = await results(quick, values, outputs);
    assert.deepEqual(result, await results(shader(without), values, outputs));
    for (const floats of Object.values(result)) assert.ok(floats.every(Number.isFinite));
  });
}
