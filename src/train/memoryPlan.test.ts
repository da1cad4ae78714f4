import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HrposeError } from '../errors.ts';
import { hrnetConfig } from '../models/hrnetConfigs.ts';
import { chooseMemoryPlan, describeMemory, planTraining } from './memoryPlan.ts';

const config = hrnetConfig('hrnet', 32, 17);
const options = (batch: number) => ({
  batch,
  inputSize: { width: 288, height: 384 },
  normalize: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  target: { codec: 'standard', sigma: 2, heatmapSize: { width: 72, height: 96 } } as const,
  loss: { lossScale: 0.5, useTargetWeight: true },
  bnMomentum: 0.9,
  accumulate: false,
});

test('the plan of the published network counts its states exactly', () => {
  const plan = planTraining(config, options(4), 4, false);
  assert.equal(plan.parameters, (28_536_113 + 54_336) * 4);
  assert.equal(plan.gradients, 28_536_113 * 4);
  assert.equal(plan.moments, 2 * 28_536_113 * 4);
  assert.ok(Math.abs(plan.activations / 1383e6 - 1) < 0.05, 'as the arena was measured, 1,383 MB');
});

test('recomputation is switched on where memory is short, and only there', () => {
  assert.equal(chooseMemoryPlan(config, options(64), 4, 'auto', 40e9).recompute, false);
  const lean = chooseMemoryPlan(config, options(64), 4, 'auto', 16e9);
  assert.equal(lean.recompute, true);
  assert.match(
    describeMemory(lean, 16e9),
    /^Memory: about 1\d\.\d GB of 16\.0 GB available: .*made again/,
  );
});

test('what does not fit is refused with what would fit', () => {
  const refused = (mode: 'auto' | 'off', available: number) => {
    try {
      chooseMemoryPlan(config, options(64), 4, mode, available);
    } catch (error) {
      assert.ok(error instanceof HrposeError);
      assert.equal(error.exitCode, 4);
      return error.message;
    }
    return assert.fail('it fits');
  };
  assert.match(refused('off', 14e9), /--recompute on, or --amp bf16, or TrainReader/);
  assert.match(
    refused('auto', 8e9),
    /batch 64 takes about 1\d\.\d GB with --recompute, 8\.0 GB are available/,
  );
  assert.match(refused('auto', 8e9), /TrainReader\.batch_size=32 with --accumulate 2/);
  assert.match(refused('auto', 0.5e9), /a machine with more memory/);
});
