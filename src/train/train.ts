// The training loop, top to bottom: learning rate, batches, gradients, update, log, sometimes save
// and evaluate (spec 6.5).
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../backends/backend.ts';
import type { CacheOptions } from '../data/cropCache.ts';
import { loadDataset } from '../data/dataset.ts';
import { createLoader, type Loader } from '../data/loader.ts';
import { epochOrder } from '../data/sampler.ts';
import { inputError, interruptedError, numericalError } from '../errors.ts';
import { beginning, type Progress, type RunState } from './beginning.ts';
import { type CheckpointMeta, markBest, saveCheckpoint } from './checkpoint.ts';
import { fitTrainer } from './fitTrainer.ts';
import { watchInterrupts } from './interrupts.ts';
import { learningRateAt } from './learningRate.ts';
import { Window } from './logLine.ts';
import type { RecomputeMode } from './memoryPlan.ts';
import { Recovery } from './recovery.ts';
import type { TrainReport } from './report.ts';
import { loadEvalDataset, predict, type Score, scorePredictions, scoringNetwork } from './score.ts';
import type { Settings } from './settings.ts';
import { savedMetadata } from './settingsModel.ts';
import { type StateTensor, writeModelFile } from './tensorFile.ts';
import type { Trainer } from './trainer.ts';

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

/** Of the evaluations so far; AP from 0 to 1. */
interface Scores {
  best: number | undefined;
  last: Score | undefined;
}

/** A checkpoint with the weights in it. */
interface Saved {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, StateTensor>;
}

/** Where a run writes: `<save_dir>/<name of the config>`, or save_dir where it ends in that name. */
export function runFolder({ saveDir, name }: Settings): string {
  return saveDir.split(/[\\/]/).at(-1) === name ? saveDir : join(saveDir, name);
}

export async function train(options: TrainOptions): Promise<TrainResult> {
  const { settings, backend, report, accumulate, seed } = options;
  const { batchSize, shuffle, dropLast, dataset: source, augment, udp } = settings.train;
  const runDir = runFolder(settings);
  mkdirSync(runDir, { recursive: true });
  const dataset = await loadDataset(source, settings.skeleton, settings.inputSize);
  const { records } = dataset;
  const batches = (epoch: number) =>
    epochOrder(records.length, { seed, epoch, shuffle, batchSize, dropLast });
  const stepsPerEpoch = Math.ceil(batches(0).length / accumulate);
  if (stepsPerEpoch === 0) {
    throw inputError(
      `train: ${records.length} people are fewer than one batch of ${batchSize}, and drop_last is on. Use a smaller TrainReader.batch_size.`,
    );
  }
  const recovery = new Recovery<RunState>(backend);
  const scores: Scores = { best: undefined, last: undefined };
  const goOn = async (state: RunState) => {
    recovery.keep(state, 0);
    scores.best ??= state.bestAp;
    const { trainer, microBatch } = await fitTrainer(options, state.microBatch);
    trainer.setWeights(valuesOf(state.tensors));
    trainer.setMoments(state.moments);
    if (trainer.lossScale) trainer.lossScale = state.at.lossScale ?? trainer.lossScale;
    const losses = new Window(settings.logIter, state.recentLosses);
    return { trainer, microBatch, at: { ...state.at }, losses };
  };
  let { trainer, microBatch, at, losses } = await goOn(await beginning(options));
  const meter = report.begin({ runDir, settings, records: records.length, stepsPerEpoch, at });
  const loader = createLoader({
    records,
    skeleton: settings.skeleton,
    inputSize: settings.inputSize,
    workers: settings.workers,
    augment,
    udp,
    seed,
    skipBadImages: options.skipBadImages,
    cache: options.cache,
  });
  const interrupts = watchInterrupts();
  let lastSave = performance.now();

  const copy = async (): Promise<RunState> => {
    const begin = performance.now();
    const [tensors, moments] = [await trainer.tensors(), await trainer.moments()];
    const recentLosses = [...losses.values];
    const divided = microBatch < batchSize ? microBatch : undefined;
    const host = { recentLosses, bestAp: scores.best, microBatch: divided };
    const state = { tensors, moments, at: { ...at }, ...host };
    recovery.keep(state, performance.now() - begin);
    return state;
  };

  const save = async (): Promise<Saved> => {
    const { tensors, moments, ...standing } = await copy();
    expectFinite(tensors, at.step);
    const meta = checkpointMeta(options, standing);
    const path = saveCheckpoint(runDir, { tensors, moments, meta });
    lastSave = performance.now();
    report.saved(path);
    return { path, tensors };
  };

  /** Does the work; where the device is lost meanwhile, from the last copy and on another one. */
  const surviving = async (work: () => Promise<void>): Promise<void> => {
    for (let state: RunState | undefined; ; ) {
      try {
        if (state) {
          const next = await goOn(state);
          trainer.close();
          ({ trainer, microBatch, at, losses } = next);
        }
        return await work();
      } catch (error) {
        state = await recovery.renew(error, at.step);
        report.note(
          `the device was lost after step ${at.step} (${((error as Error).cause as Error).message}); going on from step ${state.at.step} on another one.`,
        );
      }
    }
  };

  const trainToEnd = async (): Promise<void> => {
    while (at.epoch < settings.epochs) {
      const updates = groups(batches(at.epoch), accumulate).map((group) =>
        group.flatMap((batch) => parts(batch, microBatch)),
      );
      const pass = loader.batches(updates.slice(at.stepInEpoch).flat(), at.epoch);
      try {
        while (at.stepInEpoch < stepsPerEpoch) {
          const { epoch, stepInEpoch } = at;
          const learningRate = learningRateAt(settings.learningRate, at.step, stepsPerEpoch);
          const update = await makeStep(trainer, pass, updates[stepInEpoch]!, learningRate);
          if (!Number.isFinite(update.loss)) throw badLoss(update.loss, learningRate, at, runDir);
          at.lossScale = trainer.lossScale;
          at.step++;
          at.stepInEpoch++;
          if (update.overflow) report.note(overflowNote(at));
          losses.add(update.loss);
          const { step } = at;
          meter.step({ step, epoch, stepInEpoch, ...update, learningRate, loss: losses.median });
          if (interrupts.count > 0) {
            const { path } = await save();
            throw interruptedError(
              `interrupted after step ${step}. To go on: the same command with -r ${path}`,
            );
          }
          if (performance.now() - lastSave > options.saveMinutes * 60_000) await save();
          if (recovery.due) await copy();
        }
      } finally {
        await pass.return();
      }
      at.epoch++;
      at.stepInEpoch = 0;
      if (at.epoch === settings.epochs || at.epoch % settings.snapshotEpoch === 0) {
        const saved = await save();
        if (options.evaluate)
          await surviving(() => evaluate(options, saved, at, scores, runDir, interrupts));
      }
    }
    const file = join(runDir, 'model_final.safetensors');
    const tensors = await trainer.tensors();
    expectFinite(tensors, at.step);
    writeModelFile(file, tensors, savedMetadata(settings));
    report.finished({ file, skipped: loader.skipped });
  };

  try {
    await surviving(trainToEnd);
    return { runDir, steps: at.step, score: scores.last, bestAp: scores.best };
  } finally {
    interrupts.close();
    await loader.close();
    trainer.close();
    meter.end();
  }
}

