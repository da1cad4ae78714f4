// An exported model in use: crops in, heatmaps and keypoints out, whatever input and batch it was
// exported with.
import type { Size } from '../data/record.ts';
import type { NormalizeAttrs } from '../ops/normalizeImage.ts';
import { normalizeImages } from '../pose/normalize.ts';
import type { ExportInput } from './export.ts';
import type { OnnxSession, RunTensor } from './runtime.ts';

export interface ExportedNetworkOptions {
  readonly input: ExportInput;
  readonly inputSize: Size;
  readonly normalize: NormalizeAttrs;
  /** Crops a run; undefined where the batch is open. */
  readonly batch: number | undefined;
}

export interface NetworkOutputs {
  /** [count, K, H/4, W/4] */
  readonly heatmaps: Float32Array;
  /** [count, K, 2] in input pixels and [count, K], from models that decode. */
  readonly keypoints?: Float32Array;
  readonly scores?: Float32Array;
}

export class ExportedNetwork {
  readonly #session: OnnxSession;
  readonly #options: ExportedNetworkOptions;

  constructor(session: OnnxSession, options: ExportedNetworkOptions) {
    this.#session = session;
    this.#options = options;
  }

  /** images: [count, H, W, 3] uint8; count at most the batch. */
  async run(images: Uint8Array, count: number): Promise<NetworkOutputs> {
    const size = this.#options.batch ?? count;
    const outputs = await this.#session.run({ images: this.#feed(images, count, size) });
    const values = Object.entries(outputs).map(([name, { data }]) => {
      const all = data as Float32Array;
      return [name, all.subarray(0, (all.length / size) * count)] as const;
    });
    return Object.fromEntries(values) as unknown as NetworkOutputs;
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  /** The crops, filled up to `size` with the last one. */
  #feed(images: Uint8Array, count: number, size: number): RunTensor {
    const { input, inputSize, normalize } = this.#options;
    const { width, height } = inputSize;
    const one = height * width * 3;
    const crops = new Uint8Array(size * one);
    crops.set(images.subarray(0, count * one));
    for (let n = count; n < size; n++) crops.copyWithin(n * one, (count - 1) * one, count * one);
    if (input === 'uint8') return { type: 'uint8', dims: [size, height, width, 3], data: crops };
    const data = new Float32Array(crops.length);
    normalizeImages(crops, size, height, width, normalize.mean, normalize.std, data);
    return { type: 'float32', dims: [size, 3, height, width], data };
  }
}
