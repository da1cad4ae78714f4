// The training loop, top to bottom: learning rate, batches, gradients, update, log, sometimes save
// and evaluate (spec 6.5).
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../backends/backend.ts';
import type { CacheOptions } from '../data/cropCache.ts';
import { loadDataset } from '../data/dataset.ts';
import { localWeights } from '../data/fetchWeights.ts';
import { createLoader, type Loader } from '../data/loader.ts';
import { epochOrder } from '../data/sampler.ts';
import {
  environmentError,
  HrposeError,
  inputError,
  interruptedError,
  numericalError,
} from '../errors.ts';
import { drawWeights } from '../models/drawWeights.ts';
import { type CheckpointMeta, loadCheckpoint, markBest, saveCheckpoint } from './checkpoint.ts';
import { readWeights } from './initialWeights.ts';
import { watchInterrupts } from './interrupts.ts';
import { learningRateAt } from './learningRate.ts';
import { Window } from './logLine.ts';
import { chooseMemoryPlan, type RecomputeMode } from './memoryPlan.ts';
import type { TrainReport } from './report.ts';
import { loadEvalDataset, predict, type Score, scorePredictions, scoringNetwork } from './score.ts';
import type { Settings } from './settings.ts';
import { networkConfig, savedMetadata } from './settingsModel.ts';
import { type StateTensor, writeModelFile } from './tensorFile.ts';
import { Trainer } from './trainer.ts';

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

/** Where the run stands; counters count what is finished. */
interface Progress {
  step: number;
  epoch: number;
  stepInEpoch: number;
  bestAp: number | undefined;
  score: Score | undefined;
}

