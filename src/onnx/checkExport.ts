// Runs an exported model beside the network that it was made of.
import type { Backend } from '../backends/backend.ts';
import type { Dataset } from '../data/dataset.ts';
import type { PoseModel } from '../infer/posePipeline.ts';
import { HeatmapNetwork } from '../train/heatmapNetwork.ts';
import { compareAccuracy } from './accuracy.ts';
import { type Certificate, certify } from './certificate.ts';
import { createComparison, type Difference } from './comparison.ts';
import type { Crops } from './crops.ts';
import type { ExportInput, ExportPrecision } from './export.ts';
import { ExportedNetwork, type NetworkOutputs } from './exportedNetwork.ts';
import { decodeRules } from './exportModel.ts';
import type { OnnxRuntime } from './runtime.ts';

export interface CheckOptions {
  readonly bytes: Uint8Array;
  /** For fp16: the same model with arithmetic 'rounded'. */
  readonly rounded?: Uint8Array | undefined;
  /** Names the model in errors. */
  readonly where: string;
  readonly model: PoseModel;
  readonly input: ExportInput;
  readonly precision: ExportPrecision;
  /** Crops a run; undefined where the batch is open. */
  readonly batch: number | undefined;
  readonly runtime: OnnxRuntime;
  /** Stays the caller's. */
  readonly backend: Backend;
  readonly crops: readonly Crops[];
  /** Also score both on all of its people. */
  readonly scoreOn?: Dataset | undefined;
  /** Threads that make the crops of `scoreOn`. */
  readonly workers: number;
  /** Called with the number of crops that both networks have seen, in all. */
  readonly onCrops?: (done: number) => void;
}

/** Both networks side by side. */
export interface Pair {
  readonly model: PoseModel;
  readonly batch: number;
  /** images: [count, H, W, 3] uint8, count at most `batch`. ours: [count, K, H, W] */
  readonly run: (
    images: Uint8Array,
    count: number,
  ) => Promise<{ readonly ours: Float32Array; readonly theirs: NetworkOutputs }>;
}

/** With an open batch the model is run with batches of one and of this many crops. */
const openBatch = 3;

export async function checkExport(options: CheckOptions): Promise<Certificate> {
  const { model, precision, runtime, backend, crops, scoreOn, workers, onCrops } = options;
  const { inputSize, normalize, config } = model;
  const batch = options.batch ?? openBatch;
  const ours = new HeatmapNetwork(backend, { config, inputSize, normalize, batch });
  let done = 0;
  const count = (more: number) => {
    done += more;
    onCrops?.(done);
  };
  const onAllCrops = async (pair: Pair) => {
    for (const part of crops) await runCrops(pair, part);
  };
  try {
    ours.setWeights(model.weights);
    const [difference, accuracy] = await beside(
      ours,
      options.bytes,
      options,
      count,
      async (pair) => {
        await onAllCrops(pair);
        return scoreOn && compareAccuracy(pair, scoreOn, workers);
      },
    );
    const [halfArithmetic] = options.rounded
      ? await beside(ours, options.rounded, options, count, onAllCrops)
      : [];
    return certify({
      runtime: runtime.name,
      reference: `hrpose on ${backend.name}, float32`,
      precision,
      triedOn: crops.map(({ what }) => what),
      ...difference,
      ...(halfArithmetic && { halfArithmetic }),
      ...(accuracy && { accuracy }),
    });
  } finally {
    ours.close();
  }
}

/** Opens a model beside the network; the difference over everything that `use` runs, and its result. */
async function beside<T>(
  ours: HeatmapNetwork,
  bytes: Uint8Array,
  { runtime, where, model, input, batch }: CheckOptions,
  onCrops: (count: number) => void,
  use: (pair: Pair) => Promise<T>,
): Promise<[Difference, T]> {
  const { inputSize, normalize } = model;
  const comparison = createComparison(decodeRules(model));
  const session = await runtime.open(bytes, where);
  const theirs = new ExportedNetwork(session, { input, inputSize, normalize, batch });
  const pair: Pair = {
    model,
    batch: ours.batch,
    async run(images, count) {
      const outputs = {
        ours: await ours.heatmaps(images, count),
        theirs: await theirs.run(images, count),
      };
      comparison.add(outputs.ours, outputs.theirs, ours.heatmapShape(count));
      onCrops(count);
      return outputs;
    },
  };
  try {
    const result = await use(pair);
    return [comparison.result(), result];
  } finally {
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
