// The training loop, top to bottom: learning rate, batches, gradients, update, log, sometimes save
// and evaluate (spec 6.5).
import { join } from 'node:path';
import type { Backend } from '../backends/backend.ts';
import type { CacheOptions } from '../data/cropCache.ts';
import { type Dataset, loadDataset } from '../data/dataset.ts';
import { createLoader, type Loader } from '../data/loader.ts';
import type { PersonRecord } from '../data/record.ts';
import { epochOrder } from '../data/sampler.ts';
import { inputError, interruptedError, numericalError } from '../errors.ts';
import type { Progress } from './beginning.ts';
import { makeFolder } from './durable.ts';
import { type Interrupts, watchInterrupts } from './interrupts.ts';
import { learningRateAt } from './learningRate.ts';
import type { RecomputeMode } from './memoryPlan.ts';
import type { Meter, TrainReport } from './report.ts';
import { loadEvalDataset, predict, type Score, scorePredictions } from './score.ts';
import type { Settings } from './settings.ts';
import { savedMetadata } from './settingsModel.ts';
import { writeModelFile } from './tensorFile.ts';
import { type Trainer, valuesOf } from './trainer.ts';
import { expectFinite, type Saved, TrainingRun } from './trainingRun.ts';

export interface TrainOptions {
  readonly settings: Settings;
  /** The config as plain data, kept in checkpoints. */
  readonly config: unknown;
  readonly backend: Backend;
  readonly report: TrainReport;
  /** Score at every snapshot. */
  readonly evaluate: boolean;
  /** Checkpoint folder or run folder to go on from. */
  readonly resume?: string | undefined;
  readonly seed: number;
  /** Micro-batches whose gradients make one update. */
  readonly accumulate: number;
  /** Make cheap results again in the backward part: half the memory, a few percent more time. `auto`: where memory is short. */
  readonly recompute?: RecomputeMode;
  /** Save a checkpoint when this much time has passed since the last one. */
  readonly saveMinutes: number;
  readonly skipBadImages: boolean;
  /** Keep decoded pictures, in memory or on disk. */
  readonly cache?: CacheOptions | undefined;
  /** Gives the path of weights at an address, which it may have to fetch. */
  readonly fetchWeights?: (place: string) => Promise<string>;
}

export interface TrainResult {
  readonly runDir: string;
  readonly steps: number;
  readonly score: Score | undefined;
  readonly bestAp: number | undefined;
}

/** Where a run writes: `<save_dir>/<name of the config>`, or save_dir where it ends in that name. */
export function runFolder({ saveDir, name }: Settings): string {
  return saveDir.split(/[\\/]/).at(-1) === name ? saveDir : join(saveDir, name);
}

export async function train(options: TrainOptions): Promise<TrainResult> {
  const { settings, report } = options;
  const runDir = runFolder(settings);
  makeFolder(runDir);
  const { records } = await loadDataset(
    settings.train.dataset,
    settings.skeleton,
    settings.inputSize,
  );
  const scored = options.evaluate ? await loadEvalDataset(settings) : undefined;
  const schedule = scheduleOf(options, records.length);
  const { stepsPerEpoch } = schedule;
  const run = await TrainingRun.begin(options, runDir);
  const interrupts = watchInterrupts();
  const meter = report.begin({
    runDir,
    settings,
    records: records.length,
    stepsPerEpoch,
    at: run.at,
  });
  const loader = loaderFor(options, records);
  try {
    await run.surviving(async () => {
      await trainToEnd(options, { run, scored, schedule, loader, meter, interrupts });
      const file = join(runDir, 'model_final.safetensors');
      const tensors = await run.trainer.tensors();
      expectFinite(tensors, run.at.step);
      writeModelFile(file, tensors, savedMetadata(settings));
      report.finished({ file, skipped: loader.skipped });
    });
    return { runDir, steps: run.at.step, score: run.lastScore, bestAp: run.bestAp };
  } finally {
    interrupts.close();
    await loader.close();
    run.close();
    meter.end();
  }
}

/** Which samples make which update. */
interface Schedule {
  readonly stepsPerEpoch: number;
  /** For each update of an epoch its batches, indices of records. */
  updates(epoch: number): readonly (readonly Int32Array[])[];
}

function scheduleOf({ settings, seed, accumulate }: TrainOptions, records: number): Schedule {
  const { batchSize, shuffle, dropLast } = settings.train;
  const updates = (epoch: number) =>
    groups(epochOrder(records, { seed, epoch, shuffle, batchSize, dropLast }), accumulate);
  const stepsPerEpoch = updates(0).length;
  if (stepsPerEpoch === 0) {
    throw inputError(
      `train: ${records} people are fewer than one batch of ${batchSize}, and drop_last is on. Use a smaller TrainReader.batch_size.`,
    );
  }
  return { stepsPerEpoch, updates };
}

function loaderFor(
  { settings, seed, skipBadImages, cache }: TrainOptions,
  records: readonly PersonRecord[],
): Loader {
  const { skeleton, inputSize, workers } = settings;
  const { augment, udp } = settings.train;
  return createLoader({
    ...{ records, skeleton, inputSize, workers, augment, udp },
    ...{ seed, skipBadImages, cache },
  });
}

