// The library's way to poses: load a network once, estimate as often as needed, close. Calls may
// overlap; people of several calls share the batches of the network.
import { availableParallelism } from 'node:os';
import type { Backend } from '../backends/backend.ts';
import { openNodeBackend } from '../backends/nodeBackend.ts';
import { localWeights } from '../data/fetchWeights.ts';
import { decodeImage } from '../data/image.ts';
import type { Size } from '../data/record.ts';
import { inputError, usageError } from '../errors.ts';
import type { Box, PersonBox, Pose } from '../pose/estimate.ts';
import type { Skeleton } from '../pose/skeleton.ts';
import type { RgbImage } from '../pose/warp.ts';
import { loadSettings } from '../train/config/index.ts';
import { modelOfSettings, modelOfWeights } from './poseModel.ts';
import { PosePipeline } from './posePipeline.ts';
import { Turnstile } from './turnstile.ts';

export interface PoseEstimatorOptions {
  /**
   * Path or address of a weights file, or path of a checkpoint's or run's folder. Without `config` the network is
   * known from what the file says, from the run that saved the weights, or else from the shapes of their tensors.
   */
  readonly weights: string;
  /** Path of a config file (YAML). */
  readonly config?: string;
  /** Where to compute: 'cpu' (default), 'gpu' (WebGPU), or 'auto': the GPU if there is one in hardware. */
  readonly device?: 'cpu' | 'gpu' | 'auto';
  /** Threads of the network on the CPU. Default: as many as the machine has cores. */
  readonly threads?: number;
  /** People a step of the network, at most. Default 4. */
  readonly batch?: number;
  /** Also look at every person mirrored: half as fast, a little more accurate. Default false. */
  readonly flip?: boolean;
  /** Input of a network that is known by its shapes alone, px. Default 288 wide, 384 high. */
  readonly inputSize?: Size;
}

export interface EstimateOptions {
  /**
   * The people to look for, in px of the picture: [x, y, width, height], or that with the detector's
   * score. Without boxes the whole picture is taken as one person.
   */
  readonly boxes?: readonly (Box | { readonly box: Box; readonly score?: number })[];
}

/** A file's path; the bytes of a JPEG, PNG, WebP or TIFF file; or pixels, 3 bytes RGB each. */
export type PictureSource = string | Uint8Array | RgbImage;

export interface EstimatedKeypoint {
  /** 'left_wrist'; the skeleton has them in this order. */
  readonly name: string;
  /** px of the picture; the middle of its first pixel is (0, 0). */
  readonly x: number;
  readonly y: number;
  /** How sure the network is: about 0 to 1. */
  readonly score: number;
}

export interface EstimatedPose {
  /** The box it was looked for in, as given; the whole picture where none was. */
  readonly box: Box;
  /** Mean of the keypoint scores above 0.2, times the box's score. */
  readonly score: number;
  readonly keypoints: readonly EstimatedKeypoint[];
}

export class PoseEstimator {
  /** Names, sides and limbs of the keypoints. */
  readonly skeleton: Skeleton;
  /** What the network sees of a person, px. */
  readonly inputSize: Size;
  /** The file that the weights are from. */
  readonly weightsFile: string;
  readonly #backend: Backend;
  readonly #pipeline: PosePipeline;
  readonly #turnstile: Turnstile;
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  private constructor(backend: Backend, pipeline: PosePipeline, weightsFile: string) {
    this.#backend = backend;
    this.#pipeline = pipeline;
    this.weightsFile = weightsFile;
    this.skeleton = pipeline.model.skeleton;
    this.inputSize = pipeline.model.inputSize;
    // Enough pictures for full batches; the rest waits as what it is, not decoded.
    this.#turnstile = new Turnstile(2 * pipeline.batch);
  }

