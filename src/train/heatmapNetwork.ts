// The network in use: crops to heatmaps, straight or with the flip test. One program of a fixed
// batch; a smaller batch is filled up with its last crop.
import type { Backend, Program } from '../backends/backend.ts';
import type { Size } from '../data/record.ts';
import type { HrnetConfig } from '../models/hrnetConfigs.ts';
import { inferenceGraph } from '../models/poseGraphs.ts';
import type { NormalizeAttrs } from '../ops/normalizeImage.ts';
import { compileInference } from '../passes/compile.ts';
import { type Quantization, quantizeWeights } from '../passes/quantization.ts';
import type { HeatmapShape } from '../pose/decode.ts';
import { mergeFlipped } from '../pose/flipTest.ts';

export interface HeatmapNetworkOptions {
  readonly config: HrnetConfig;
  readonly inputSize: Size;
  readonly normalize: NormalizeAttrs;
  /** Crops a run. */
  readonly batch: number;
  /** For 8 bits: of these weights, as calibrate() finds it. */
  readonly quantization?: Quantization | undefined;
}

export interface FlipTest {
  readonly flipPairs: readonly (readonly [number, number])[];
  readonly shiftHeatmap: boolean;
}

export class HeatmapNetwork {
  readonly batch: number;
  readonly #options: HeatmapNetworkOptions;
  readonly #program: Program;
  readonly #fold: ReturnType<typeof compileInference>['fold'];
  readonly #images: Uint8Array;

  constructor(backend: Backend, options: HeatmapNetworkOptions) {
    const { config, batch, inputSize, quantization } = options;
    this.batch = batch;
    this.#options = options;
    const { graph, fold } = compileInference(inferenceGraph(config, options));
    this.#fold = quantization
      ? (weights) => quantizeWeights(graph, quantization, fold(weights))
      : fold;
    this.#program = backend.prepare(graph, { quantization });
    this.#images = new Uint8Array(batch * inputSize.width * inputSize.height * 3);
  }

  /** Resolves when there is memory for it; else rejects with what has none. */
  async allocated(): Promise<void> {
    await this.#program.allocated;
  }

  /** All parameters and running statistics, by official name. */
  setWeights(weights: ReadonlyMap<string, Float32Array>): void {
    for (const [name, values] of this.#fold(weights)) this.#program.states.write(name, values);
  }

  /**
   * images: [count, H, W, 3] uint8, count at most `batch`
   * @returns [count, K, H/4, W/4]; with `flip` the mean of the crops and their mirror images (spec 4.1)
   */
  async heatmaps(images: Uint8Array, count: number, flip?: FlipTest): Promise<Float32Array> {
    this.#fill(images, count);
    const straight = await this.#run(count);
    if (!flip) return straight;
    mirrorRows(this.#images, this.#options.inputSize.width);
    const mirrored = await this.#run(count);
    const shape = this.heatmapShape(count);
    mergeFlipped(straight, mirrored, shape, flip.flipPairs, flip.shiftHeatmap);
    return straight;
  }

  heatmapShape(count: number): HeatmapShape {
    const { width, height } = this.#options.inputSize;
    return [count, this.#options.config.keypoints, height / 4, width / 4];
  }

  get programBytes(): number {
    return this.#program.bytes;
  }

  profile() {
    return this.#program.profile({ images: this.#images });
  }

  close(): void {
    this.#program.close();
  }

  #fill(images: Uint8Array, count: number): void {
    const one = this.#images.length / this.batch;
    this.#images.set(images.subarray(0, count * one));
    for (let n = count; n < this.batch; n++) {
      this.#images.copyWithin(n * one, (count - 1) * one, count * one);
    }
  }

  async #run(count: number): Promise<Float32Array> {
    const { heatmaps } = await this.#program.run({ images: this.#images });
    return heatmaps!.subarray(0, (heatmaps!.length / this.batch) * count);
  }
}

/** Mirrors every row of RGB pixels in place. */
function mirrorRows(images: Uint8Array, width: number): void {
  const bytes = width * 3;
  for (let row = 0; row < images.length; row += bytes) {
    for (let left = row, right = row + bytes - 3; left < right; left += 3, right -= 3) {
      for (let c = 0; c < 3; c++) {
        const kept = images[left + c]!;
        images[left + c] = images[right + c]!;
        images[right + c] = kept;
      }
    }
  }
}
