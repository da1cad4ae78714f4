// Keypoints to training targets.
import type { Size } from '../data/record.ts';
import { inputError } from '../errors.ts';
import { showShape } from '../graph/graph.ts';
import { expectShape, float32, type Op } from './op.ts';

export interface HeatmapAttrs {
  readonly codec: 'standard' | 'dark' | 'udp';
  readonly inputSize: Size;
  readonly heatmapSize: Size;
  /** Width of the Gaussian in heatmap pixels. */
  readonly sigma: number;
}

/**
 * Target heatmaps, one Gaussian a keypoint (spec 3.9; pose/codec).
 *   keypoints: [N, K, 2] in input pixels, visible: [N, K]
 *   heatmaps: [N, K, H, W], targetWeight: [N, K]
 */
export const gaussianHeatmaps: Op<HeatmapAttrs> = {
  name: 'gaussianHeatmaps',
  outputs: ['heatmaps', 'targetWeight'],
  infer([keypoints, visible], { heatmapSize }) {
    const [n, k, two] = keypoints!.shape;
    if (keypoints!.shape.length !== 3 || two !== 2) {
      throw inputError(`expected keypoints to be [N, K, 2], got ${showShape(keypoints!.shape)}`);
    }
    expectShape('visible', visible, [n!, k!]);
    return [float32(n!, k!, heatmapSize.height, heatmapSize.width), float32(n!, k!)];
  },
};
