import assert from 'node:assert/strict';
import { test } from 'node:test';
import { relativeError } from '../backends/conformance.ts';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import { goldenState } from '../models/golden.testing.ts';
import { hrnetConfig } from '../models/hrnetConfigs.ts';
import { inferenceGraph } from '../models/poseGraphs.ts';
import { imagenet } from '../models/usualTraining.ts';
import { calibrate } from '../train/calibrate.ts';
import { HeatmapNetwork } from '../train/heatmapNetwork.ts';
import { compileInference } from './compile.ts';
import {
  activationSteps,
  quantizedValues,
  quantizeWeights,
  weightStepsOf,
} from './quantization.ts';

const config = hrnetConfig('hrnet-small', 16, 5);
const options = {
  config,
  inputSize: { width: 64, height: 96 },
  normalize: imagenet,
};
const { graph, fold } = compileInference(inferenceGraph(config, { ...options, batch: 2 }));
const weights = goldenState(config);

const pictures = (count: number) =>
  Uint8Array.from(
    { length: count * 64 * 96 * 3 },
    (_, i) => 128 + 100 * Math.sin(i * 0.013) + (i % 17),
  );

test('what a ReLU hands on is stored without a sign, the heatmaps are not stored in 8 bits', () => {
  const values = quantizedValues(graph);
  for (const { op, attrs, outputs } of graph.nodes) {
    const value = values.get(outputs[0]!);
    if (op === 'conv2d' && value) assert.equal(value.signed, !attrs.relu);
  }
  assert.equal(values.has(graph.outputs[0]!.value), false);
});

test('upsampling keeps the steps of its input', () => {
  const ranges = new Map(graph.values.map(({ name }, i) => [name, 1 + i]));
  const steps = activationSteps(graph, ranges);
  for (const { op, inputs, outputs } of graph.nodes) {
    if (op === 'upsampleNearest') assert.deepEqual(steps.get(outputs[0]!), steps.get(inputs[0]!));
  }
});

test('weights become whole numbers of steps, the largest of each channel ±127', () => {
  const folded = fold(weights);
  const weightSteps = weightStepsOf(graph, folded);
  const ranges = new Map(graph.values.map(({ name }) => [name, 1]));
  const quantized = quantizeWeights(graph, { ranges, weightSteps }, folded);
  for (const [name, steps] of weightSteps) {
    const size = quantized.get(name)!.length / steps.length;
    steps.forEach((step, m) => {
      const row = quantized.get(name)!.subarray(m * size, (m + 1) * size);
      const largest = row.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      assert.ok(row.every(Number.isInteger) && (largest === 127 || step === 1));
    });
  }
});

test('a network in 8 bits gives the heatmaps of float32 within the rounding of 8 bits', async () => {
  const backend = createDnnlBackend({ threads: 1 });
  const crop = 64 * 96 * 3;
  const images = pictures(2);
  const crops = [images.subarray(0, crop), images.subarray(crop)];
  const quantization = await calibrate(backend, options, weights, crops);
  const float = new HeatmapNetwork(backend, { ...options, batch: 2 });
  const int8 = new HeatmapNetwork(backend, { ...options, batch: 2, quantization });
  try {
    float.setWeights(weights);
    int8.setWeights(weights);
    const expected = (await float.heatmaps(images, 2)).slice();
    const error = relativeError(await int8.heatmaps(images, 2), expected);
    // Each tensor is rounded by up to 1/254 or 1/510 of its range, some forty in a row; 3 % was seen.
    assert.ok(error > 1e-4 && error < 0.1, `off by ${error}`);
  } finally {
    float.close();
    int8.close();
    backend.close();
  }
});
