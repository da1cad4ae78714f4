// A run as it stands: the network, how far it has come and how it scored. It copies itself to disk, and to the
// host, from where it goes on when the device is lost.
import { numericalError } from '../errors.ts';
import { beginning, type Progress, type RunState } from './beginning.ts';
import { type CheckpointMeta, markBest, saveCheckpoint } from './checkpoint.ts';
import { type FittedTrainer, fitTrainer } from './fitTrainer.ts';
import type { HeatmapNetwork } from './heatmapNetwork.ts';
import { Window } from './logLine.ts';
import { Recovery } from './recovery.ts';
import type { Score } from './score.ts';
import { savedMetadata } from './settingsModel.ts';
import type { StateTensor } from './tensorFile.ts';
import type { TrainOptions } from './train.ts';
import { type Trainer, valuesOf } from './trainer.ts';

/** A checkpoint with the weights in it. */
export interface Saved {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, StateTensor>;
}

/** What a copy is put into. */
interface Running extends FittedTrainer {
  readonly at: Progress;
  readonly losses: Window;
}

export class TrainingRun {
  readonly runDir: string;
  readonly #options: TrainOptions;
  readonly #recovery: Recovery<RunState>;
  #running: Running;
  #bestAp: number | undefined;
  #lastScore: Score | undefined;
  #lastSave = performance.now();

  /** Makes the trainer and fills it with what the run begins with. */
  static async begin(options: TrainOptions, runDir: string): Promise<TrainingRun> {
    const state = await beginning(options);
    return new TrainingRun(options, runDir, state, await running(options, state));
  }

  private constructor(options: TrainOptions, runDir: string, state: RunState, started: Running) {
    this.runDir = runDir;
    this.#options = options;
    this.#running = started;
    this.#bestAp = state.bestAp;
    this.#recovery = new Recovery(options.backend);
    this.#recovery.keep(state, 0);
  }

  get trainer(): Trainer {
    return this.#running.trainer;
  }

  get microBatch(): number {
    return this.#running.microBatch;
  }

  /** Scores snapshots; its weights are those of the last one. Undefined where nothing is to be scored. */
  get scoring(): HeatmapNetwork | undefined {
    return this.#running.scoring;
  }

  /** Moves on as steps are counted by the caller. */
  get at(): Progress {
    return this.#running.at;
  }

  /** Of the last steps. */
  get losses(): Window {
    return this.#running.losses;
  }

  /** Of all evaluations, 0 to 1. */
  get bestAp(): number | undefined {
    return this.#bestAp;
  }

  get lastScore(): Score | undefined {
    return this.#lastScore;
  }

  /** Saves where that was long ago, and keeps a copy on the host where it is time for one. */
  async saveWhereDue(): Promise<void> {
    if (performance.now() - this.#lastSave > this.#options.saveMinutes * 60_000) await this.save();
    if (this.#recovery.due) await this.#copy();
  }

  async save(): Promise<Saved> {
    const { tensors, moments, ...standing } = await this.#copy();
    expectFinite(tensors, this.at.step);
    const meta = checkpointMeta(this.#options, standing);
    const metadata = savedMetadata(this.#options.settings);
    const path = saveCheckpoint(this.runDir, { tensors, moments, meta }, { metadata });
    this.#lastSave = performance.now();
    this.#options.report.saved(path);
    return { path, tensors };
  }

  /** Counts the score of what was saved; whether it is the best so far, and marked as that. */
  score(score: Score, { path }: Saved): boolean {
    this.#lastScore = score;
    const ap = score.stats[0]!;
    if (this.#bestAp !== undefined && ap < this.#bestAp) return false;
    this.#bestAp = ap;
    markBest(path, ap);
    return true;
  }

  /** Does the work; where the device is lost meanwhile, from the last copy and on another one. */
  async surviving(work: () => Promise<void>): Promise<void> {
    for (let state: RunState | undefined; ; ) {
      try {
        if (state) await this.#goOn(state);
        return await work();
      } catch (error) {
        const { step } = this.at;
        state = await this.#recovery.renew(error, step);
        this.#options.report.note(
          `the device was lost after step ${step} (${((error as Error).cause as Error).message}); going on from step ${state.at.step} on another one.`,
        );
      }
    }
  }

  close(): void {
    this.trainer.close();
    this.scoring?.close();
  }

  async #goOn(state: RunState): Promise<void> {
    const { trainer, scoring } = this;
    this.#recovery.keep(state, 0);
    this.#running = await running(this.#options, state);
    trainer.close();
    scoring?.close();
  }

  async #copy(): Promise<RunState> {
    const begin = performance.now();
    const { trainer, microBatch, at, losses } = this.#running;
    const [tensors, moments] = [await trainer.tensors(), await trainer.moments()];
    const { batchSize } = this.#options.settings.train;
    const state = {
      ...{ tensors, moments, at: { ...at }, recentLosses: [...losses.values] },
      bestAp: this.#bestAp,
      microBatch: microBatch < batchSize ? microBatch : undefined,
    };
    this.#recovery.keep(state, performance.now() - begin);
    return state;
  }
}

async function running(options: TrainOptions, state: RunState): Promise<Running> {
  const fitted = await fitTrainer(options, state.microBatch);
  const { trainer } = fitted;
  trainer.setWeights(valuesOf(state.tensors));
  trainer.setMoments(state.moments);
  if (trainer.gradientScale)
    trainer.gradientScale = state.at.gradientScale ?? trainer.gradientScale;
  const losses = new Window(options.settings.logIter, state.recentLosses);
  return { ...fitted, at: { ...state.at }, losses };
}

function checkpointMeta(
  { seed, config }: TrainOptions,
  { at, recentLosses, bestAp, microBatch }: Omit<RunState, 'tensors' | 'moments'>,
): CheckpointMeta {
  const best = bestAp === undefined ? {} : { bestAp };
  const divided = microBatch === undefined ? {} : { microBatch };
  return { ...at, seed, ...best, ...divided, recentLosses, config };
}

/** A network that holds NaN is never saved as if it were good. */
export function expectFinite(tensors: ReadonlyMap<string, StateTensor>, step: number): void {
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
