// LearningRate: the schedulers of a config as one schedule and one warm-up.
import type { LearningRateSettings } from '../settings.ts';
import { failAt, placeOf } from './fields.ts';
import { findOperation, type Root, required } from './root.ts';

type Scheduler = Root['LearningRate']['schedulers'][number];

function resolveSchedule(scheduler: Scheduler | undefined): LearningRateSettings['schedule'] {
  if (scheduler?.name === 'CosineDecay') {
    const { max_epochs: maxEpochs, min_lr_ratio: minLrRatio } = scheduler.args;
    return { kind: 'cosine', maxEpochs, minLrRatio };
  }
  if (scheduler?.name !== 'PiecewiseDecay')
    return { kind: 'piecewise', milestones: [], gammas: [] };
  const { milestones, gamma } = scheduler.args;
  const gammas = typeof gamma === 'number' ? milestones.map((_, i) => gamma / 10 ** i) : [...gamma];
  if (gammas.length !== milestones.length)
    failAt(
      placeOf(scheduler.args, 'gamma'),
      `gamma: expected ${milestones.length} numbers, one for each milestone, got ${gammas.length}.`,
    );
  return { kind: 'piecewise', milestones, gammas };
}

export function resolveLearningRate(root: Root): LearningRateSettings {
  const { base_lr, schedulers } = root.LearningRate;
  const decays = schedulers.filter(({ name }) => name !== 'LinearWarmup');
  if (decays.length > 1)
    failAt(
      decays[1]!.place,
      `LearningRate: expected one decay, got ${decays[0]!.name} and ${decays[1]!.name}.`,
    );
  const decay = decays[0];
  const useWarmup = decay === undefined || decay.name === 'LinearWarmup' || decay.args.use_warmup;
  const found = useWarmup ? findOperation(schedulers, 'LinearWarmup') : undefined;
  const epochs = found?.args.epochs_first ? found.args.epochs : undefined;
  return {
    base: required(root, base_lr, 'LearningRate.base_lr', 'LearningRate: {base_lr: 0.0005}'),
    schedule: resolveSchedule(decay),
    warmup: {
      startFactor: found?.args.start_factor ?? 1,
      steps: found?.args.steps ?? 0,
      ...(epochs !== undefined && { epochs }),
    },
  };
}
