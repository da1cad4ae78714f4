// The DARK codec (Zhang et al., "Distribution-aware coordinate representation", CVPR 2020): an
// unrounded Gaussian over the whole map (spec 3.9), read back by one Newton step on the logarithm of
// the blurred map (spec 4.3).
import { findPeaks } from '../decode.ts';
import { type Blur, blurOf } from './blur.ts';
import { blobBox, type HeatmapCodec, paintGaussian, touches } from './codec.ts';

export const dark: HeatmapCodec = {
  encode(keypoints, visible, inputSize, heatmapSize, sigma, heatmaps, targetWeight) {
    const { width, height } = heatmapSize;
    const wholeMap = { left: 0, top: 0, right: width, bottom: height };
    heatmaps.fill(0);
    for (let k = 0; k < visible.length; k++) {
      const x = keypoints[2 * k]! / (inputSize.width / width);
      const y = keypoints[2 * k + 1]! / (inputSize.height / height);
      targetWeight[k] = touches(blobBox(x, y, sigma), heatmapSize) ? visible[k]! : 0;
      if (!(targetWeight[k]! > 0.5)) continue;
      const map = heatmaps.subarray(k * width * height, (k + 1) * width * height);
      paintGaussian(map, width, wholeMap, x, y, sigma);
    }
  },

  decode(heatmaps, shape, options = {}) {
    const decoded = findPeaks(heatmaps, shape);
    const [, , h, w] = shape;
    const { maxOffset = Number.POSITIVE_INFINITY } = options;
    const blur = blurOf(options.kernel ?? 3, h, w);
    for (let map = 0; map < decoded.scores.length; map++) {
      const px = decoded.xy[2 * map]!;
      const py = decoded.xy[2 * map + 1]!;
      if (!(px > 1 && px < w - 2 && py > 1 && py < h - 2)) continue;
      const values = heatmaps.subarray(map * h * w, (map + 1) * h * w);
      const [ox, oy] = newtonStep(values, blur, px, py, decoded.scores[map]!);
      decoded.xy[2 * map] = px + Math.min(Math.max(ox, -maxOffset), maxOffset);
      decoded.xy[2 * map + 1] = py + Math.min(Math.max(oy, -maxOffset), maxOffset);
    }
    return decoded;
  },
};

/** Offset from the peak (px, py) to the maximum of a parabola through the logarithms around it. */
function newtonStep(
  values: Float32Array,
  blur: Blur,
  px: number,
  py: number,
  peak: number,
): [number, number] {
  // The blurred map is stretched to the old maximum, so that the floor of 1e-10 means the same.
  const stretch = Math.fround(peak / blur.maximum(values, px, py));
  const log = (dx: number, dy: number) =>
    Math.fround(
      Math.log(Math.max(Math.fround(blur.at(values, px + dx, py + dy) * stretch), floor)),
    );
  const middle = log(0, 0);
  const dx = 0.5 * (log(1, 0) - log(-1, 0));
  const dy = 0.5 * (log(0, 1) - log(0, -1));
  const dxx = 0.25 * (log(2, 0) - 2 * middle + log(-2, 0));
  const dyy = 0.25 * (log(0, 2) - 2 * middle + log(0, -2));
  const dxy = 0.25 * (log(1, 1) - log(1, -1) - log(-1, 1) + log(-1, -1));
  const determinant = dxx * dyy - dxy * dxy;
  if (determinant === 0 || !Number.isFinite(determinant)) return [0, 0];
  return [-(dyy * dx - dxy * dy) / determinant, -(dxx * dy - dxy * dx) / determinant];
}

const floor = Math.fround(1e-10);