interface Parts {
  readonly run: TrainingRun;
  /** What snapshots are scored on; opened before the first step, so that what is wrong with it shows then. */
  readonly scored: Dataset | undefined;
  readonly schedule: Schedule;
  readonly loader: Loader;
  readonly meter: Meter;
  readonly interrupts: Interrupts;
}

/** From where the run stands to the end of its last epoch. */
async function trainToEnd(options: TrainOptions, parts: Parts): Promise<void> {
  const { run, scored, interrupts } = parts;
  const { epochs, snapshotEpoch } = options.settings;
  while (run.at.epoch < epochs) {
    await trainEpoch(options, parts);
    run.at.epoch++;
    run.at.stepInEpoch = 0;
    if (run.at.epoch < epochs && run.at.epoch % snapshotEpoch !== 0) continue;
    const saved = await run.save();
    if (scored) await run.surviving(() => evaluate(options, run, scored, saved, interrupts));
  }
}

/** What is left of the epoch. */
async function trainEpoch({ settings }: TrainOptions, parts: Parts): Promise<void> {
  const { run, schedule, loader, meter, interrupts } = parts;
  const { trainer, at, losses, microBatch } = run;
  const { epoch } = at;
  const updates = schedule
    .updates(epoch)
    .map((batches) => batches.flatMap((batch) => microBatchesOf(batch, microBatch)));
  const pass = loader.batches(updates.slice(at.stepInEpoch).flat(), epoch);
  try {
    while (at.stepInEpoch < schedule.stepsPerEpoch) {
      const { stepInEpoch } = at;
      const learningRate = learningRateAt(settings.learningRate, at.step, schedule.stepsPerEpoch);
      const update = await makeStep(trainer, pass, updates[stepInEpoch]!, learningRate);
      if (!Number.isFinite(update.loss)) throw badLoss(update.loss, learningRate, at, run.runDir);
      at.gradientScale = trainer.gradientScale;
      at.step++;
      at.stepInEpoch++;
      losses.add(update.loss);
      const { step } = at;
      const note = update.overflow ? overflowNote(at) : undefined;
      meter.step({ step, epoch, stepInEpoch, ...update, learningRate, loss: losses.median, note });
      if (interrupts.count > 0) {
        const { path } = await run.save();
        throw interruptedError(
          `interrupted after step ${step}. To go on: the same command with -r ${path}`,
        );
      }
      await run.saveWhereDue();
    }
  } finally {
    await pass.return();
  }
}

/** Consecutive batches that make one update each. */
function groups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}

/** A batch as micro-batches of a size and what is left. */
const microBatchesOf = (batch: Int32Array, size: number): Int32Array[] =>
  Array.from({ length: Math.ceil(batch.length / size) }, (_, i) =>
    batch.subarray(i * size, (i + 1) * size),
  );

/** One update from its micro-batches, weighted by their share of the samples. */
async function makeStep(
  trainer: Trainer,
  pass: ReturnType<Loader['batches']>,
  microBatches: readonly Int32Array[],
  learningRate: number,
) {
  const images = microBatches.reduce((sum, indices) => sum + indices.length, 0);
  const begin = performance.now();
  let waited = 0;
  let loss = 0;
  let overflow = false;
  for (const [i, indices] of microBatches.entries()) {
    const asked = performance.now();
    const { value: batch, done } = await pass.next();
    if (done) throw new Error('train: the loader gave fewer batches than the order has');
    waited += performance.now() - asked;
    const share = indices.length / images;
    if (i < microBatches.length - 1) loss += share * (await trainer.gradients(batch, share));
    else {
      const last = await trainer.step(batch, share, learningRate);
      loss += share * last.loss;
      overflow = last.overflow;
    }
  }
  return { loss, overflow, images, begin, dataSeconds: waited / 1000 };
}

async function evaluate(
  { settings, report, skipBadImages }: TrainOptions,
  run: TrainingRun,
  dataset: Dataset,
  saved: Saved,
  interrupts: Interrupts,
): Promise<void> {
  const network = run.scoring!;
  network.setWeights(valuesOf(saved.tensors));
  const made = await predict(network, settings, dataset, {
    skipBadImages,
    onBatch: (samples, total) => report.scoring(samples, total),
    shouldStop: () => interrupts.count > 0,
  });
  const score = scorePredictions(made, settings, dataset);
  if (run.score(score, saved)) {
    const file = join(run.runDir, 'best_model.safetensors');
    writeModelFile(file, saved.tensors, savedMetadata(settings));
  }
  const { epoch, step } = run.at;
  report.scored({ epoch, step, score, bestAp: run.bestAp! });
}

const overflowNote = ({ step, gradientScale }: Progress) =>
  `step ${step}: gradients were beyond half precision and changed nothing; they are scaled by ${gradientScale!.scale} from now on.`;

function badLoss(loss: number, learningRate: number, at: Progress, runDir: string) {
  return numericalError(
    `train: the loss is ${loss} at step ${at.step} (epoch ${at.epoch}, learning rate ${learningRate}). ` +
      `Nothing of it was saved; the last good checkpoint is the newest in ${join(runDir, 'checkpoints')}. ` +
      "Try a lower LearningRate.base_lr or a longer warm-up, and look at the data with 'hrpose data check'." +
      (at.gradientScale
        ? ' With --amp f16 also try without: a value beyond 65504 becomes NaN.'
        : ''),
  );
}
