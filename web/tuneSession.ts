// One fine-tuning from start to end: it runs, waits or is done; keeps its losses and what it predicted
// last. Whoever shows it is told when something changed.
import {
  FineTuning,
  openNetwork,
  type PoseModel,
  predictPeople,
  scoreModel,
  type WebDataset,
} from '../src/web/index.ts';
import { onDevice } from './engine.ts';
import { settingsOf, type TuneForm } from './tuneSettings.ts';

export type SessionState = 'preparing' | 'running' | 'paused' | 'stopped' | 'done' | 'failed';

export interface Sample {
  /** Position in the samples' data set. */
  readonly index: number;
  /** [K, 3]; undefined until it was first predicted. */
  readonly keypoints: Float32Array | undefined;
}

export interface SessionOptions {
  readonly form: TuneForm;
  readonly model: PoseModel;
  readonly dataset: WebDataset;
  /** People to show predictions of, and to score on. */
  readonly shown: WebDataset;
  /** Steps between predictions. */
  readonly every: number;
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

const mostSamples = 8;

export class TuneSession {
  readonly options: SessionOptions;
  state: SessionState = 'preparing';
  /** Loss of each finished step. */
  readonly losses: number[] = [];
  samples: readonly Sample[];
  imagesPerSecond = 0;
  epoch = 0;
  score: { readonly people: number; readonly total: number; readonly ap?: number } | undefined;
  #tuning: FineTuning | undefined;
  /** The loop, or what else uses the GPU; one at a time. */
  #busy: Promise<void> = Promise.resolve();

  constructor(options: SessionOptions) {
    this.options = options;
    const { length } = options.shown.records;
    const count = Math.min(mostSamples, length);
    this.samples = Array.from({ length: count }, (_, i) => ({
      index: Math.floor((i * length) / count),
      keypoints: undefined,
    }));
  }

  start(): void {
    this.#set('running');
    this.#enqueue(() => this.#run());
  }

  pause(): void {
    if (this.state === 'running') this.#set('paused');
  }

  /** Ends for good; the model can still be had until close(). */
  stop(): void {
    if (this.state === 'running' || this.state === 'paused') this.#set('stopped');
  }

  /** The model with the weights of now. */
  async model(): Promise<PoseModel> {
    let model: PoseModel | undefined;
    await this.#between(async () => {
      model = await this.#tuning!.model();
    });
    if (!model) throw new Error('training: it failed, so there are no weights to have.');
    return model;
  }

  /** The COCO evaluation of the weights of now. */
  evaluate(): Promise<void> {
    const { shown, onChange } = this.options;
    const onBatch = (people: number, total: number) => {
      this.score = { people, total };
      onChange();
      return true;
    };
    return this.#between(async () => {
      const model = await this.#tuning!.model();
      const { stats } = (await onDevice((backend) =>
        scoreModel(backend, model, shown, { onBatch }),
      ))!;
      const { length } = shown.records;
      this.score = { people: length, total: length, ap: stats[0]! };
      onChange();
    });
  }

  async close(): Promise<void> {
    this.stop();
    await this.#busy;
    this.#tuning?.close();
    this.#tuning = undefined;
  }

  async #run(): Promise<void> {
    const { form, every, onChange } = this.options;
    this.#tuning ??= await this.#open();
    while (this.state === 'running' && this.losses.length < form.steps) {
      const { loss, images, milliseconds, step } = await this.#tuning.step();
      this.losses.push(loss);
      this.epoch = this.#tuning.epoch;
      const now = (1000 * images) / milliseconds;
      this.imagesPerSecond = step <= 2 ? now : 0.8 * this.imagesPerSecond + 0.2 * now;
      if (step % every === 0 || step === form.steps) await this.#predict();
      onChange();
    }
    if (this.losses.length >= form.steps) this.#set('done');
  }

  async #open(): Promise<FineTuning> {
    const { form, model, dataset } = this.options;
    const stepsPerEpoch = Math.ceil(dataset.records.length / form.batch);
    const settings = settingsOf(form, model.skeleton, stepsPerEpoch);
    const sized = { ...model, inputSize: form.inputSize };
    return onDevice(async (backend) => new FineTuning(backend, sized, dataset, settings));
  }

  async #predict(): Promise<void> {
    const { shown } = this.options;
    const model = await this.#tuning!.model();
    const indices = Int32Array.from(this.samples, ({ index }) => index);
    const people = await onDevice(async (backend) => {
      const network = openNetwork(backend, model, indices.length);
      try {
        return await predictPeople(network, model, shown, indices, false);
      } finally {
        network.close();
      }
    });
    this.samples = people.map(({ keypoints }, i) => ({ index: indices[i]!, keypoints }));
  }

  /** Does something between two steps, after which training goes on if it was going on. */
  async #between(work: () => Promise<void>): Promise<void> {
    const wasRunning = this.state === 'running';
    this.pause();
    await this.#enqueue(work);
    if (wasRunning && this.state === 'paused') this.start();
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#busy = this.#busy.then(work).catch((error) => {
      this.#set('failed');
      this.options.onError(error);
    });
    return this.#busy;
  }

  #set(state: SessionState): void {
    this.state = state;
    this.options.onChange();
  }
}
