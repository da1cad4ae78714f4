// The trainer in the memory that there is: the first plan that fits as planned and, on a device, as tried.
import type { Backend } from '../backends/backend.ts';
import { isTooLarge } from '../backends/faults.ts';
import { fittingPlans, type MemoryNeeds, refusal } from './memoryPlan.ts';
import { networkConfig } from './settingsModel.ts';
import type { TrainOptions } from './train.ts';
import { Trainer, type TrainerOptions } from './trainer.ts';

export interface FittedTrainer {
  readonly trainer: Trainer;
  /** Samples that are computed at once. */
  readonly microBatch: number;
}

/**
 * Plans the memory, says what it will be, and makes the trainer.
 * @param most samples of a micro-batch at most: what the run has used so far
 */
export async function fitTrainer(options: TrainOptions, most?: number): Promise<FittedTrainer> {
  const { settings, backend, accumulate, recompute = 'auto', report } = options;
  const { inputSize, heatmapSize, normalize, loss, bnMomentum, optimizer, target } = settings;
  const config = networkConfig(settings);
  const { batchSize } = settings.train;
  const training = { inputSize, normalize, target: { ...target, heatmapSize }, loss, bnMomentum };
  const needs: MemoryNeeds = {
    training: { ...training, accumulate: accumulate > 1, batch: batchSize },
    activationBytes: backend.activationBytes,
    memory: backend.memory,
    workers: settings.workers,
    accumulate,
  };
  const available = backend.availableBytes();
  let tooLarge: unknown;
  for (const plan of fittingPlans(config, needs, recompute, available, most)) {
    report.memory(plan, available);
    const { microBatch } = plan;
    const how = {
      recompute: plan.recompute,
      accumulate: accumulate > 1 || microBatch < batchSize,
    };
    try {
      const shape = { config, ...training, adam: optimizer, ...how };
      return { trainer: await madeTrainer(backend, shape, microBatch), microBatch };
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      report.note(`${((error as Error).cause as Error).message}; trying it with less memory.`);
      tooLarge = error;
    }
  }
  throw tooLarge ?? refusal(config, needs, recompute, available);
}

async function madeTrainer(
  backend: Backend,
  options: TrainerOptions,
  batch: number,
): Promise<Trainer> {
  const trainer = new Trainer(backend, options, batch);
  try {
    await trainer.allocated();
    return trainer;
  } catch (error) {
    trainer.close();
    throw error;
  }
}
