import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createGpuBackend } from '../backends/webgpu/index.ts';
import { openNodeGpu } from '../backends/webgpu/nodeDevice.ts';
import { goldenRandom, goldenState } from '../models/golden.testing.ts';
import { isRunningStatistic } from '../models/hrnetConfigs.ts';
import { tinyConfig } from '../models/tinyTraining.testing.ts';
import { usualTraining } from '../models/usualTraining.ts';
import { loadCheckpoint } from './checkpoint.ts';
import type { StateTensor } from './tensorFile.ts';
import { interruptAfter, tinyRun, tinyTrain } from './tinyRun.testing.ts';
import { type TrainOptions, train } from './train.ts';
import { Trainer } from './trainer.ts';

const gpu = await openNodeGpu();
after(() => gpu.close());
const floats = createGpuBackend(gpu);
const halves = createGpuBackend(gpu, { activations: 'f16' });
const tiny = await tinyRun();

/** Three epochs in a folder of its own, which it returns. */
async function run(name: string, rest: Partial<TrainOptions>): Promise<string> {
  const size = ['TrainReader.batch_size=8', 'trainsize=[32, 32]', 'hmsize=[8, 8]'];
  const more = [...size, 'epoch=3', 'snapshot_epoch=3'];
  const { options, runDir } = tinyTrain(tiny, name, halves, more, rest);
  await train(options);
  return runDir;
}

const losses = (runDir: string): number[] =>
  readFileSync(join(runDir, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; loss: number })
    .filter(({ event }) => event === 'train')
    .map(({ loss }) => loss);

const whole = await run('halves', {});

test('training with activations in halves keeps to the losses of float32', async () => {
  const expected = losses(await run('floats', { backend: floats }));
  const actual = losses(whole);
  assert.ok(expected.length >= 4 && expected.at(-1)! < 0.9 * expected[0]!, `${expected}`);
  assert.equal(actual.length, expected.length);
  actual.forEach((loss, i) => {
    const off = Math.abs(loss - expected[i]!) / expected[i]!;
    assert.ok(off < 0.02, `step ${i}: loss ${loss}, in float32 ${expected[i]}`);
  });
});

test('a run in halves that was interrupted goes on in the same bytes, with its scale', async () => {
  await assert.rejects(run('parts', { report: interruptAfter(2) }), { exitCode: 130 });
  const runDir = join(tiny.folder, 'parts', 'demo');
  assert.deepEqual(loadCheckpoint(runDir).meta!.gradientScale, { scale: 2 ** 16, goodSteps: 2 });
  await run('parts', { resume: runDir });
  const [one, other] = [whole, runDir].map((folder) => loadCheckpoint(folder).meta!);
  assert.deepEqual(other!.gradientScale, { scale: 2 ** 16, goodSteps: one!.step });
  const [weights, again] = [whole, runDir].map((folder) =>
    readFileSync(join(folder, 'model_final.safetensors')),
  );
  assert.ok(again!.equals(weights!));
});

/** A trainer with weights from the golden hash, and a batch of two pictures of 32 × 32. */
function smallTrainer() {
  const inputSize = { width: 32, height: 32 };
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, l2: 0 };
  const options = { config: tinyConfig, ...usualTraining(inputSize, 2), adam, recompute: false };
  const trainer = new Trainer(halves, options, 2);
  trainer.setWeights(goldenState(tinyConfig));
  const random = (p: number, n: number) => Array.from({ length: n }, (_, i) => goldenRandom(p, i));
  const batch = {
    size: 2,
    images: Uint8Array.from(random(1, 2 * 32 * 32 * 3), (r) => 127.5 + 127.5 * r),
    keypoints: Float32Array.from(random(2, 2 * 5 * 2), (r) => 16 + 15 * r),
    visible: new Float32Array(2 * 5).fill(1),
  };
  return { trainer, batch };
}

const valuesOf = (tensors: ReadonlyMap<string, StateTensor>) =>
  [...tensors].filter(([name]) => !isRunningStatistic(name)).map(([, { data }]) => data);

test('a step whose gradients overflow changes nothing but the scale, and the next one trains', async () => {
  const { trainer, batch } = smallTrainer();
  trainer.gradientScale = { scale: 2 ** 60, goodSteps: 5 };
  const state = async () => [
    ...valuesOf(await trainer.tensors()),
    ...valuesOf(await trainer.moments()),
  ];
  const before = await state();
  const { loss, overflow } = await trainer.step(batch, 1, 1e-3);
  assert.ok(overflow && Number.isFinite(loss));
  assert.deepEqual(trainer.gradientScale, { scale: 2 ** 59, goodSteps: 0 });
  assert.deepEqual(await state(), before);
  trainer.gradientScale = { scale: 2 ** 16, goodSteps: 0 };
  assert.equal((await trainer.step(batch, 1, 1e-3)).overflow, false);
  assert.deepEqual(trainer.gradientScale, { scale: 2 ** 16, goodSteps: 1 });
  const after = await state();
  assert.ok(after.every((values) => values.every(Number.isFinite)));
  assert.notDeepEqual(after, before);
  trainer.gradientScale = { scale: 2 ** -10, goodSteps: 0 };
  await assert.rejects(trainer.step(batch, 2 ** 70, 1e-3), {
    exitCode: 5,
    message: /beyond half precision/,
  });
  assert.deepEqual(await state(), after);
  trainer.close();
});

/** First moments of a layer after one step: a tenth of its gradients, divided by the weight. */
async function gradients(layer: string, lossWeight: number, scale: number): Promise<Float32Array> {
  const { trainer, batch } = smallTrainer();
  trainer.gradientScale = { scale, goodSteps: 0 };
  assert.equal((await trainer.step(batch, lossWeight, 1e-3)).overflow, false);
  const moments = await trainer.moments();
  trainer.close();
  return moments.get(`${layer}.moment1`)!.data.map((value) => value / lossWeight);
}

test('gradients too small for halves are lost without a scale and kept with it', async () => {
  const norm = (x: Float32Array) => Math.hypot(...x);
  for (const layer of ['conv1.weight', 'final_layer.weight']) {
    const expected = await gradients(layer, 1, 2 ** 10);
    const off = async (scale: number) => {
      // The mean over the maps of a batch of 64 at 384 × 288 makes gradients that much smaller.
      const actual = await gradients(layer, 2 ** -13, scale);
      return norm(actual.map((value, i) => value - expected[i]!)) / norm(expected);
    };
    const [without, scaled] = [await off(1), await off(2 ** 16)];
    assert.ok(without > 0.01 && scaled < 0.01 && scaled < without / 10, `${without}, ${scaled}`);
  }
});
