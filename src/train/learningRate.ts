// The learning rate of every step (spec 6.2).
import type { LearningRateSettings } from './settings.ts';

/**
 * Learning rate at a step.
 * @param step finished updates, from 0
 * @param stepsPerEpoch updates in an epoch
 */
export function learningRateAt(
  { base, schedule, warmup }: LearningRateSettings,
  step: number,
  stepsPerEpoch: number,
): number {
  const warmSteps =
    warmup.epochs === undefined ? warmup.steps : Math.round(warmup.epochs * stepsPerEpoch);
  if (step < warmSteps) {
    const done = step / warmSteps;
    return base * (warmup.startFactor * (1 - done) + done);
  }
  switch (schedule.kind) {
    case 'piecewise': {
      const at = schedule.milestones.findIndex((epoch) => epoch * stepsPerEpoch > step);
      const passed = at < 0 ? schedule.milestones.length : at;
      return passed === 0 ? base : base * schedule.gammas[passed - 1]!;
    }
    case 'cosine': {
      const total = schedule.maxEpochs * stepsPerEpoch - warmSteps;
      const least = base * schedule.minLrRatio;
      const done = Math.min(1, (step - warmSteps) / Math.max(1, total));
      return least + ((base - least) * (1 + Math.cos(Math.PI * done))) / 2;
    }
    default:
      return schedule satisfies never;
  }
}
