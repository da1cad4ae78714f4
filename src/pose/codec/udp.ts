// The UDP codec (Huang et al., "The devil is in the details", CVPR 2020): sizes are counted in pixel
// distances, and the patch of the nearest cell has its peak at the exact position (spec 3.9). Read
// back as DARK does; the way to the picture is backProject with udp set.
import {
  blobBox,
  clipToMap,
  type HeatmapCodec,
  nearestCell,
  paintGaussian,
  touches,
} from './codec.ts';
import { dark } from './dark.ts';

export const udp: HeatmapCodec = {
  encode(keypoints, visible, inputSize, heatmapSize, sigma, heatmaps, targetWeight) {
    const { width, height } = heatmapSize;
    heatmaps.fill(0);
    for (let k = 0; k < visible.length; k++) {
      const x = keypoints[2 * k]! / ((inputSize.width - 1) / (width - 1));
      const y = keypoints[2 * k + 1]! / ((inputSize.height - 1) / (height - 1));
      const box = blobBox(nearestCell(x), nearestCell(y), sigma);
      targetWeight[k] = touches(box, heatmapSize) ? visible[k]! : 0;
      if (!(targetWeight[k]! > 0.5)) continue;
      const map = heatmaps.subarray(k * width * height, (k + 1) * width * height);
      paintGaussian(map, width, clipToMap(box, heatmapSize), x, y, sigma);
    }
  },

  decode: dark.decode,
};
