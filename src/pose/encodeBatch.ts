// Target heatmaps of a whole batch.
import type { HeatmapAttrs } from '../ops/gaussianHeatmaps.ts';
import { heatmapCodecs } from './codec/index.ts';

/**
 * Encodes N people.
 *   keypoints: [N, K, 2] input pixels, visible: [N, K]
 *   heatmaps: [N, K, H, W] out, targetWeight: [N, K] out
 */
export function encodeBatch(
  keypoints: Float32Array,
  visible: Float32Array,
  keypointCount: number,
  { codec, inputSize, heatmapSize, sigma }: HeatmapAttrs,
  heatmaps: Float32Array,
  targetWeight: Float32Array,
): void {
  const { encode } = heatmapCodecs[codec];
  const k = keypointCount;
  const area = k * heatmapSize.width * heatmapSize.height;
  for (let n = 0; n * k < visible.length; n++) {
    encode(
      keypoints.subarray(n * k * 2, (n + 1) * k * 2),
      visible.subarray(n * k, (n + 1) * k),
      inputSize,
      heatmapSize,
      sigma,
      heatmaps.subarray(n * area, (n + 1) * area),
      targetWeight.subarray(n * k, (n + 1) * k),
    );
  }
}
