// The network under training: its programs, one for each batch size that occurs, around one set of
// parameters, statistics and moments. Knows nothing of epochs, files or schedules.
import type {
  Backend,
  Feeds,
  Outputs,
  Program,
  StateStore,
  StepProfile,
} from '../backends/backend.ts';
import type { Batch } from '../data/record.ts';
import { elementCount } from '../graph/graph.ts';
import { type HrnetConfig, hrnetState, isRunningStatistic } from '../models/hrnetConfigs.ts';
import {
  beta1Power,
  beta2Power,
  moment1Of,
  moment2Of,
  type TrainingOptions,
  trainingGraph,
  type UpdateOptions,
  updateGraph,
} from '../models/poseGraphs.ts';
import { compileTraining } from '../passes/compile.ts';
import { firstGradientScale, type GradientScale, nextGradientScale } from './gradientScale.ts';
import type { StateTensor } from './tensorFile.ts';

export type TrainerOptions = Omit<TrainingOptions, 'batch'> & {
  readonly config: HrnetConfig;
  readonly adam: Omit<UpdateOptions, 'accumulate'>;
  /** Make cheap results again in the backward part: about half the memory of the activations. */
  readonly recompute: boolean;
};

const readsAtOnce = 64;

/** What of a batch the network needs. */
export type TrainingBatch = Pick<Batch, 'size' | 'images' | 'keypoints' | 'visible'>;

/** Without their shapes. */
export const valuesOf = (tensors: ReadonlyMap<string, StateTensor>): Map<string, Float32Array> =>
  new Map(Array.from(tensors, ([name, { data }]) => [name, data]));

export interface Step {
  readonly loss: number;
  /** Whether gradients were beyond half precision: then nothing changed but their scale. */
  readonly overflow: boolean;
}

export class Trainer {
  readonly #backend: Backend;
  readonly #options: TrainerOptions;
  readonly #states: StateStore;
  /** By batch size. */
  readonly #programs = new Map<number, Program>();
  readonly #update: Program;
  /** Parameters and running statistics by official name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** What the loss is multiplied by in its gradients; undefined where they need no scale. */
  gradientScale: GradientScale | undefined;

  /** @param batchSize the usual one: its program decides how the parameters are laid out */
  constructor(backend: Backend, options: TrainerOptions, batchSize: number) {
    this.#backend = backend;
    this.#options = options;
    this.#states = backend.createStates();
    this.shapes = hrnetState(options.config);
    this.#program(batchSize);
    const parameters = new Map([...this.shapes].filter(([name]) => !isRunningStatistic(name)));
    const { accumulate, adam } = options;
    const scaled = backend.halfRange === true;
    if (scaled) this.gradientScale = firstGradientScale;
    const update = updateGraph(parameters, { ...adam, accumulate, scaled });
    this.#update = backend.prepare(update, { states: this.#states });
    this.#states.write(beta1Power, Float32Array.of(adam.beta1));
    this.#states.write(beta2Power, Float32Array.of(adam.beta2));
  }

