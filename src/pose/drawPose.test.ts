import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sideColours } from './draw.ts';
import { drawHeatmaps } from './drawHeatmaps.ts';
import { drawPoses } from './drawPose.ts';
import { boxCrop, readKeypoints } from './estimate.ts';
import { coco17 } from './skeletons.ts';
import type { RgbImage } from './warp.ts';

const blank = (width: number, height: number, value = 128): RgbImage => ({
  width,
  height,
  data: new Uint8Array(width * height * 3).fill(value),
});
const pixel = ({ data, width }: RgbImage, x: number, y: number) => [
  ...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
];
const left = coco17.keypoints.indexOf('left_shoulder');
const elbow = coco17.keypoints.indexOf('left_elbow');

/** Only a left upper arm, from (40, 100) to (120, 100). */
function arm(score: number): Float32Array {
  const keypoints = new Float32Array(51);
  keypoints.set([40, 100, score], 3 * left);
  keypoints.set([120, 100, score], 3 * elbow);
  return keypoints;
}

test('limbs and points have the colour of their side, a dark rim, and nothing is drawn below the threshold', () => {
  const image = blank(200, 200);
  const options = { skeleton: coco17, threshold: 0.5, plain: true };
  drawPoses(image, [{ keypoints: arm(0.9), score: 0.9 }], options);
  assert.deepEqual(pixel(image, 80, 100), [...sideColours.left]);
  assert.deepEqual(pixel(image, 40, 100), [...sideColours.left]);
  assert.deepEqual(pixel(image, 80, 80), [128, 128, 128]);
  // 80 px of extent make a limb of 1.2 px with a rim of 1 px on either side.
  assert.ok(pixel(image, 80, 101).every((value) => value < 60));
  const faint = blank(200, 200);
  drawPoses(faint, [{ keypoints: arm(0.49), score: 0.49 }], options);
  assert.deepEqual(faint, blank(200, 200));
});

test('the score stands on a plate above the box, inside of the picture', () => {
  const image = blank(200, 200);
  const pose = { keypoints: arm(0.9), score: 0.87, box: [30, 0, 100, 150] as const };
  drawPoses(image, [pose], { skeleton: coco17, threshold: 0.5 });
  // The box begins at the upper edge, so that the plate lies in it.
  assert.deepEqual(pixel(image, 30, 0), [16, 16, 20]);
  const white = (image_: RgbImage) => {
    let count = 0;
    for (let y = 0; y < 12; y++) {
      for (let x = 30; x < 60; x++) if (pixel(image_, x, y).every((v) => v === 255)) count++;
    }
    return count;
  };
  assert.ok(white(image) > 20, 'digits');
});

test('who is surer lies on top, and people outside of the picture do no harm', () => {
  const image = blank(200, 200);
  const mirrored = arm(0.9);
  mirrored.set([mirrored[3 * left]!, 100, 0], 3 * left);
  const right = coco17.keypoints.indexOf('right_shoulder');
  mirrored.set([40, 100, 0.9], 3 * right);
  const outside = arm(0.9).map((value, i) => (i % 3 === 2 ? value : value + 1e6));
  const poses = [
    { keypoints: arm(0.9), score: 0.9 },
    { keypoints: mirrored, score: 0.1 },
    { keypoints: outside, score: 1, box: [1e6, 1e6, 5, 5] as const },
  ];
  drawPoses(image, poses, { skeleton: coco17, threshold: 0.5 });
  assert.deepEqual(pixel(image, 40, 100), [...sideColours.left]);
});

test('a heatmap lies where its keypoint is read, to a part of a pixel', () => {
  // A wrist's Gaussian at cell (5, 9) of 12×16, for a box that is no whole number of cells.
  const rules = {
    skeleton: coco17,
    inputSize: { width: 48, height: 64 },
    useDark: true,
    darkKernel: 3,
    udp: false,
    visibilityThreshold: 0.2,
  };
  const crop = boxCrop([31.3, 20.7, 90.1, 143.9], rules.inputSize);
  const wrist = coco17.keypoints.indexOf('left_wrist');
  const maps = new Float32Array(17 * 12 * 16);
  for (let y = 0; y < 16; y++) {
    for (let x = 0; x < 12; x++) {
      maps[(wrist * 16 + y) * 12 + x] = Math.exp(-((x - 5) ** 2 + (y - 9) ** 2) / 4.5);
    }
  }
  for (const udp of [false, true]) {
    const image = blank(170, 200, 0);
    drawHeatmaps(image, maps, crop, { ...rules, udp });
    const [person] = readKeypoints(maps, [1, 17, 16, 12], [crop], { ...rules, udp });
    const at = person!.subarray(3 * wrist, 3 * wrist + 2);
    let [sum, x0, y0] = [0, 0, 0];
    // The middle of the coloured spot; the crop's outline is grey and lies further out.
    for (let y = Math.round(at[1]!) - 25; y <= at[1]! + 25; y++) {
      for (let x = Math.round(at[0]!) - 25; x <= at[0]! + 25; x++) {
        const weight = pixel(image, x, y)[1]! ** 4; // The tails are cut off differently on each side.
        sum += weight;
        x0 += weight * x;
        y0 += weight * y;
      }
    }
    // A cell is 15 px here; half a pixel or half a cell of shift would show.
    assert.ok(Math.hypot(x0 / sum - at[0]!, y0 / sum - at[1]!) < 0.15, `udp ${udp}`);
    assert.ok(pixel(image, Math.round(at[0]!), Math.round(at[1]!))[1]! > 150);
  }
});
