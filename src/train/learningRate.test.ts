import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learningRateAt } from './learningRate.ts';
import type { LearningRateSettings } from './settings.ts';

const recipe: LearningRateSettings = {
  base: 0.0005,
  schedule: { kind: 'piecewise', milestones: [170, 200], gammas: [0.1, 0.01] },
  warmup: { startFactor: 0.001, steps: 1000 },
};

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}, expected ${expected}`);

test('the published recipe has the rates of spec 6.2 on one GPU and on eight', () => {
  for (const stepsPerEpoch of [2341, 293]) {
    const rate = (step: number) => learningRateAt(recipe, step, stepsPerEpoch);
    near(rate(0), 5e-7);
    near(rate(1), 9.995e-7);
    near(rate(500), 2.5025e-4);
    near(rate(999), 4.995005e-4);
    near(rate(1000), 5e-4);
    near(rate(170 * stepsPerEpoch - 1), 5e-4);
    near(rate(170 * stepsPerEpoch), 5e-5);
    near(rate(200 * stepsPerEpoch - 1), 5e-5);
    near(rate(200 * stepsPerEpoch), 5e-6);
  }
});

test('a milestone inside the warm-up takes effect when the warm-up ends', () => {
  const early = {
    ...recipe,
    schedule: { kind: 'piecewise', milestones: [1], gammas: [0.1] },
  } as const;
  near(learningRateAt(early, 999, 10), 4.995005e-4);
  near(learningRateAt(early, 1000, 10), 5e-5);
});

test('cosine decay goes from the base rate to its least over the epochs after the warm-up', () => {
  const cosine = {
    base: 1,
    schedule: { kind: 'cosine', maxEpochs: 10, minLrRatio: 0.1 },
    warmup: { startFactor: 0, steps: 20 },
  } as const;
  near(learningRateAt(cosine, 20, 10), 1);
  near(learningRateAt(cosine, 60, 10), 0.55);
  near(learningRateAt(cosine, 100, 10), 0.1);
});

test('a warm-up given in epochs replaces the one in steps', () => {
  const epochs = { ...recipe, warmup: { startFactor: 0.5, steps: 1000, epochs: 2 } };
  near(learningRateAt(epochs, 10, 10), 0.0005 * 0.75);
  near(learningRateAt(epochs, 20, 10), 0.0005);
});
