// The plain codec: a Gaussian patch around the nearest cell (spec 3.9), read back as the peak moved a
// quarter of a cell toward its higher neighbour (spec 4.4).
import { findPeaks } from '../decode.ts';
import {
  blobBox,
  clipToMap,
  type HeatmapCodec,
  nearestCell,
  paintGaussian,
  touches,
} from './codec.ts';

export const standard: HeatmapCodec = {
  encode(keypoints, visible, inputSize, heatmapSize, sigma, heatmaps, targetWeight) {
    const { width, height } = heatmapSize;
    heatmaps.fill(0);
    for (let k = 0; k < visible.length; k++) {
      const x = nearestCell(keypoints[2 * k]! / (inputSize.width / width));
      const y = nearestCell(keypoints[2 * k + 1]! / (inputSize.height / height));
      const box = blobBox(x, y, sigma);
      targetWeight[k] = touches(box, heatmapSize) ? visible[k]! : 0;
      if (!(targetWeight[k]! > 0.5)) continue;
      const map = heatmaps.subarray(k * width * height, (k + 1) * width * height);
      paintGaussian(map, width, clipToMap(box, heatmapSize), x, y, sigma);
    }
  },

  decode(heatmaps, shape) {
    const decoded = findPeaks(heatmaps, shape);
    const [, , h, w] = shape;
    for (let map = 0; map < decoded.scores.length; map++) {
      const px = decoded.xy[2 * map]!;
      const py = decoded.xy[2 * map + 1]!;
      if (!(px > 1 && px < w - 1 && py > 1 && py < h - 1)) continue;
      const at = map * h * w + py * w + px;
      decoded.xy[2 * map] = px + 0.25 * Math.sign(heatmaps[at + 1]! - heatmaps[at - 1]!);
      decoded.xy[2 * map + 1] = py + 0.25 * Math.sign(heatmaps[at + w]! - heatmaps[at - w]!);
    }
    return decoded;
  },
};
