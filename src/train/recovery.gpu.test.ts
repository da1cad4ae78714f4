import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Gpu } from '../backends/webgpu/device.ts';
import { createGpuBackend } from '../backends/webgpu/index.ts';
import { openNodeGpu } from '../backends/webgpu/nodeDevice.ts';
import { reportOfSteps, tinyRun, tinyTrain } from './tinyRun.testing.ts';
import { train } from './train.ts';

const tiny = await tinyRun();

/** One epoch. The device is destroyed when step `lostAfter` is told, and with `always` every later one at once. */
async function run(name: string, lostAfter?: number, always = false) {
  const gpus: Gpu[] = [];
  const open = async () => {
    const gpu = await openNodeGpu();
    gpus.push(gpu);
    if (always && gpus.length > 1) gpu.device.destroy();
    return gpu;
  };
  const report = reportOfSteps((step) => {
    if (step === lostAfter) setImmediate(() => gpus[0]!.device.destroy());
  });
  const backend = createGpuBackend(await open(), { reopen: open });
  try {
    const more = ['TrainReader.batch_size=8', 'trainsize=[32, 32]', 'hmsize=[8, 8]', 'epoch=1'];
    const { options, runDir } = tinyTrain(tiny, name, backend, more, { report });
    const { steps } = await train(options);
    const weights = readFileSync(join(runDir, 'model_final.safetensors'));
    return { steps, weights, devices: gpus.length };
  } finally {
    backend.close();
  }
}

test('a run whose GPU is lost between two steps ends in the same bytes on another one', async () => {
  const whole = await run('whole');
  const { weights, steps, devices } = await run('lost', 2);
  assert.equal(devices, 2);
  assert.equal(steps, whole.steps);
  assert.ok(weights.equals(whole.weights));
});

test('a GPU that is lost again and again ends the run with what to do', async () => {
  await assert.rejects(run('given-up', 1, true), {
    exitCode: 4,
    message: /was lost \(.*\)\. Go on from the last checkpoint with --resume/,
  });
});
