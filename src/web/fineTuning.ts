// Training in a browser, one step a call, so that whoever calls decides when to go on, look or stop. With
// the same settings, data and seed the steps are those of train/train.ts.
import type { Backend } from '../backends/backend.ts';
import { epochOrder } from '../data/sampler.ts';
import { inputError, numericalError } from '../errors.ts';
import type { PoseModel } from '../infer/posePipeline.ts';
import type { GradientScale } from '../train/gradientScale.ts';
import { learningRateAt } from '../train/learningRate.ts';
import { Recovery } from '../train/recovery.ts';
import type { Settings } from '../train/settings.ts';
import type { StateTensor } from '../train/tensorFile.ts';
import { Trainer, valuesOf } from '../train/trainer.ts';
import { makeBatch } from './batches.ts';
import type { WebDataset } from './cocoFolder.ts';

export interface FineTuneSettings
  extends Pick<Settings, 'target' | 'loss' | 'learningRate' | 'optimizer' | 'bnMomentum'> {
  readonly train: Pick<Settings['train'], 'batchSize' | 'shuffle' | 'dropLast' | 'augment' | 'udp'>;
  readonly seed: number;
}

export interface FineTuneStep {
  /** Finished steps with this one. */
  readonly step: number;
  /** Before the step. */
  readonly loss: number;
  readonly learningRate: number;
  readonly images: number;
  readonly milliseconds: number;
}

/** To go on from, when the device is lost. */
interface Copy {
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly moments: ReadonlyMap<string, StateTensor>;
  readonly gradientScale: GradientScale | undefined;
  readonly step: number;
}

export class FineTuning {
  readonly #model: PoseModel;
  readonly #dataset: WebDataset;
  readonly #settings: FineTuneSettings;
  readonly #batchesPerEpoch: number;
  readonly #makeTrainer: () => Trainer;
  readonly #recovery: Recovery<Copy>;
  #trainer: Trainer;
  #order: Generator<{ readonly indices: Int32Array; readonly epoch: number }>;
  #next: ReturnType<typeof makeBatch> | undefined;
  #step = 0;

  /** Starts from the model's weights; its input size is that of the crops. */
  constructor(backend: Backend, model: PoseModel, dataset: WebDataset, settings: FineTuneSettings) {
    this.#model = model;
    this.#dataset = dataset;
    this.#settings = settings;
    this.#order = this.#orderFrom(0);
    this.#batchesPerEpoch = this.#batchesOf(0).length;
    const { batchSize } = settings.train;
    if (this.#batchesPerEpoch === 0) {
      throw inputError(
        `training: ${dataset.records.length} people are fewer than one batch of ${batchSize}. Use a smaller batch.`,
      );
    }
    const { inputSize, normalize, config, weights } = model;
    const { target, loss, optimizer: adam, bnMomentum } = settings;
    const heatmapSize = { width: inputSize.width / 4, height: inputSize.height / 4 };
    const options = { config, inputSize, normalize, loss, adam, bnMomentum };
    const memory = { accumulate: false, recompute: false };
    const full = { ...options, ...memory, target: { ...target, heatmapSize } };
    const batch = Math.min(batchSize, dataset.records.length);
    this.#makeTrainer = () => new Trainer(backend, full, batch);
    this.#trainer = this.#makeTrainer();
    this.#trainer.setWeights(weights);
    this.#recovery = new Recovery(backend);
    const { gradientScale } = this.#trainer;
    this.#recovery.keep({ weights, moments: new Map(), gradientScale, step: 0 }, 0);
  }

  get steps(): number {
    return this.#step;
  }

  get epoch(): number {
    return Math.floor(this.#step / this.#batchesPerEpoch);
  }

  /** One step; where the device is lost, those that went with it again. */
  async step(): Promise<FineTuneStep> {
    const done = await this.#surviving(() => this.#makeStep());
    if (this.#recovery.due) await this.#surviving(() => this.#keepCopy());
    return done;
  }

  /** The next batch is made while the GPU works. */
  async #makeStep(): Promise<FineTuneStep> {
    const start = performance.now();
    const learningRate = learningRateAt(
      this.#settings.learningRate,
      this.#step,
      this.#batchesPerEpoch,
    );
    const batch = await (this.#next ?? this.#nextBatch());
    this.#next = this.#nextBatch();
    // Whoever asks for the next step meets the error.
    this.#next.catch(() => {});
    const { loss } = await this.#trainer.step(batch, 1, learningRate);
    if (!Number.isFinite(loss)) {
      throw numericalError(
        `training: the loss is ${loss} at step ${this.#step}. The weights before it are lost; start again with a lower learning rate.`,
      );
    }
    this.#step++;
    const milliseconds = performance.now() - start;
    return { step: this.#step, loss, learningRate, images: batch.size, milliseconds };
  }

  /** The model with the weights of now. */
  async model(): Promise<PoseModel> {
    const tensors = await this.#surviving(() => this.#trainer.tensors());
    for (const [name, { data }] of tensors) {
      if (data.every(Number.isFinite)) continue;
      throw numericalError(
        `training: '${name}' is not finite after step ${this.#step}. Start again with a lower learning rate.`,
      );
    }
    return { ...this.#model, weights: valuesOf(tensors) };
  }

  close(): void {
    this.#trainer.close();
  }

  /** Does the work after this many steps; where the device is lost meanwhile, from the last copy and on another one. */
  async #surviving<T>(work: () => Promise<T>): Promise<T> {
    const steps = this.#step;
    for (;;) {
      try {
        while (this.#step < steps) await this.#makeStep();
        return await work();
      } catch (error) {
        this.#goBackTo(await this.#recovery.renew(error, steps));
      }
    }
  }

  #goBackTo({ weights, moments, gradientScale, step }: Copy): void {
    this.#trainer.close();
    this.#trainer = this.#makeTrainer();
    this.#trainer.setWeights(weights);
    this.#trainer.setMoments(moments);
    this.#trainer.gradientScale = gradientScale;
    this.#step = step;
    this.#order = this.#orderFrom(step);
    this.#next = undefined;
  }

  async #keepCopy(): Promise<void> {
    const start = performance.now();
    const trainer = this.#trainer;
    const weights = valuesOf(await trainer.tensors());
    const moments = await trainer.moments();
    const copy = { weights, moments, gradientScale: trainer.gradientScale, step: this.#step };
    this.#recovery.keep(copy, performance.now() - start);
  }

  #nextBatch(): ReturnType<typeof makeBatch> {
    const { skeleton, inputSize } = this.#model;
    const { train, seed } = this.#settings;
    const { indices, epoch } = this.#order.next().value;
    const rules = { skeleton, inputSize, augment: train.augment, udp: train.udp, seed };
    return makeBatch(this.#dataset, rules, indices, epoch);
  }

  *#orderFrom(step: number) {
    let skipped = step % this.#batchesPerEpoch;
    for (let epoch = Math.floor(step / this.#batchesPerEpoch); ; epoch++) {
      for (const indices of this.#batchesOf(epoch).slice(skipped)) yield { indices, epoch };
      skipped = 0;
    }
  }

  #batchesOf(epoch: number): Int32Array[] {
    const { seed, train } = this.#settings;
    const { shuffle, batchSize, dropLast } = train;
    return epochOrder(this.#dataset.records.length, { seed, epoch, shuffle, batchSize, dropLast });
  }
}
