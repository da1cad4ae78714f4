import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HrposeError } from '../errors.ts';
import { hrnetConfig } from '../models/hrnetConfigs.ts';
import { usualTraining } from '../models/usualTraining.ts';
import {
  chooseMemoryPlan,
  describeMemory,
  fittingPlans,
  type MemoryNeeds,
  memoryFields,
  microBatches,
  planTraining,
  refusal,
} from './memoryPlan.ts';

const config = hrnetConfig('hrnet', 32, 17);
const needs = (batch: number, activationBytes = 4): MemoryNeeds => ({
  training: usualTraining({ width: 288, height: 384 }, batch),
  activationBytes,
  memory: 'host',
  workers: 2,
  accumulate: 1,
});

function refusedBy(batch: number, mode: 'auto' | 'off', available: number): string {
  try {
    chooseMemoryPlan(config, needs(batch), mode, available);
  } catch (error) {
    assert.ok(error instanceof HrposeError);
    assert.equal(error.exitCode, 4);
    return error.message;
  }
  return assert.fail('it fits');
}

test('the plan of the published network counts its states exactly', () => {
  const plan = planTraining(config, needs(4), false);
  assert.equal(plan.parameters, (28_536_113 + 54_336) * 4);
  assert.equal(plan.gradients, 28_536_113 * 4);
  assert.equal(plan.moments, 2 * 28_536_113 * 4);
});

test('activations and workspace are within 4 % of the arenas that were measured', () => {
  // Arenas of the oneDNN backend with measured algorithms, MB (docs/log.md).
  for (const [batch, bytes, recompute, measured] of [
    [4, 4, false, 1412],
    [4, 4, true, 774],
    [4, 2, false, 698],
    [4, 2, true, 376],
    [64, 4, true, 11845],
    [64, 2, true, 6000],
  ] as const) {
    const { activations, workspace } = planTraining(config, needs(batch, bytes), recompute);
    const ratio = (activations + workspace) / 1e6 / measured;
    assert.ok(Math.abs(ratio - 1) < 0.04, `batch ${batch}, ${bytes} bytes: ${ratio}`);
  }
});

test('recomputation is switched on where memory is short, and only there', () => {
  assert.equal(chooseMemoryPlan(config, needs(64), 'auto', 40e9).recompute, false);
  assert.equal(chooseMemoryPlan(config, needs(64), 'auto', 16e9).recompute, true);
  assert.equal(chooseMemoryPlan(config, needs(4), 'on', 40e9).recompute, true);
});

test('the plan is a table for people and bytes for programs', () => {
  const plan = planTraining(config, needs(4), true);
  assert.equal(
    describeMemory(plan, 16e9),
    `Memory of training, about (cheap results are made again in the backward part):
  parameters     114 MB  and running statistics
  gradients      114 MB
  moments        228 MB
  activations    730 MB  conv2d 686 MB, add 31 MB
  workspace       50 MB
  process        315 MB  with the loader
  checkpoint     343 MB  a copy while it is written
  total         1894 MB  of 16000 MB available`,
  );
  const fields = memoryFields(plan, Number.POSITIVE_INFINITY);
  assert.equal(fields.available, null);
  const { parameters, gradients, moments, activations, workspace, process, checkpoint } = fields;
  assert.equal(
    parameters + gradients + moments + activations + workspace + process + checkpoint,
    fields.total,
  );
  assert.doesNotMatch(describeMemory(plan, Number.POSITIVE_INFINITY), /available/);
});

const onDevice = (batch: number): MemoryNeeds => ({ ...needs(batch), memory: 'device' });
const gpuPlan = (batch: number, available: number, most?: number) => {
  for (const plan of fittingPlans(config, onDevice(batch), 'auto', available, most)) return plan;
  return undefined;
};

test("a device's memory is planned by itself, and tells what is in the process beside it", () => {
  const plan = gpuPlan(4, Number.POSITIVE_INFINITY)!;
  assert.equal(
    describeMemory(plan, Number.POSITIVE_INFINITY),
    `Memory of training on the GPU, about:
  parameters     114 MB  and running statistics
  gradients      114 MB
  moments        228 MB
  activations   1371 MB  conv2d 686 MB, add 360 MB, batchNormTrain 307 MB
  workspace        1 MB  pictures and keypoints
  total         1829 MB  of a memory whose size WebGPU does not tell
Beside it in the memory of the process:
  process        315 MB  with the loader
  copy           343 MB  of parameters and moments, in case the GPU is lost`,
  );
});

