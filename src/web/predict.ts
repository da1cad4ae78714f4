// The people of a data set through a network, for showing and for the COCO evaluation.
import type { Backend } from '../backends/backend.ts';
import { epochOrder } from '../data/sampler.ts';
import { evaluateKeypoints } from '../eval/cocoEval.ts';
import { type CocoResult, type PersonPrediction, toResults } from '../eval/results.ts';
import type { PoseModel } from '../infer/posePipeline.ts';
import { readKeypoints } from '../pose/estimate.ts';
import { HeatmapNetwork } from '../train/heatmapNetwork.ts';
import { makeBatch } from './batches.ts';
import type { WebDataset } from './cocoFolder.ts';

export function openNetwork(backend: Backend, model: PoseModel, batch: number): HeatmapNetwork {
  const { config, inputSize, normalize, weights } = model;
  const network = new HeatmapNetwork(backend, { config, inputSize, normalize, batch });
  network.setWeights(weights);
  return network;
}

/** The people at `indices`, at most the network's batch; flip: also look at mirrored crops */
export async function predictPeople(
  network: HeatmapNetwork,
  model: PoseModel,
  dataset: WebDataset,
  indices: Int32Array,
  flip: boolean,
): Promise<PersonPrediction[]> {
  const { skeleton, inputSize, udp, shiftHeatmap } = model;
  const batch = await makeBatch(dataset, { skeleton, inputSize, udp, seed: 0 }, indices, 0);
  const flipTest = flip ? { flipPairs: skeleton.flipPairs, shiftHeatmap } : undefined;
  const heatmaps = await network.heatmaps(batch.images, batch.size, flipTest);
  const two = (of: Float32Array, n: number) => [of[2 * n]!, of[2 * n + 1]!] as const;
  const crops = Array.from(indices, (_, n) => ({
    center: two(batch.centers, n),
    scale: two(batch.scales, n),
  }));
  const people = readKeypoints(heatmaps, network.heatmapShape(batch.size), crops, model);
  return people.map((keypoints, n) => {
    const { imageId, score } = dataset.records[indices[n]!]!;
    return { imageId, keypoints, ...crops[n]!, boxScore: score };
  });
}

export interface ScoreOptions {
  readonly batch?: number;
  readonly flip?: boolean;
  /** Called after every batch; false stops. */
  readonly onBatch?: (people: number, total: number) => boolean;
}

export interface WebScore {
  /** AP, AP50, AP75, APM, APL, AR, AR50, AR75, ARM, ARL. */
  readonly stats: readonly number[];
  readonly results: readonly CocoResult[];
}

/** Scores the model as `hrpose eval` does, on ground-truth boxes; undefined when stopped. */
export async function scoreModel(
  backend: Backend,
  model: PoseModel,
  dataset: WebDataset,
  { batch: batchSize = 8, flip = true, onBatch = () => true }: ScoreOptions = {},
): Promise<WebScore | undefined> {
  const { skeleton, visibilityThreshold, oksThreshold } = model;
  const total = dataset.records.length;
  const network = openNetwork(backend, model, Math.min(batchSize, total));
  const predictions: PersonPrediction[] = [];
  try {
    for (const indices of epochOrder(total, { epoch: 0, shuffle: false, batchSize })) {
      predictions.push(...(await predictPeople(network, model, dataset, indices, flip)));
      if (!onBatch(predictions.length, total)) return undefined;
    }
  } finally {
    network.close();
  }
  const results = toResults(predictions, skeleton, { visibilityThreshold, oksThreshold });
  const { stats } = evaluateKeypoints(dataset.groundTruth(), results, skeleton.oksSigmas);
  return { stats, results };
}