  /** Resolves when there is memory for all programs; else rejects with what has none. */
  async allocated(): Promise<void> {
    const programs = [...this.#programs.values(), this.#update];
    await Promise.all(programs.map((program) => program.allocated));
  }

  /** Parameters and running statistics, by official name; absent ones stay. */
  setWeights(weights: Iterable<readonly [string, Float32Array]>): void {
    for (const [name, values] of weights) this.#states.write(name, values);
  }

  /** Weights with their shapes, as files hold them. */
  tensors(): Promise<Map<string, StateTensor>> {
    return this.#tensors([...this.shapes].map(([name, shape]) => [name, name, shape]));
  }

  /** Moments under the names that checkpoints use, and the powers of Adam's betas. */
  moments(): Promise<Map<string, StateTensor>> {
    return this.#tensors(this.#momentNames());
  }

  setMoments(moments: ReadonlyMap<string, { readonly data: Float32Array }>): void {
    for (const [stored, state] of this.#momentNames()) {
      const tensor = moments.get(stored);
      if (tensor) this.#states.write(state, tensor.data);
    }
  }

  /** Forward and backward of what is not the whole of an update: the loss; gradients and running statistics stay inside. */
  async gradients(batch: TrainingBatch, lossWeight: number): Promise<number> {
    const { loss } = await this.#program(batch.size).run(this.#feeds(batch, lossWeight));
    return loss![0]!;
  }

  /**
   * Forward, backward and the update, by these gradients and those that are there. A loss that is not finite has
   * spoilt the parameters when it comes back: the run is over then.
   */
  async step(batch: TrainingBatch, lossWeight: number, learningRate: number): Promise<Step> {
    const [{ loss }, { usedFactor }] = (await this.#backend.runInTurn([
      { program: this.#program(batch.size), feeds: this.#feeds(batch, lossWeight) },
      { program: this.#update, feeds: this.#updateFeeds(learningRate) },
    ])) as [Outputs, Outputs];
    const step = { loss: loss![0]!, overflow: usedFactor?.[0] === 0 };
    if (this.gradientScale && Number.isFinite(step.loss))
      this.gradientScale = nextGradientScale(this.gradientScale, step.overflow);
    return step;
  }

  /** One step with every kernel timed. */
  async profile(batch: TrainingBatch, learningRate: number): Promise<readonly StepProfile[]> {
    const forwardBackward = await this.#program(batch.size).profile(this.#feeds(batch, 1));
    return [...forwardBackward, ...(await this.#update.profile(this.#updateFeeds(learningRate)))];
  }

  /** Bytes of activations and workspaces, over all programs. */
  get programBytes(): number {
    return [...this.#programs.values(), this.#update].reduce((sum, p) => sum + p.bytes, 0);
  }

  close(): void {
    for (const program of this.#programs.values()) program.close();
    this.#update.close();
    this.#states.close();
  }

  #feeds({ images, keypoints, visible }: TrainingBatch, lossWeight: number): Feeds {
    const { scale = 1 } = this.gradientScale ?? {};
    return { images, keypoints, visible, lossWeight: Float32Array.of(lossWeight * scale) };
  }

  #updateFeeds(rate: number): Feeds {
    const learningRate = Float32Array.of(rate);
    if (!this.gradientScale) return { learningRate };
    return { learningRate, gradientFactor: Float32Array.of(1 / this.gradientScale.scale) };
  }

  #program(batch: number): Program {
    const known = this.#programs.get(batch);
    if (known) return known;
    const built = trainingGraph(this.#options.config, { ...this.#options, batch });
    const graph = compileTraining(built, { lean: this.#options.recompute });
    const program = this.#backend.prepare(graph, { states: this.#states });
    this.#programs.set(batch, program);
    return program;
  }

  /** Name in a checkpoint, name of the state, shape. */
  #momentNames(): [string, string, readonly number[]][] {
    const parameters = [...this.shapes].filter(([name]) => !isRunningStatistic(name));
    return [
      ...parameters.flatMap(([name, shape]): [string, string, readonly number[]][] => [
        [`${name}.moment1`, moment1Of(name), shape],
        [`${name}.moment2`, moment2Of(name), shape],
      ]),
      ['beta1_pow', beta1Power, [1]],
      ['beta2_pow', beta2Power, [1]],
    ];
  }

  /** Reads a few at a time: each takes a way to the device and back, and memory for its copy. */
  async #tensors(names: readonly (readonly [string, string, readonly number[]])[]) {
    const tensors = new Map<string, StateTensor>();
    for (let start = 0; start < names.length; start += readsAtOnce) {
      const part = names.slice(start, start + readsAtOnce);
      const values = await Promise.all(part.map(([, state]) => this.#states.read(state)));
      part.forEach(([stored, state, shape], i) => {
        const data = values[i]!;
        if (data.length !== elementCount(shape))
          throw new Error(`trainer: ${state} has changed shape`);
        tensors.set(stored, { shape, data });
      });
    }
    return tensors;
  }
}