test('activations on a device are within 1 % of the arenas that are laid out there', () => {
  // Arenas of the WebGPU backend in buffers of 4 GiB, MB (docs/log.md).
  for (const [batch, activationBytes, recompute, arenas] of [
    [4, 4, false, 1373.5],
    [4, 4, true, 730.5],
    [64, 4, false, 22048.2],
    [64, 4, true, 11693.2],
    [64, 2, false, 11000.6],
    [64, 2, true, 5838.6],
  ] as const) {
    const needs = { ...onDevice(batch), activationBytes };
    const { activations } = planTraining(config, needs, recompute);
    const ratio = activations / 1e6 / arenas;
    assert.ok(Math.abs(ratio - 1) < 0.01, `batch ${batch}, ${activationBytes} bytes: ${ratio}`);
  }
});

test('a batch that does not fit a device is cut into the largest nearly equal parts that do', () => {
  assert.deepEqual(microBatches(10), [10, 5, 4, 3, 2, 1]);
  assert.deepEqual(microBatches(10, 4), [4, 3, 2, 1]);
  const plans = [24e9, 16e9, 8e9, 5.5e9, 1e9].map((available) => gpuPlan(64, available)!);
  assert.deepEqual(
    plans.map(({ microBatch, recompute }) => [microBatch, recompute]),
    [
      [64, false],
      [64, true],
      [32, true],
      [22, true],
      [2, true],
    ],
  );
  assert.ok(plans[2]!.total <= 8e9);
  assert.match(
    describeMemory(plans[2]!, 8e9),
    /of 8000 MB\n.*\n.*\n.*\nThe batch of 64 does not fit and is computed as 2 micro-batches of 32\..* 2 times an update\.$/,
  );
  assert.match(describeMemory(plans[3]!, 5.5e9), /3 micro-batches of up to 22\./);
  assert.equal(gpuPlan(64, 24e9, 32)!.microBatch, 32);
  assert.equal(gpuPlan(64, 0.5e9), undefined);
  assert.match(
    refusal(config, onDevice(64), 'auto', 0.5e9).message,
    /at batch 1 takes about \d{3} MB with --recompute, 500 MB .* Use a larger --gpu-mb, or a smaller network or trainsize\.$/,
  );
  assert.match(
    refusal(config, onDevice(64), 'auto', 13e6).message,
    /\d{3} MB .*, 13\.0 MB are available/,
  );
  const bytes = (activationBytes: number) =>
    planTraining(config, { ...onDevice(64), activationBytes }, true, 1).total;
  assert.match(
    refusal(config, onDevice(64), 'auto', (bytes(4) + bytes(2)) / 2).message,
    /Use --amp f16, or a larger --gpu-mb, or a smaller network or trainsize\.$/,
  );
});

test('what does not fit is refused with everything that would', () => {
  assert.match(
    refusedBy(64, 'off', 14e9),
    /about 2\d\.\d GB, 14\.0 GB are available\. Use --recompute on, or --amp bf16 --recompute on\.$/,
  );
  const message = refusedBy(64, 'auto', 9e9);
  assert.match(message, /batch 64 takes about 1\d\.\d GB with --recompute, 9\.00 GB are available/);
  assert.match(message, /Use --amp bf16, or -o TrainReader\.batch_size=32 with --accumulate 2/);
  assert.match(refusedBy(64, 'auto', 0.5e9), /a machine with more memory/);
  const twice = () => chooseMemoryPlan(config, { ...needs(64), accumulate: 2 }, 'auto', 9e9);
  assert.throws(twice, /batch_size=32 with --accumulate 4 \(as many pictures/);
  const { accumulate: _, ...single } = needs(64);
  assert.throws(
    () => chooseMemoryPlan(config, single, 'auto', 9e9),
    /or a batch of at most \d\d\./,
  );
});

test('the batch that is advised fits, and one more than the largest does not', () => {
  for (const available of [3e9, 5.5e9, 11e9]) {
    const message = refusedBy(64, 'auto', available);
    const [, size, times, most] = /batch_size=(\d+) with --accumulate (\d+).*fits is (\d+)\)/
      .exec(message)!
      .map(Number);
    assert.ok(size! * times! >= 64 && size! <= most!, message);
    assert.ok(planTraining(config, needs(most!), true).total <= available, message);
    assert.ok(planTraining(config, needs(most! + 1), true).total > available, message);
  }
});