export async function train(options: TrainOptions): Promise<TrainResult> {
  const { settings, report, accumulate, seed } = options;
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
  const pretrained = await pretrainedWeights(options);
  const trainer = createTrainer(options);
  const at = start(options, trainer, pretrained);
  const losses = new Window(settings.logIter, at.recentLosses);
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

  const save = async (): Promise<string> => {
    const tensors = await trainer.tensors();
    expectFinite(tensors, at.step);
    const meta = checkpointMeta(options, at, losses);
    const path = saveCheckpoint(runDir, { tensors, moments: await trainer.moments(), meta });
    lastSave = performance.now();
    report.saved(path);
    return path;
  };

  try {
    while (at.epoch < settings.epochs) {
      const order = batches(at.epoch);
      const updates = groups(order, accumulate);
      const pass = loader.batches(order.slice(at.stepInEpoch * accumulate), at.epoch);
      while (at.stepInEpoch < stepsPerEpoch) {
        const { epoch, stepInEpoch } = at;
        const learningRate = learningRateAt(settings.learningRate, at.step, stepsPerEpoch);
        const update = await gradientsOf(trainer, pass, updates[stepInEpoch]!);
        if (!Number.isFinite(update.loss)) throw badLoss(update.loss, learningRate, at, runDir);
        await trainer.update(learningRate);
        at.step++;
        at.stepInEpoch++;
        losses.add(update.loss);
        const { step } = at;
        meter.step({ step, epoch, stepInEpoch, ...update, learningRate, loss: losses.median });
        if (interrupts.count > 0) {
          throw interruptedError(
            `interrupted after step ${step}. To go on: the same command with -r ${await save()}`,
          );
        }
        if (performance.now() - lastSave > options.saveMinutes * 60_000) await save();
      }
      await pass.return();
      at.epoch++;
      at.stepInEpoch = 0;
      if (at.epoch === settings.epochs || at.epoch % settings.snapshotEpoch === 0) {
        const path = await save();
        if (options.evaluate) await evaluate(options, trainer, at, path, runDir, interrupts);
      }
    }
    const file = join(runDir, 'model_final.safetensors');
    const tensors = await trainer.tensors();
    expectFinite(tensors, at.step);
    writeModelFile(file, tensors, savedMetadata(settings));
    report.finished({ file, skipped: loader.skipped });
    return { runDir, steps: at.step, score: at.score, bestAp: at.bestAp };
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

/** Gradients of one update: its micro-batches weighted by their share of the samples. */
async function gradientsOf(
  trainer: Trainer,
  pass: ReturnType<Loader['batches']>,
  microBatches: readonly Int32Array[],
) {
  const images = microBatches.reduce((sum, indices) => sum + indices.length, 0);
  const begin = performance.now();
  let waited = 0;
  let loss = 0;
  for (const indices of microBatches) {
    const asked = performance.now();
    const { value: batch, done } = await pass.next();
    if (done) throw new Error('train: the loader gave fewer batches than the order has');
    waited += performance.now() - asked;
    const share = indices.length / images;
    loss += share * (await trainer.gradients(batch, share));
  }
  return { loss, images, begin, dataSeconds: waited / 1000 };
}

/** Plans the memory, says what it will be, and makes the trainer. */
function createTrainer(options: TrainOptions): Trainer {
  const { settings, backend, accumulate, recompute = 'auto', report } = options;
  const { inputSize, heatmapSize, normalize, loss, bnMomentum, optimizer, target } = settings;
  const config = networkConfig(settings);
  const { batchSize } = settings.train;
  const training = {
    inputSize,
    normalize,
    target: { ...target, heatmapSize },
    loss,
    bnMomentum,
    accumulate: accumulate > 1,
  };
  const available = backend.availableBytes();
  const needs = {
    training: { ...training, batch: batchSize },
    activationBytes: backend.activationBytes,
    workers: settings.workers,
    accumulate,
  };
  const plan = chooseMemoryPlan(config, needs, recompute, available);
  report.memory(plan, available);
  const trainer = { config, ...training, adam: optimizer, recompute: plan.recompute };
  return new Trainer(backend, trainer, batchSize);
}

/** Path of the weights that a new run starts from, if not from drawn ones. */
async function pretrainedWeights({
  settings: { pretrainWeights },
  resume,
  fetchWeights = localWeights,
}: TrainOptions): Promise<string | undefined> {
  if (resume !== undefined || !pretrainWeights) return undefined;
  try {
    return await fetchWeights(pretrainWeights);
  } catch (error) {
    if (!(error instanceof HrposeError) || error.exitCode !== 4) throw error;
    const { message } = error;
    throw environmentError(
      `pretrain_weights: ${message}\nTo start from drawn weights: -o pretrain_weights=`,
      { cause: error },
    );
  }
}

/** Sets the trainer to where the run begins and says where that is. */
function start(options: TrainOptions, trainer: Trainer, pretrained: string | undefined) {
  const { settings, report, resume, seed } = options;
  const beginning: Progress & { recentLosses: readonly number[] } = {
    step: 0,
    epoch: 0,
    stepInEpoch: 0,
    bestAp: undefined,
    score: undefined,
    recentLosses: [],
  };
  if (resume !== undefined) {
    const { tensors, moments, meta } = loadCheckpoint(resume);
    if (!meta) {
      throw inputError(
        `-r ${resume}: expected a checkpoint or run folder, got weights alone. To start from weights use -o pretrain_weights=${resume}.`,
      );
    }
    expectShapes(trainer, tensors, resume);
    trainer.setWeights(valuesOf(tensors));
    trainer.setMoments(moments);
    if (meta.seed !== seed)
      report.note(`the seed of the run was ${meta.seed}; going on with ${seed}.`);
    report.note(`Finish resuming model weights: ${resume}`);
    const { step, epoch, stepInEpoch, bestAp, recentLosses = [] } = meta;
    return { ...beginning, step, epoch, stepInEpoch, bestAp, recentLosses };
  }
  const config = networkConfig(settings);
  trainer.setWeights(drawWeights(config, seed));
  if (pretrained !== undefined) {
    const weights = new Map<string, Float32Array>();
    const { file, summary } = readWeights(config, pretrained, 'head', weights);
    trainer.setWeights(weights);
    report.note(`Finish loading model weights: ${file}. ${summary}`);
  }
  return beginning;
}

function expectShapes(trainer: Trainer, tensors: ReadonlyMap<string, StateTensor>, path: string) {
  for (const [name, shape] of trainer.shapes) {
    const found = tensors.get(name);
    if (found && String(found.shape) === String(shape)) continue;
    throw inputError(
      `-r ${path}: expected '${name}' of shape [${shape}], got ${found ? `[${found.shape}]` : 'nothing'}. The checkpoint is of another network; use its config file.`,
    );
  }
}

function checkpointMeta(
  { seed, config }: TrainOptions,
  at: Progress,
  losses: Window,
): CheckpointMeta {
  const { step, epoch, stepInEpoch, bestAp } = at;
  const best = bestAp === undefined ? {} : { bestAp };
  return { step, epoch, stepInEpoch, seed, ...best, recentLosses: [...losses.values], config };
}

async function evaluate(
  options: TrainOptions,
  trainer: Trainer,
  at: Progress,
  checkpoint: string,
  runDir: string,
  interrupts: { readonly count: number },
): Promise<void> {
  const { settings, backend, report, skipBadImages } = options;
  const dataset = await loadEvalDataset(settings);
  const network = scoringNetwork(backend, settings);
  const tensors = await trainer.tensors();
  try {
    network.setWeights(valuesOf(tensors));
    const made = await predict(network, settings, dataset, {
      skipBadImages,
      onBatch: (samples, total) => report.scoring(samples, total),
      shouldStop: () => interrupts.count > 0,
    });
    at.score = scorePredictions(made, settings, dataset);
  } finally {
    network.close();
  }
  const ap = at.score.stats[0]!;
  if (at.bestAp === undefined || ap >= at.bestAp) {
    at.bestAp = ap;
    markBest(checkpoint, ap);
    writeModelFile(join(runDir, 'best_model.safetensors'), tensors, savedMetadata(settings));
  }
  report.scored({ epoch: at.epoch, step: at.step, score: at.score, bestAp: at.bestAp });
}

function badLoss(loss: number, learningRate: number, at: Progress, runDir: string) {
  return numericalError(
    `train: the loss is ${loss} at step ${at.step} (epoch ${at.epoch}, learning rate ${learningRate}). ` +
      `Nothing of it was saved; the last good checkpoint is the newest in ${join(runDir, 'checkpoints')}. ` +
      "Try a lower LearningRate.base_lr or a longer warm-up, and look at the data with 'hrpose data check'.",
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
