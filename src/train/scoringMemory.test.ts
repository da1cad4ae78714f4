import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hrnetConfig } from '../models/hrnetConfigs.ts';
import { imagenet, usualTraining } from '../models/usualTraining.ts';
import {
  describeMemory,
  fittingPlans,
  type MemoryNeeds,
  planTraining,
  refusal,
} from './memoryPlan.ts';
import { scoringMemory } from './scoringMemory.ts';

const config = hrnetConfig('hrnet', 32, 17);
const inputSize = { width: 288, height: 384 };
const options = { config, inputSize, normalize: imagenet, batch: 16 };
const floats = { memory: 'device', activationBytes: 4 } as const;

test('scoring on a device is within 1 % of what is laid out there', () => {
  // Weights, arenas with pictures, and outputs of the WebGPU backend, MB (docs/log.md).
  for (const [batch, activationBytes, laidOut] of [
    [1, 4, 114.0 + 16.3 + 0.5],
    [16, 4, 114.0 + 260.1 + 7.5],
    [16, 2, 114.0 + 132.7 + 7.5],
  ] as const) {
    const { fixed, perCrop } = scoringMemory(options, { ...floats, activationBytes }, 2);
    const ratio = (fixed + batch * perCrop) / 1e6 / laidOut;
    assert.ok(Math.abs(ratio - 1) < 0.01, `${batch} at once, ${activationBytes} bytes: ${ratio}`);
  }
});

test('in the memory of the host scoring has its loader and scratch memory, and no more than planned', () => {
  const { fixed, perCrop } = scoringMemory(options, { memory: 'host', activationBytes: 4 }, 2);
  const loader = (crops: number) => 2 * 60e6 + 4 * crops * 288 * 384 * 3;
  // Arenas of the oneDNN backend, which takes a batch in parts, MB.
  for (const [crops, arena] of [
    [4, 40.3],
    [16, 139.9],
  ] as const) {
    const program = fixed + crops * perCrop - loader(crops) - 114.0e6;
    assert.ok(program >= arena * 1e6, `${crops} at once: ${program}`);
  }
});

const training = usualTraining(inputSize, 64);
const needs: MemoryNeeds = { ...floats, training, workers: 2, accumulate: 1 };
const scoring = scoringMemory(options, floats, 2);
const first = (available: number) => {
  for (const plan of fittingPlans(config, { ...needs, scoring }, 'auto', available)) return plan;
  return assert.fail('it does not fit');
};

test('scoring takes what training leaves, in parts before training is divided', () => {
  const alone = planTraining(config, needs, false).total;
  const plans = [16, 15, 5, 1, 0].map((crops) => {
    const room = crops === 0 ? 0 : scoring.fixed + crops * scoring.perCrop;
    return first(alone + room);
  });
  assert.deepEqual(
    plans.map(({ microBatch, recompute, scoringBatch }) => [microBatch, recompute, scoringBatch]),
    [
      [64, false, 16],
      [64, false, 8],
      [64, false, 4],
      [64, false, 1],
      [64, true, 16],
    ],
  );
  for (const plan of plans) {
    const { parameters, gradients, moments, activations, workspace, total } = plan;
    const trained = parameters + gradients + moments + activations + workspace;
    assert.equal(trained + plan.scoring, total);
  }
  assert.match(
    describeMemory(plans[1]!, alone),
    /\n {2}scoring {8}2\d\d MB {2}at snapshots, 8 at once\n {2}total/,
  );
});

test('where training fits without scoring, the refusal says so', () => {
  const alone = planTraining(config, needs, true, 1).total;
  const advised = (available: number) =>
    refusal(config, { ...needs, scoring }, 'auto', available).message;
  assert.match(advised(alone), /Use .*, or 'hrpose eval' on the checkpoints instead of --eval\.$/);
  assert.doesNotMatch(advised(alone - 1), /hrpose eval/);
});
