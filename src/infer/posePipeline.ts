// People of many pictures through one network: crops are queued, run in full batches whatever
// picture they come from, and every call gets the poses of its own boxes. Pictures come decoded;
// finding people and drawing them are others' work.
import type { Backend } from '../backends/backend.ts';
import { isWithinReach } from '../data/box.ts';
import { inputError, usageError } from '../errors.ts';
import type { Weights } from '../models/drawWeights.ts';
import type { HrnetConfig } from '../models/hrnetConfigs.ts';
import type { NormalizeAttrs } from '../ops/normalizeImage.ts';
import {
  boxCrop,
  type Crop,
  cutCrop,
  type PersonBox,
  type Pose,
  poseScore,
  type ReadingRules,
  readKeypoints,
  wholePictureCrop,
} from '../pose/estimate.ts';
import type { RgbImage } from '../pose/warp.ts';
import { type FlipTest, HeatmapNetwork } from '../train/heatmapNetwork.ts';

/** A network and how its output is read. */
export interface PoseModel extends ReadingRules {
  readonly config: HrnetConfig;
  readonly normalize: NormalizeAttrs;
  readonly shiftHeatmap: boolean;
  /** Of two people with a larger OKS than this, the one with the lower score is a double. */
  readonly oksThreshold: number;
  readonly weights: Weights;
}

export interface PosePipelineOptions {
  /** Stays the caller's: close() does not close it. */
  readonly backend: Backend;
  readonly model: PoseModel;
  /** Crops a run. */
  readonly batch: number;
  /** Also look at every crop mirrored: twice the time, a little more accurate. */
  readonly flip: boolean;
  /** Run what waits as soon as the network is free, not only full batches and what flush() asks for. */
  readonly eager?: boolean;
  /** Hand out the heatmaps of every pose. */
  readonly keepHeatmaps?: boolean;
}

interface Job {
  readonly image: RgbImage;
  readonly person: PersonBox;
  readonly crop: Crop;
  readonly resolve: (pose: Pose) => void;
  readonly reject: (error: unknown) => void;
}

export class PosePipeline {
  readonly model: PoseModel;
  readonly batch: number;
  readonly #options: PosePipelineOptions;
  readonly #flip: FlipTest | undefined;
  readonly #whole: HeatmapNetwork;
  /** For what waits while a batch is not full, in an eager pipeline: nothing is filled up and wasted. */
  readonly #single: HeatmapNetwork | undefined;
  readonly #crops: Uint8Array;
  readonly #queue: Job[] = [];
  /** How many jobs at the head of the queue may go in a batch that is not full. */
  #due = 0;
  #running: Promise<void> | undefined;
  #closed = false;

  private constructor(options: PosePipelineOptions) {
    const { model, batch } = options;
    this.model = model;
    this.batch = batch;
    this.#options = options;
    const { flipPairs } = model.skeleton;
    this.#flip = options.flip ? { flipPairs, shiftHeatmap: model.shiftHeatmap } : undefined;
    this.#crops = new Uint8Array(batch * model.inputSize.width * model.inputSize.height * 3);
    this.#whole = openNetwork(options.backend, model, batch);
    try {
      if (options.eager && batch > 1) this.#single = openNetwork(options.backend, model, 1);
    } catch (error) {
      this.#whole.close();
      throw error;
    }
  }

  /** Prepares the network: a second, or more where algorithms have to be chosen first. */
  static async open(options: PosePipelineOptions): Promise<PosePipeline> {
    return new PosePipeline(options);
  }

  /** People who wait for the network or are in it. */
  get waiting(): number {
    return this.#queue.length + this.#inNetwork;
  }
  #inNetwork = 0;

