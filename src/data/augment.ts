// From a person record to the crop that is cut: random half body, scale, rotation and mirroring
// (spec 3.6), and the cut itself (spec 3.8). Draws are made in the reference's order, and numbers are
// rounded to float32 where it rounds them.
import {
  type Affine,
  affineTransform,
  applyAffine,
  pixelsPerScale,
  sizeInPixels,
  udpTransform,
  widenToAspect,
} from '../pose/affine.ts';
import type { Skeleton } from '../pose/skeleton.ts';
import { type PicturePart, type RgbImage, warpAffine } from '../pose/warp.ts';
import type { AugmentSettings } from '../train/settings.ts';
import type { PersonRecord, Size } from './record.ts';
import type { Rng } from './rng.ts';

/** What the HRNet configs augment with (spec 0). */
export const usualAugment = (upperBody: readonly number[]): AugmentSettings => ({
  scaleFactor: 0.5,
  rotationFactor: 40,
  rotationProbability: 0.6,
  flip: true,
  halfBodyProbability: 0.3,
  halfBodyKeypoints: 8,
  upperBody,
});

/** Where to cut, and the keypoints of the picture that is cut (already mirrored where flip is set). */
export interface Sample {
  /** Picture px, float32 values; of the mirrored picture where flip is set. */
  center: [number, number];
  /** Over 200 px, float32 values. */
  scale: [number, number];
  /** Degrees. */
  rotation: number;
  /** Read the picture with its columns reversed. */
  flip: boolean;
  /** [K, 2] float32, picture px. */
  keypoints: Float32Array;
  /** [K] float32, 0 or 1. */
  visible: Float32Array;
}

const { fround } = Math;

/** The record as it is; for evaluation. */
export function plainSample(record: PersonRecord): Sample {
  return {
    center: [record.center[0], record.center[1]],
    scale: [record.scale[0], record.scale[1]],
    rotation: 0,
    flip: false,
    keypoints: record.keypoints.slice(),
    visible: record.visible.slice(),
  };
}

/**
 * A randomly changed sample of the record.
 *   imageWidth: of the picture, px; aspect: input width over height, which a record's box has anyway
 */
export function augment(
  record: PersonRecord,
  imageWidth: number,
  rng: Rng,
  settings: AugmentSettings,
  skeleton: Skeleton,
  aspect: number = record.scale[0] / record.scale[1],
): Sample {
  const sample = plainSample(record);
  takeHalfBody(sample, rng, settings, aspect);
  const { scaleFactor, rotationFactor } = settings;
  const factor = fround(clip(1 + scaleFactor * rng.normal(), 1 - scaleFactor, 1 + scaleFactor));
  sample.scale = [fround(sample.scale[0] * factor), fround(sample.scale[1] * factor)];
  if (rng.uniform() <= settings.rotationProbability) {
    sample.rotation = clip(rotationFactor * rng.normal(), -2 * rotationFactor, 2 * rotationFactor);
  }
  if (settings.flip && rng.uniform() <= 0.5) mirror(sample, imageWidth, skeleton);
  return sample;
}

/** Picture -> crop; of the mirrored picture where the sample is mirrored. */
export function sampleTransform(
  { center, scale, rotation }: Sample,
  inputSize: Size,
  udp: boolean,
): Affine {
  return udp
    ? udpTransform(center, scale, rotation, inputSize)
    : affineTransform(center, sizeInPixels(scale), rotation, inputSize);
}

/**
 * Cuts the sample out of its picture.
 *   images: [H, W, 3] uint8, filled; keypoints: [K, 2] float32, filled, input px.
 * Keypoints that are not visible keep their picture coordinates, except with UDP.
 */
