// COCO AP of a network and of the model that was exported from it, side by side over a data set.
import type { Dataset } from '../data/dataset.ts';
import { createLoader } from '../data/loader.ts';
import type { Batch } from '../data/record.ts';
import { epochOrder } from '../data/sampler.ts';
import { inputError } from '../errors.ts';
import { evaluateKeypoints } from '../eval/cocoEval.ts';
import { type PersonPrediction, toResults } from '../eval/results.ts';
import { backProject, type DecodedKeypoints, type HeatmapShape } from '../pose/decode.ts';
import type { Accuracy } from './certificate.ts';
import type { Pair } from './checkExport.ts';
import { decodeWith } from './comparison.ts';
import type { DecodeRules } from './decode.ts';
import type { NetworkOutputs } from './exportedNetwork.ts';
import { decodeRules } from './exportModel.ts';

export async function compareAccuracy(
  { model, batch, run }: Pair,
  { records, groundTruth }: Dataset,
  workers: number,
): Promise<Accuracy> {
  if (!groundTruth) {
    throw inputError(
      '--score: the data set holds no ground truth to score against. Name one with -o EvalDataset.dataset_dir=FOLDER EvalDataset.anno_path=FILE.',
    );
  }
  const { skeleton, inputSize, udp, config } = model;
  const rules = decodeRules(model);
  const sides = { network: [] as PersonPrediction[], model: [] as PersonPrediction[] };
  const loader = createLoader({ records, skeleton, inputSize, udp, workers, seed: 0 });
  try {
    const order = epochOrder(records.length, { epoch: 0, shuffle: false, batchSize: batch });
    for await (const crops of loader.batches(order, 0)) {
      const { ours, theirs } = await run(crops.images, crops.size);
      const { width, height } = inputSize;
      const shape = [crops.size, config.keypoints, height / 4, width / 4] as const;
      const add = (list: PersonPrediction[], decoded: DecodedKeypoints) =>
        people(decoded, crops, shape, udp).forEach((person, i) => {
          const { imageId, score } = records[crops.indices[i]!]!;
          list.push({ ...person, imageId, boxScore: score });
        });
      add(sides.network, decodeWith(rules, ours, shape));
      add(sides.model, decodedBy(theirs, rules, shape));
    }
  } finally {
    await loader.close();
  }
  const averagePrecision = (predictions: readonly PersonPrediction[]) => {
    const results = toResults(predictions, skeleton, model);
    return evaluateKeypoints(groundTruth, results, skeleton.oksSigmas).stats[0]!;
  };
  return {
    people: records.length,
    network: averagePrecision(sides.network),
    model: averagePrecision(sides.model),
  };
}

/** The model's keypoints in heatmap pixels, by its own decoder where it has one. */
function decodedBy(
  { heatmaps, keypoints, scores }: NetworkOutputs,
  rules: DecodeRules,
  shape: HeatmapShape,
): DecodedKeypoints {
  if (!keypoints || !scores) return decodeWith(rules, heatmaps, shape);
  return { xy: Float64Array.from(keypoints, (v, i) => v / rules.pixelsPerCell[i % 2]!), scores };
}

/** Keypoints [K, 3] in pixels of the picture for each crop. */
function people(decoded: DecodedKeypoints, batch: Batch, shape: HeatmapShape, udp: boolean) {
  const { centers, scales } = batch;
  const [n, k, height, width] = shape;
  const xy = backProject(decoded, centers, scales, { width, height }, udp);
  return Array.from({ length: n }, (_, i) => ({
    center: [centers[2 * i]!, centers[2 * i + 1]!] as const,
    scale: [scales[2 * i]!, scales[2 * i + 1]!] as const,
    keypoints: Float32Array.from({ length: 3 * k }, (_, j) => {
      const at = i * k + Math.floor(j / 3);
      return j % 3 === 2 ? decoded.scores[at]! : xy[2 * at + (j % 3)]!;
    }),
  }));
}