  /** Reads the weights and prepares the network: a second or more. Throws HrposeError. */
  static async load(options: PoseEstimatorOptions): Promise<PoseEstimator> {
    const { weights, config, device = 'cpu', flip = false, inputSize } = options;
    const batch = wholeNumber('batch', options.batch ?? 4, 512);
    const threads = wholeNumber('threads', options.threads ?? availableParallelism(), 1024);
    if (!['cpu', 'gpu', 'auto'].includes(device))
      throw usageError(`PoseEstimator: expected device 'cpu', 'gpu' or 'auto', got '${device}'.`);
    if (typeof weights !== 'string' || weights === '')
      throw usageError(
        `PoseEstimator: expected weights as a path or an address, got ${weights === '' ? 'an empty text' : typeof weights}.`,
      );
    const path = await localWeights(weights);
    const { model, file } =
      config === undefined
        ? modelOfWeights(path, inputSize)
        : modelOfSettings(loadSettings(config, []).settings, path);
    if (flip && model.skeleton.flipPairs.length === 0) {
      throw usageError("PoseEstimator: 'flip' needs a config whose skeleton names left and right.");
    }
    const how = { threads, amp: 'fp32', search: 'cached' } as const;
    const backend = await openNodeBackend(device, how, () => {});
    try {
      const pipeline = await PosePipeline.open({ backend, model, batch, flip, eager: true });
      return new PoseEstimator(backend, pipeline, file);
    } catch (error) {
      backend.close();
      throw error;
    }
  }

  /**
   * One pose for each box, in their order. EXIF orientation of files is honoured: boxes and keypoints
   * are those of the upright picture.
   */
  async estimate(image: PictureSource, options: EstimateOptions = {}): Promise<EstimatedPose[]> {
    if (this.#closing) {
      throw usageError('PoseEstimator: estimate() after close(). Load a new one.');
    }
    const boxes = personBoxes(options);
    const call = this.#turnstile.run(async () => {
      const picture = await pixelsOf(image);
      return (await this.#pipeline.add(picture, boxes)).map((pose) => this.#named(pose));
    });
    const settled = call.catch(() => {}).finally(() => this.#underWay.delete(settled));
    this.#underWay.add(settled);
    return call;
  }

  /** Lets the calls under way finish, then frees the network. Later calls of close() do nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #finish(): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#pipeline.close();
    this.#backend.close();
  }

  #named({ box, score, keypoints }: Pose): EstimatedPose {
    const named = this.skeleton.keypoints.map((name, k) => ({
      name,
      x: keypoints[3 * k]!,
      y: keypoints[3 * k + 1]!,
      score: keypoints[3 * k + 2]!,
    }));
    return { box, score, keypoints: named };
  }
}

function wholeNumber(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw usageError(
    `PoseEstimator: expected ${name} to be a whole number from 1 to ${most}, got ${value}.`,
  );
}

const isBox = (given: unknown): given is Box => Array.isArray(given);

/** A list where { boxes } belongs would otherwise be no boxes: the whole picture as one person. */
function personBoxes(options: EstimateOptions): PersonBox[] | undefined {
  const { boxes } = options;
  if (Array.isArray(options) || (boxes !== undefined && !Array.isArray(boxes)))
    throw usageError(
      'PoseEstimator: expected { boxes: [[x, y, width, height], …] } after the image.',
    );
  return boxes?.map(personBox);
}

function personBox(given: NonNullable<EstimateOptions['boxes']>[number], index: number): PersonBox {
  if (isBox(given)) return { box: given, score: 1 };
  if (isBox(given?.box)) return { box: given.box, score: given.score ?? 1 };
  throw usageError(
    `PoseEstimator: box ${index}: expected [x, y, width, height] or { box, score }, got ${JSON.stringify(given)}.`,
  );
}

async function pixelsOf(image: PictureSource): Promise<RgbImage> {
  if (typeof image === 'string' || image instanceof Uint8Array) {
    return decodeImage(image, { honourExif: true });
  }
  if (image?.data instanceof Uint8Array) return image;
  throw inputError(
    'PoseEstimator: expected a picture as a path, the bytes of a file, or { width, height, data } with RGB bytes.',
  );
}
