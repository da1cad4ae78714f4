// From a person's box to the crop that the network sees, and from its heatmaps back to a pose in
// pixels of the picture (spec 3.4, 3.8, 4, 7.1). Running the network lies between, in infer/.
import { boxToCenterScale } from '../data/box.ts';
import type { Size } from '../data/record.ts';
import { numericalError } from '../errors.ts';
import { personScore } from '../eval/results.ts';
import {
  type Affine,
  affineTransform,
  inverseAffineTransform,
  inverseUdpTransform,
  pixelsPerScale,
  sizeInPixels,
  udpTransform,
  widenToAspect,
} from './affine.ts';
import { heatmapCodecs } from './codec/index.ts';
import type { HeatmapShape } from './decode.ts';
import { backProject } from './decode.ts';
import type { Skeleton } from './skeleton.ts';
import { type RgbImage, warpAffine } from './warp.ts';

/** x, y of the upper left corner, width, height; px of the picture. */
export type Box = readonly [number, number, number, number];

export interface PersonBox {
  readonly box: Box;
  /** What the detector gave it; 1 where nothing rated it. */
  readonly score: number;
}

/** Where a crop lies in its picture. */
export interface Crop {
  /** px of the picture. */
  readonly center: readonly [number, number];
  /** Its size over 200 px; only the width decides, except under UDP's rule. */
  readonly scale: readonly [number, number];
}

export interface Pose {
  /** The box that it was looked for in, as it was given. */
  readonly box: Box;
  readonly boxScore: number;
  /** [K, 3] float32: x, y in px of the picture, score (the heatmap's maximum, about 0 to 1). */
  readonly keypoints: Float32Array;
  /** Mean of the keypoint scores above the visibility threshold, times `boxScore`. */
  readonly score: number;
  readonly crop: Crop;
  /** [K, H, W] in the crop's frame, where they were asked for. */
  readonly heatmaps?: Float32Array;
}

/** How crops are cut and heatmaps are read. */
export interface ReadingRules {
  readonly skeleton: Skeleton;
  readonly inputSize: Size;
  readonly useDark: boolean;
  readonly darkKernel: number;
  readonly udp: boolean;
  /** Keypoints count in the person's score when theirs is above this. */
  readonly visibilityThreshold: number;
}

/** The crop for a detected person: the box widened to the input's aspect, a quarter of room around it. */
export const boxCrop = (box: Box, { width, height }: Size): Crop =>
  boxToCenterScale(box, width / height, pixelsPerScale);

/**
 * The crop that shows a whole picture, without room around it. PaddleDetection fits the width alone,
 * which cuts the top and bottom off pictures taller than the input's aspect; here both sides fit.
 */
export function wholePictureCrop(picture: Size, { width, height }: Size): Crop {
  const [w, h] = widenToAspect(picture.width, picture.height, width / height);
  return {
    center: [picture.width / 2, picture.height / 2],
    scale: [Math.fround(w / pixelsPerScale), Math.fround(h / pixelsPerScale)],
  };
}

/** Picture -> the network's input. */
const cropTransform = ({ center, scale }: Crop, inputSize: Size, udp: boolean): Affine =>
  udp
    ? udpTransform(center, scale, 0, inputSize)
    : affineTransform(center, sizeInPixels(scale), 0, inputSize);

/** Heatmap pixels -> picture; pixel (i, j) of both has its middle at (i, j). */
export const heatmapToPicture = ({ center, scale }: Crop, heatmapSize: Size, udp: boolean) =>
  udp
    ? inverseUdpTransform(center, scale, heatmapSize)
    : inverseAffineTransform(center, sizeInPixels(scale), 0, heatmapSize);

/** pixels: [H, W, 3] uint8 of the input's size, filled. */
export function cutCrop(image: RgbImage, crop: Crop, rules: ReadingRules, pixels: Uint8Array) {
  const { inputSize, udp } = rules;
  warpAffine(image, cropTransform(crop, inputSize, udp), inputSize, pixels, false);
}

/**
 * heatmaps: [N, K, H, W] for N crops → [K, 3] for each: x, y in px of its picture, score. A numericalError
 * where they are not finite, which would else be scored as poor poses.
 */
export function readKeypoints(
  heatmaps: Float32Array,
  shape: HeatmapShape,
  crops: readonly Crop[],
  { useDark, darkKernel, udp }: Pick<ReadingRules, 'useDark' | 'darkKernel' | 'udp'>,
): Float32Array[] {
  const codec = heatmapCodecs[useDark ? 'dark' : 'standard'];
  const decoded = codec.decode(heatmaps, shape, { kernel: darkKernel });
  const centers = Float32Array.from(crops.flatMap(({ center }) => center));
  const scales = Float32Array.from(crops.flatMap(({ scale }) => scale));
  const heatmapSize = { width: shape[3], height: shape[2] };
  const xy = backProject(decoded, centers, scales, heatmapSize, udp);
  const k = shape[1];
  return crops.map((_, n) => {
    const person = new Float32Array(k * 3);
    for (let j = 0; j < k; j++) {
      const from = n * k + j;
      person.set([xy[2 * from]!, xy[2 * from + 1]!, decoded.scores[from]!], 3 * j);
    }
    checkFinite(person);
    return person;
  });
}

function checkFinite(keypoints: Float32Array): void {
  if (keypoints.every(Number.isFinite)) return;
  throw numericalError(
    'network: its output is not finite. Check the weights: they may be of a run that failed, or of another input normalisation.',
  );
}

/** A person's score in results: how sure the visible keypoints are, times how sure the box is. */
export const poseScore = (keypoints: Float32Array, boxScore: number, rules: ReadingRules) =>
  personScore(keypoints, rules.visibilityThreshold) * boxScore;
