// The people of a batch of crops through the network: keypoints in pixels of their pictures.

import type { Batch } from '../data/record.ts';
import { type Crop, readKeypoints } from '../pose/estimate.ts';
import type { HeatmapNetwork } from './heatmapNetwork.ts';

export interface PredictionRules {
  /** Also look at every crop mirrored. */
  readonly flipTest: boolean;
  readonly shiftHeatmap: boolean;
  readonly useDark: boolean;
  readonly darkKernel: number;
  readonly udp: boolean;
}

export interface PredictedPerson extends Crop {
  /** [K, 3] x, y in px of the picture, score. */
  readonly keypoints: Float32Array;
}

export async function predictBatch(
  network: HeatmapNetwork,
  { images, size, centers, scales }: Pick<Batch, 'images' | 'size' | 'centers' | 'scales'>,
  rules: PredictionRules,
  flipPairs: readonly (readonly [number, number])[],
): Promise<PredictedPerson[]> {
  const { flipTest, shiftHeatmap } = rules;
  const flip = flipTest ? { flipPairs, shiftHeatmap } : undefined;
  const heatmaps = await network.heatmaps(images, size, flip);
  const crops = Array.from({ length: size }, (_, n) => ({
    center: [centers[2 * n]!, centers[2 * n + 1]!] as const,
    scale: [scales[2 * n]!, scales[2 * n + 1]!] as const,
  }));
  const people = readKeypoints(heatmaps, network.heatmapShape(size), crops, rules);
  return people.map((keypoints, n) => ({ keypoints, ...crops[n]! }));
}