export function cropSample(
  image: RgbImage | PicturePart,
  sample: Sample,
  inputSize: Size,
  udp: boolean,
  images: Uint8Array,
  keypoints: Float32Array,
): void {
  const m = sampleTransform(sample, inputSize, udp);
  warpAffine(image, m, inputSize, images, sample.flip);
  keypoints.set(sample.keypoints);
  for (let k = 0; k < sample.visible.length; k++) {
    if (!udp && !(sample.visible[k]! > 0)) continue;
    const [x, y] = applyAffine(m, sample.keypoints[2 * k]!, sample.keypoints[2 * k + 1]!);
    keypoints[2 * k] = x;
    keypoints[2 * k + 1] = y;
  }
}

function takeHalfBody(sample: Sample, rng: Rng, settings: AugmentSettings, aspect: number): void {
  if (!mayTakeHalf(sample, settings)) return;
  if (!(rng.uniform() < settings.halfBodyProbability)) return;
  const { upper, lower } = halves(sample, settings);
  // A normal draw below 0.5, not a uniform one: the upper body comes in 69 % of the cases.
  const wantUpper = rng.normal() < 0.5;
  const chosen = (wantUpper && upper.length > 2) || lower.length <= 2 ? upper : lower;
  if (chosen.length >= 2) fitBox(sample, chosen, aspect);
}

const mayTakeHalf = ({ visible }: Sample, { halfBodyKeypoints }: AugmentSettings): boolean =>
  visible.reduce((labelled, v) => labelled + v, 0) > halfBodyKeypoints;

function halves(sample: Sample, { upperBody }: AugmentSettings) {
  const visible = [...sample.visible.keys()].filter((k) => sample.visible[k]! > 0);
  return {
    upper: visible.filter((k) => upperBody.includes(k)),
    lower: visible.filter((k) => !upperBody.includes(k)),
  };
}

/** All boxes that `augment` may scale, turn and mirror: the person's and those of its halves. */
export function startSamples(
  record: PersonRecord,
  settings: AugmentSettings,
  aspect: number,
): Sample[] {
  const whole = plainSample(record);
  if (!mayTakeHalf(whole, settings) || !(settings.halfBodyProbability > 0)) return [whole];
  const { upper, lower } = halves(whole, settings);
  const boxes = [upper, lower].filter((chosen) => chosen.length >= 2);
  return [whole, ...boxes.map((chosen) => fitBox(plainSample(record), chosen, aspect))];
}

/** Centre and scale around some of the keypoints, with half their extent added. */
function fitBox(sample: Sample, chosen: readonly number[], aspect: number): Sample {
  const extent = (axis: 0 | 1) => {
    const values = chosen.map((k) => sample.keypoints[2 * k + axis]!);
    const sum = values.reduce((total, v) => fround(total + v), 0);
    const length = fround(Math.max(...values) - Math.min(...values));
    return { mean: fround(sum / values.length), length };
  };
  const [x, y] = [extent(0), extent(1)];
  const size = widenToAspect(x.length, y.length, aspect);
  sample.center = [x.mean, y.mean];
  sample.scale = [paddedScale(size[0]), paddedScale(size[1])];
  return sample;
}

const paddedScale = (px: number) => fround(fround(px / pixelsPerScale) * 1.5);

/** The sample of the mirrored picture: left and right change places, unlabelled keypoints go to 0. */
function mirror(sample: Sample, imageWidth: number, skeleton: Skeleton): void {
  const { keypoints, visible, center } = sample;
  const mirrorX = (x: number) => fround(fround(imageWidth - x) - 1);
  for (let k = 0; k < visible.length; k++) keypoints[2 * k] = mirrorX(keypoints[2 * k]!);
  for (const [left, right] of skeleton.flipPairs) {
    swap(keypoints, 2 * left, 2 * right);
    swap(keypoints, 2 * left + 1, 2 * right + 1);
    swap(visible, left, right);
  }
  for (let k = 0; k < visible.length; k++) {
    keypoints[2 * k]! *= visible[k]!;
    keypoints[2 * k + 1]! *= visible[k]!;
  }
  center[0] = mirrorX(center[0]);
  sample.flip = true;
}

function swap(array: Float32Array, i: number, j: number): void {
  const kept = array[i]!;
  array[i] = array[j]!;
  array[j] = kept;
}

function clip(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
