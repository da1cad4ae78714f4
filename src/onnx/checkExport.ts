// Runs an exported model beside the network that it was made of.
import type { Backend } from '../backends/backend.ts';
import type { Dataset } from '../data/dataset.ts';
import type { PoseModel } from '../infer/posePipeline.ts';
import { HeatmapNetwork } from '../train/heatmapNetwork.ts';
import { compareAccuracy } from './accuracy.ts';
import { type Certificate, certify } from './certificate.ts';
import { type Comparison, createComparison } from './comparison.ts';
import type { Crops } from './crops.ts';
import { ExportedNetwork, type NetworkOutputs } from './exportedNetwork.ts';
import { decodeRules, type ModelExportOptions } from './exportModel.ts';
import type { OnnxRuntime } from './runtime.ts';

export interface CheckOptions {
  readonly bytes: Uint8Array;
  /** Names the model in errors. */
  readonly where: string;
  readonly model: PoseModel;
  readonly exported: Pick<ModelExportOptions, 'input' | 'precision' | 'batch'>;
  readonly runtime: OnnxRuntime;
  /** Stays the caller's. */
  readonly backend: Backend;
  readonly crops: readonly Crops[];
  /** Also score both on all of its people. */
  readonly scoreOn?: Dataset | undefined;
  readonly workers: number;
  readonly onCrops?: (done: number) => void;
}

/** Both networks, and what is learnt of their difference. */
export interface Pair {
  readonly model: PoseModel;
  readonly batch: number;
  readonly comparison: Comparison;
  /** images: [count, H, W, 3] uint8, count at most `batch`. ours: [count, K, H, W] */
  readonly run: (
    images: Uint8Array,
    count: number,
  ) => Promise<{ readonly ours: Float32Array; readonly theirs: NetworkOutputs }>;
}

/** With an open batch the model is run with batches of one and of this many crops. */
const openBatch = 3;

export async function checkExport(options: CheckOptions): Promise<Certificate> {
  const { model, exported, runtime, backend, crops, scoreOn } = options;
  const { inputSize, normalize, config } = model;
  const batch = exported.batch ?? openBatch;
  const comparison = createComparison(decodeRules(model));
  const session = await runtime.open(options.bytes, options.where);
  const theirs = new ExportedNetwork(session, { ...exported, inputSize, normalize });
  const ours = new HeatmapNetwork(backend, { config, inputSize, normalize, batch });
  let done = 0;
  const pair: Pair = {
    model,
    batch,
    comparison,
    async run(images, count) {
      const outputs = {
        ours: await ours.heatmaps(images, count),
        theirs: await theirs.run(images, count),
      };
      comparison.add(outputs.ours, outputs.theirs, ours.heatmapShape(count));
      done += count;
      options.onCrops?.(done);
      return outputs;
    },
  };
  try {
    ours.setWeights(model.weights);
    for (const part of crops) await runCrops(pair, part);
    const accuracy = scoreOn && (await compareAccuracy(pair, scoreOn, options.workers));
    const { precision } = exported;
    const triedOn = crops.map(({ what }) => what);
    const reference = `hrpose on ${backend.name}, float32`;
    return certify(comparison, { runtime: runtime.name, reference, precision, triedOn, accuracy });
  } finally {
    ours.close();
    await theirs.close();
  }
}

/** A first crop alone, so that an open batch is seen with two sizes; then full batches. */
async function runCrops({ run, batch }: Pair, { images, count }: Crops): Promise<void> {
  const one = images.length / count;
  for (let from = 0; from < count; ) {
    const size = from === 0 ? 1 : Math.min(batch, count - from);
    await run(images.subarray(from * one, (from + size) * one), size);
    from += size;
  }
}
