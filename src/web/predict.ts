// The people of a data set through a network, for showing and for the COCO evaluation.
import type { Backend } from '../backends/backend.ts';
import { epochOrder } from '../data/sampler.ts';
import { evaluateKeypoints } from '../eval/cocoEval.ts';
import { type CocoResult, type PersonPrediction, toResults } from '../eval/results.ts';
import { openNetwork, type PoseModel } from '../infer/posePipeline.ts';
import type { HeatmapNetwork } from '../train/heatmapNetwork.ts';
import { predictBatch } from '../train/predictBatch.ts';
import { makeBatch } from './batches.ts';
import type { WebDataset } from './cocoFolder.ts';

/** The people at `indices`, at most the network's batch; flip: also look at mirrored crops */
export async function predictPeople(
  network: HeatmapNetwork,
  model: PoseModel,
  dataset: WebDataset,
  indices: Int32Array,
  flip: boolean,
): Promise<PersonPrediction[]> {
  const { skeleton, inputSize, udp } = model;
  const batch = await makeBatch(dataset, { skeleton, inputSize, udp, seed: 0 }, indices, 0);
  const rules = { ...model, flipTest: flip };
  const people = await predictBatch(network, batch, rules, skeleton.flipPairs);
  return people.map((person, n) => {
    const { imageId, score } = dataset.records[indices[n]!]!;
    return { imageId, ...person, boxScore: score };
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
