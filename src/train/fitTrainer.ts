// The trainer, and with --eval the network that scores beside it, in the memory that there is: the first plan that
// fits as planned and, on a device, as tried. So a run that begins has the memory for its snapshots.
import { isTooLarge } from '../backends/faults.ts';
import type { HeatmapNetwork } from './heatmapNetwork.ts';
import { fittingPlans, type MemoryNeeds, microBatches, refusal } from './memoryPlan.ts';
import { scoringNetwork, scoringOptions } from './score.ts';
import { scoringMemory } from './scoringMemory.ts';
import { networkConfig } from './settingsModel.ts';
import type { TrainOptions } from './train.ts';
import { Trainer } from './trainer.ts';

export interface FittedTrainer {
  readonly trainer: Trainer;
  /** Samples that are computed at once. */
  readonly microBatch: number;
  /** For snapshots, where they are to be scored; whoever has the trainer closes it too. */
  readonly scoring: HeatmapNetwork | undefined;
}

/**
 * Plans the memory, says what it will be, and makes the trainer.
 * @param most samples of a micro-batch at most: what the run has used so far
 */
export async function fitTrainer(options: TrainOptions, most?: number): Promise<FittedTrainer> {
  const { settings, backend, accumulate, evaluate, recompute = 'auto', report } = options;
  const { inputSize, heatmapSize, normalize, loss, bnMomentum, optimizer, target } = settings;
  const { workers } = settings;
  const config = networkConfig(settings);
  const { batchSize } = settings.train;
  const training = { inputSize, normalize, target: { ...target, heatmapSize }, loss, bnMomentum };
  const needs: MemoryNeeds = {
    training: { ...training, accumulate: accumulate > 1, batch: batchSize },
    scoring: evaluate ? scoringMemory(scoringOptions(settings), backend, workers) : undefined,
    activationBytes: backend.activationBytes,
    memory: backend.memory,
    workers,
    accumulate,
  };
  const available = backend.availableBytes();
  let tooLarge: unknown;
  for (const plan of fittingPlans(config, needs, recompute, available, most)) {
    report.memory(plan, available);
    const { microBatch, scoringBatch } = plan;
    const how = {
      recompute: plan.recompute,
      accumulate: accumulate > 1 || microBatch < batchSize,
    };
    let trainer: Trainer | undefined;
    try {
      const shape = { config, ...training, adam: optimizer, ...how };
      trainer = await allocated(new Trainer(backend, shape, microBatch));
      const scoring = evaluate ? await fitScoring(options, scoringBatch) : undefined;
      return { trainer, microBatch, scoring };
    } catch (error) {
      trainer?.close();
      if (!isTooLarge(error)) throw error;
      report.note(`${((error as Error).cause as Error).message}; trying it with less memory.`);
      tooLarge = error;
    }
  }
  throw tooLarge ?? refusal(config, needs, recompute, available);
}

/** The scoring network with as many crops at once as the device has room for beside training. */
async function fitScoring(options: TrainOptions, most: number): Promise<HeatmapNetwork> {
  const { settings, backend, report } = options;
  let tooLarge: unknown;
  for (const batch of microBatches(most)) {
    try {
      return await allocated(scoringNetwork(backend, settings, { batch }));
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      tooLarge = error;
      if (batch > 1) {
        const { message } = (error as Error).cause as Error;
        report.note(`${message}; trying to score fewer people at once.`);
      }
    }
  }
  throw tooLarge;
}

/** Closes what there is no memory for. */
async function allocated<T extends { allocated(): Promise<void>; close(): void }>(
  made: T,
): Promise<T> {
  try {
    await made.allocated();
    return made;
  } catch (error) {
    made.close();
    throw error;
  }
}
