// Heatmaps laid over the picture that they were made from, in the colours of the sides of the body.
// Pixel (i, j) of map and picture has its middle at (i, j), and the way between them is the one by
// which keypoints come back to the picture, so that a peak lies on its keypoint.
import { applyAffine, invertAffine } from './affine.ts';
import { drawLine, keypointSides, sideColours } from './draw.ts';
import { type Crop, heatmapToPicture, type ReadingRules } from './estimate.ts';
import type { RgbImage } from './warp.ts';

/** How much of the picture a heatmap of 1 hides. */
const opacity = 0.85;

/** heatmaps: [K, H, W] with the size of the rules' input over 4; the crop's edge is drawn as well. */
export function drawHeatmaps(
  image: RgbImage,
  heatmaps: Float32Array,
  crop: Crop,
  { skeleton, inputSize, udp }: Pick<ReadingRules, 'skeleton' | 'inputSize' | 'udp'>,
): void {
  const [w, h] = [inputSize.width / 4, inputSize.height / 4];
  const toPicture = heatmapToPicture(crop, { width: w, height: h }, udp);
  const tints = tintMap(
    heatmaps,
    w * h,
    keypointSides(skeleton).map((side) => sideColours[side]),
  );
  const toMap = invertAffine(toPicture);
  const [left, top] = applyAffine(toPicture, -0.5, -0.5);
  const [right, bottom] = applyAffine(toPicture, w - 0.5, h - 0.5);
  const pixel = new Float64Array(4);
  for (let y = Math.max(0, Math.ceil(top)); y <= Math.min(image.height - 1, bottom); y++) {
    for (let x = Math.max(0, Math.ceil(left)); x <= Math.min(image.width - 1, right); x++) {
      const u = toMap[0]! * x + toMap[1]! * y + toMap[2]!;
      const v = toMap[3]! * x + toMap[4]! * y + toMap[5]!;
      sample(tints, w, h, u, v, pixel);
      const at = (y * image.width + x) * 3;
      for (let c = 0; c < 3; c++) {
        image.data[at + c] = image.data[at + c]! * (1 - opacity * pixel[3]!) + opacity * pixel[c]!;
      }
    }
  }
  const corners = [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ] as const;
  corners.forEach((corner, i) => {
    drawLine(image, corner, corners[(i + 1) % 4]!, 1, [235, 235, 235]);
  });
}

/** [cells, 4] red, green, blue times strength, strength 0..1: that of the strongest map in each cell. */
function tintMap(
  heatmaps: Float32Array,
  cells: number,
  colours: readonly (readonly [number, number, number])[],
): Float32Array {
  const tints = new Float32Array(cells * 4);
  for (let cell = 0; cell < cells; cell++) {
    let strength = 0;
    let strongest = 0;
    for (let k = 0; k < colours.length; k++) {
      const value = heatmaps[k * cells + cell]!;
      if (value > strength) [strength, strongest] = [value, k];
    }
    strength = Math.min(1, strength);
    const [red, green, blue] = colours[strongest]!;
    tints.set([red * strength, green * strength, blue * strength, strength], cell * 4);
  }
  return tints;
}

/** The four numbers at (u, v) between cells; beyond the outermost middles they stay the same. */
function sample(
  tints: Float32Array,
  w: number,
  h: number,
  u: number,
  v: number,
  out: Float64Array,
): void {
  const x = Math.min(Math.max(u, 0), w - 1);
  const y = Math.min(Math.max(v, 0), h - 1);
  const [x0, y0] = [Math.min(Math.floor(x), w - 2), Math.min(Math.floor(y), h - 2)];
  const [fx, fy] = [x - x0, y - y0];
  const at = (y0 * w + x0) * 4;
  for (let c = 0; c < 4; c++) {
    const upper = tints[at + c]! * (1 - fx) + tints[at + 4 + c]! * fx;
    const lower = tints[at + 4 * w + c]! * (1 - fx) + tints[at + 4 * w + 4 + c]! * fx;
    out[c] = upper * (1 - fy) + lower * fy;
  }
}
