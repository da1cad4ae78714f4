// Reading keypoints from heatmaps: the peak of each map (spec 4.2) and the way back to the picture
// (spec 4.5). The steps between, below a whole cell, are the codecs'.
import type { Size } from '../data/record.ts';
import {
  type Affine,
  applyAffine,
  inverseAffineTransform,
  inverseUdpTransform,
  sizeInPixels,
} from './affine.ts';

/** [N, K, H, W] */
export type HeatmapShape = readonly [number, number, number, number];

export interface DecodedKeypoints {
  /** [N, K, 2] x, y in heatmap pixels. */
  readonly xy: Float64Array;
  /** [N, K] the maximum of each map. */
  readonly scores: Float32Array;
}

/** The first maximum of every map in row-major order; (0, 0) where it is not positive. */
export function findPeaks(heatmaps: Float32Array, shape: HeatmapShape): DecodedKeypoints {
  const [n, k, h, w] = shape;
  const xy = new Float64Array(n * k * 2);
  const scores = new Float32Array(n * k);
  for (let map = 0; map < n * k; map++) {
    const start = map * h * w;
    let best = heatmaps[start]!;
    let at = 0;
    for (let i = 1; i < h * w; i++) {
      const value = heatmaps[start + i]!;
      if (value > best) {
        best = value;
        at = i;
      }
    }
    scores[map] = best;
    if (!(best > 0)) continue;
    xy[2 * map] = at % w;
    xy[2 * map + 1] = Math.floor(at / w);
  }
  return { xy, scores };
}

/**
 * Heatmap pixels -> picture pixels, [N, K, 2] float32.
 *   centers: [N, 2] picture px; scales: [N, 2] over 200 px; udp: the crops were cut by UDP's rule
 */
export function backProject(
  decoded: DecodedKeypoints,
  centers: Float32Array,
  scales: Float32Array,
  heatmapSize: Size,
  udp = false,
): Float32Array {
  const { xy } = decoded;
  const out = new Float32Array(xy.length);
  const n = centers.length / 2;
  const perPerson = xy.length / n;
  for (let i = 0; i < n; i++) {
    const center = centers.subarray(2 * i, 2 * i + 2);
    const scale = scales.subarray(2 * i, 2 * i + 2);
    const m: Affine = udp
      ? inverseUdpTransform(center, scale, heatmapSize)
      : inverseAffineTransform(center, sizeInPixels(scale), 0, heatmapSize);
    for (let j = i * perPerson; j < (i + 1) * perPerson; j += 2) {
      const [x, y] = applyAffine(m, xy[j]!, xy[j + 1]!);
      out[j] = x;
      out[j + 1] = y;
    }
  }
  return out;
}