const valuesOf = (tensors: ReadonlyMap<string, StateTensor>) =>
  new Map(Array.from(tensors, ([name, { data }]) => [name, data]));

/** Consecutive batches that make one update each. */
function groups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}

/** A batch as micro-batches of a size and what is left. */
const parts = (batch: Int32Array, size: number): Int32Array[] =>
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

function checkpointMeta(
  { seed, config }: TrainOptions,
  { at, recentLosses, bestAp, microBatch }: Omit<RunState, 'tensors' | 'moments'>,
): CheckpointMeta {
  const best = bestAp === undefined ? {} : { bestAp };
  const divided = microBatch === undefined ? {} : { microBatch };
  return { ...at, seed, ...best, ...divided, recentLosses, config };
}

async function evaluate(
  options: TrainOptions,
  { path, tensors }: Saved,
  { epoch, step }: Progress,
  scores: Scores,
  runDir: string,
  interrupts: { readonly count: number },
): Promise<void> {
  const { settings, backend, report, skipBadImages } = options;
  const dataset = await loadEvalDataset(settings);
  const network = scoringNetwork(backend, settings);
  let score: Score;
  try {
    network.setWeights(valuesOf(tensors));
    const made = await predict(network, settings, dataset, {
      skipBadImages,
      onBatch: (samples, total) => report.scoring(samples, total),
      shouldStop: () => interrupts.count > 0,
    });
    score = scorePredictions(made, settings, dataset);
  } finally {
    network.close();
  }
  scores.last = score;
  const ap = score.stats[0]!;
  if (scores.best === undefined || ap >= scores.best) {
    scores.best = ap;
    markBest(path, ap);
    writeModelFile(join(runDir, 'best_model.safetensors'), tensors, savedMetadata(settings));
  }
  report.scored({ epoch, step, score, bestAp: scores.best });
}

const overflowNote = ({ step, lossScale }: Progress) =>
  `step ${step}: gradients were beyond half precision and changed nothing; the loss is scaled by ${lossScale!.scale} from now on.`;

function badLoss(loss: number, learningRate: number, at: Progress, runDir: string) {
  return numericalError(
    `train: the loss is ${loss} at step ${at.step} (epoch ${at.epoch}, learning rate ${learningRate}). ` +
      `Nothing of it was saved; the last good checkpoint is the newest in ${join(runDir, 'checkpoints')}. ` +
      "Try a lower LearningRate.base_lr or a longer warm-up, and look at the data with 'hrpose data check'." +
      (at.lossScale ? ' With --amp f16 also try without: a value beyond 65504 becomes NaN.' : ''),
  );
}

/** A network that holds NaN is never saved as if it were good. */
function expectFinite(tensors: ReadonlyMap<string, StateTensor>, step: number): void {
  for (const [name, { data }] of tensors) {
    for (let i = 0; i < data.length; i++) {
      if (Number.isFinite(data[i]!)) continue;
      throw numericalError(
        `train: '${name}' holds ${data[i]} after step ${step}; the network was not saved. ` +
          'Go on from the last checkpoint with a lower LearningRate.base_lr.',
      );
    }
  }
}
