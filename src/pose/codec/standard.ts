// The plain codec: a Gaussian patch around the nearest cell (spec 3.9), read back as the peak moved a
// quarter of a cell toward its higher neighbour (spec 4.4).
import { findPeaks } from '../decode.ts';
import { encodePatches, type HeatmapCodec, nearestCell } from './codec.ts';

export const standard: HeatmapCodec = {
  encode: encodePatches(
    (input, map) => ({ width: input.width / map.width, height: input.height / map.height }),
    nearestCell,
  ),

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
