// Scoring a network on a data set as PaddleDetection does (spec 4, 5): crops → heatmaps → keypoints →
// people rated and doubles suppressed → the COCO evaluation.
import type { Backend } from '../backends/backend.ts';
import { type Dataset, loadDataset } from '../data/dataset.ts';
import { createLoader } from '../data/loader.ts';
import { epochOrder } from '../data/sampler.ts';
import { inputError, interruptedError } from '../errors.ts';
import { evaluateKeypoints } from '../eval/cocoEval.ts';
import { type KeypointScore, scoreKeypoints } from '../eval/keypointScores.ts';
import { type CocoResult, type PersonPrediction, toResults } from '../eval/results.ts';
import type { Quantization } from '../passes/quantization.ts';
import { calibrate } from './calibrate.ts';
import { HeatmapNetwork, type HeatmapNetworkOptions } from './heatmapNetwork.ts';
import { predictBatch } from './predictBatch.ts';
import type { Settings } from './settings.ts';
import { networkConfig } from './settingsModel.ts';

export interface ScoreOptions {
  readonly skipBadImages?: boolean;
  /** Called after every batch. */
  readonly onBatch?: (samples: number, total: number) => void;
  /** Asked between batches. */
  readonly shouldStop?: () => boolean;
}

export interface Predictions {
  readonly predictions: readonly PersonPrediction[];
  /** Position in the data set's records of each prediction. */
  readonly recordIndices: readonly number[];
  readonly results: readonly CocoResult[];
  readonly seconds: number;
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
}

export interface Score extends Predictions {
  /** AP, AP50, AP75, APM, APL, AR, AR50, AR75, ARM, ARL. */
  readonly stats: readonly number[];
  readonly keypoints: readonly KeypointScore[];
}

export const statNames = ['AP', 'AP50', 'AP75', 'APM', 'APL', 'AR', 'AR50', 'AR75', 'ARM', 'ARL'];

/** What the settings say of the network that scores. */
export const scoringOptions = (settings: Settings): HeatmapNetworkOptions => ({
  config: networkConfig(settings),
  inputSize: settings.inputSize,
  normalize: settings.normalize,
  batch: settings.eval.batchSize,
});

export const scoringNetwork = (
  backend: Backend,
  settings: Settings,
  different: Partial<HeatmapNetworkOptions> = {},
) => new HeatmapNetwork(backend, { ...scoringOptions(settings), ...different });

/** Ranges of the activations over up to `count` people of the data set, spread evenly over it. */
export async function calibrateOn(
  backend: Backend,
  settings: Settings,
  weights: ReadonlyMap<string, Float32Array>,
  { records }: Dataset,
  count: number,
): Promise<Quantization> {
  const { skeleton, inputSize, workers, normalize, eval: how } = settings;
  const chosen = Math.min(count, records.length);
  const order = Array.from({ length: chosen }, (_, i) =>
    Int32Array.of(Math.floor((i * records.length) / chosen)),
  );
  const loader = createLoader({ records, skeleton, inputSize, workers, udp: how.udp, seed: 0 });
  async function* crops() {
    for await (const batch of loader.batches(order, 0)) yield batch.images;
  }
  try {
    const options = { config: networkConfig(settings), inputSize, normalize };
    return await calibrate(backend, options, weights, crops());
  } finally {
    await loader.close();
  }
}

export const loadEvalDataset = (settings: Settings): Promise<Dataset> =>
  loadDataset(settings.eval.dataset, settings.skeleton, settings.inputSize);

/** Runs the network over all people of the data set. */
export async function predict(
  network: HeatmapNetwork,
  settings: Settings,
  { records }: Dataset,
  options: ScoreOptions = {},
): Promise<Predictions> {
  const { skeleton, inputSize, workers, eval: how } = settings;
  const loader = createLoader({
    records,
    skeleton,
    inputSize,
    workers: Math.min(workers, Math.ceil(records.length / network.batch)),
    udp: how.udp,
    seed: 0,
    ...(options.skipBadImages && { skipBadImages: true }),
  });
  const predictions: PersonPrediction[] = [];
  const recordIndices: number[] = [];
  const start = performance.now();
  try {
    const order = epochOrder(records.length, {
      epoch: 0,
      shuffle: false,
      batchSize: network.batch,
    });
    for await (const batch of loader.batches(order, 0)) {
      const people = await predictBatch(network, batch, how, skeleton.flipPairs);
      people.forEach((person, i) => {
        const index = batch.indices[i]!;
        const { imageId, score } = records[index]!;
        recordIndices.push(index);
        predictions.push({ ...person, imageId, boxScore: score });
      });
      options.onBatch?.(predictions.length, records.length);
      if (options.shouldStop?.()) throw interruptedError('interrupted while scoring.');
    }
  } finally {
    await loader.close();
  }
  const seconds = (performance.now() - start) / 1000;
  const { visibilityThreshold, oksThreshold } = how;
  const results = toResults(predictions, skeleton, { visibilityThreshold, oksThreshold });
  return { predictions, recordIndices, results, seconds, skipped: loader.skipped };
}

/** Predictions scored against the data set's ground truth; inputError where it has none. */
export function scorePredictions(made: Predictions, settings: Settings, dataset: Dataset): Score {
  const { groundTruth } = dataset;
  if (!groundTruth) {
    throw inputError(
      `eval: ${settings.eval.dataset.annoPath} holds no ground truth to score against. ` +
        'Use --save-prediction-only, or an annotation file with keypoints.',
    );
  }
  const sigmas = settings.skeleton.oksSigmas;
  const { stats } = evaluateKeypoints(groundTruth, made.results, sigmas);
  const keypoints = scoreKeypoints(groundTruth, made.results, sigmas);
  return { ...made, stats, keypoints };
}

/** What was scored, and what the numbers may be compared with. */
export function describeBoxes({ eval: { dataset } }: Settings): string {
  if (dataset.useGtBbox) {
    return 'Boxes: ground truth. Comparable with numbers published for ground-truth boxes (PaddleDetection: 77.8 for HRNet-W32 384x288), not with those for detected boxes, which are about 2 points lower.';
  }
  return `Boxes: detections of ${dataset.bboxFile} with a score of at least ${dataset.imageThre}. Comparable with numbers published for detected boxes (official HRNet-W32 384x288: 75.8 with a person detector of AP 56.4).`;
}