  /**
   * The poses of the people in `boxes`, in their order; without boxes one pose for the whole picture.
   * Keeps the picture until they are done. The promise may wait for a full batch: see flush().
   */
  async add(image: RgbImage, boxes?: readonly PersonBox[]): Promise<Pose[]> {
    if (this.#closed) throw usageError('pose pipeline: add() after close(). Open a new one.');
    checkImage(image);
    const { inputSize } = this.model;
    const people = boxes ?? [{ box: [0, 0, image.width, image.height] as const, score: 1 }];
    people.forEach(checkBox);
    const poses = people.map((person) => {
      const crop = boxes ? boxCrop(person.box, inputSize) : wholePictureCrop(image, inputSize);
      return new Promise<Pose>((resolve, reject) => {
        this.#queue.push({ image, person, crop, resolve, reject });
      });
    });
    this.#start();
    return Promise.all(poses);
  }

  /** Resolves when the batch that runs is done; at once when none does. */
  async afterBatch(): Promise<void> {
    if (this.#running) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }
  #watchers: (() => void)[] = [];

  /** Runs all that waits, in a last batch that is not full if need be; returns when it is done. */
  async flush(): Promise<void> {
    this.#due = this.#queue.length;
    this.#start();
    while (this.#running) await this.#running;
  }

  /** Ends after the batch that is running; whoever still waits gets an error. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const gone = usageError('pose pipeline: closed before these people had their turn.');
    for (const job of this.#queue.splice(0)) job.reject(gone);
    await this.#running;
    this.#whole.close();
    this.#single?.close();
  }

  #ready(): boolean {
    const { length } = this.#queue;
    return length >= this.batch || (length > 0 && (this.#due > 0 || this.#options.eager === true));
  }

  #start(): void {
    if (this.#running || !this.#ready()) return;
    this.#running = this.#drain().finally(() => {
      this.#running = undefined;
      this.#start();
      if (!this.#running) this.#tellWatchers();
    });
  }

  async #drain(): Promise<void> {
    await null; // Calls of one turn share a batch.
    while (this.#ready()) {
      const jobs = this.#queue.splice(0, this.batch);
      this.#due = Math.max(0, this.#due - jobs.length);
      this.#inNetwork = jobs.length;
      try {
        await this.#runBatch(jobs);
      } catch (error) {
        for (const job of jobs) job.reject(error);
      }
      this.#inNetwork = 0;
      this.#tellWatchers();
    }
  }

  #tellWatchers(): void {
    for (const tell of this.#watchers.splice(0)) tell();
  }

  async #runBatch(jobs: readonly Job[]): Promise<void> {
    const { model } = this;
    const one = this.#crops.length / this.batch;
    jobs.forEach(({ image, crop }, i) => {
      cutCrop(image, crop, model, this.#crops.subarray(i * one, (i + 1) * one));
    });
    const heatmaps = await this.#heatmaps(jobs.length);
    const shape = this.#whole.heatmapShape(jobs.length);
    const crops = jobs.map(({ crop }) => crop);
    const people = readKeypoints(heatmaps, shape, crops, model);
    const mapsOfOne = heatmaps.length / jobs.length;
    jobs.forEach(({ person, crop, resolve }, i) => {
      const keypoints = people[i]!;
      resolve({
        box: person.box,
        boxScore: person.score,
        keypoints,
        score: poseScore(keypoints, person.score, model),
        crop,
        ...(this.#options.keepHeatmaps && {
          heatmaps: heatmaps.slice(i * mapsOfOne, (i + 1) * mapsOfOne),
        }),
      });
    });
  }

  /** [count, K, H, W] of the first crops. */
  async #heatmaps(count: number): Promise<Float32Array> {
    if (!this.#single || count === this.batch) {
      return this.#whole.heatmaps(this.#crops, count, this.#flip);
    }
    const one = this.#crops.length / this.batch;
    const parts: Float32Array[] = [];
    for (let i = 0; i < count; i++) {
      const crop = this.#crops.subarray(i * one, (i + 1) * one);
      parts.push(await this.#single.heatmaps(crop, 1, this.#flip));
    }
    const all = new Float32Array(count * parts[0]!.length);
    for (const [i, part] of parts.entries()) all.set(part, i * part.length);
    return all;
  }
}

/** The model's network with its weights, for batches of one size. */
export function openNetwork(backend: Backend, model: PoseModel, batch: number): HeatmapNetwork {
  const { config, inputSize, normalize } = model;
  const network = new HeatmapNetwork(backend, { config, inputSize, normalize, batch });
  try {
    network.setWeights(model.weights);
    return network;
  } catch (error) {
    network.close();
    throw error;
  }
}

function checkImage({ width, height, data }: RgbImage): void {
  const sides = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (sides && data.length === width * height * 3) return;
  throw inputError(
    `picture: expected ${width}×${height} RGB pixels of 3 bytes each, got ${data.length} bytes. Leave out alpha and padding of rows.`,
  );
}

function checkBox({ box, score }: PersonBox, index: number): void {
  const numbers = box.length === 4 && isWithinReach(box) && Number.isFinite(score);
  if (numbers && box[2] > 0 && box[3] > 0) return;
  throw inputError(
    `box ${index}: expected finite numbers x, y, width, height of at most a million px, with a size above 0 and a score, got [${box.join(', ')}] and ${score}.`,
  );
}
