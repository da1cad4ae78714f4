// MPII's score: the share of keypoints that lie within a part of the head's size (spec 5.3).
// Reading MPII's .mat files is left to others.
import { inputError } from '../errors.ts';
import type { Skeleton } from '../pose/skeleton.ts';

/** N people with K keypoints. */
export interface PckhInput {
  /** Predicted x, y, counted from 0 as everywhere here; MPII's files count from 1. [N, K, 2] */
  readonly predictions: ArrayLike<number>;
  /** x, y as in the file, counted from 1. [N, K, 2] */
  readonly groundTruth: ArrayLike<number>;
  /** 1 where the keypoint is annotated, else 0. [N, K] */
  readonly visible: ArrayLike<number>;
  /** Two corners of the head's box, x0, y0, x1, y1. [N, 4] */
  readonly headBoxes: ArrayLike<number>;
}

/** All in percent; NaN where no keypoint is visible. */
export interface PckhScores {
  /** PCKh@0.5 of each keypoint. [K] */
  readonly keypoints: Float64Array;
  /** PCKh@0.5 of the parts that MPII's tables list. */
  readonly parts: { readonly name: string; readonly score: number }[];
  /** PCKh@0.5 over all visible keypoints but pelvis and thorax. */
  readonly mean: number;
  /** The same at 0.11: what the usual evaluation prints as PCKh@0.1 is one grid step further. */
  readonly meanAt01: number;
}

const THRESHOLD = 0.5;
const FINE_THRESHOLD = 0.11;
/** Part of the head box's diagonal that counts as the head's size. */
const HEAD_SHARE = 0.6;
const NOT_AVERAGED = ['pelvis', 'thorax'];
const PARTS: readonly (readonly [string, readonly string[]])[] = [
  ['Head', ['head_top']],
  ['Shoulder', ['left_shoulder', 'right_shoulder']],
  ['Elbow', ['left_elbow', 'right_elbow']],
  ['Wrist', ['left_wrist', 'right_wrist']],
  ['Hip', ['left_hip', 'right_hip']],
  ['Knee', ['left_knee', 'right_knee']],
  ['Ankle', ['left_ankle', 'right_ankle']],
];

export function evaluatePckh(input: PckhInput, skeleton: Skeleton): PckhScores {
  const names = skeleton.keypoints;
  checkLengths(input, names.length);
  const counts = countNear(input, names.length);
  const keypoints = counts.near.map((near, k) => (100 * near) / counts.visible[k]);
  const averaged = names.map((_, k) => k).filter((k) => !NOT_AVERAGED.includes(names[k]));
  // Weighting each keypoint by its visible count comes to the same as counting all together.
  const visible = total(counts.visible, averaged);
  return {
    keypoints,
    parts: PARTS.map(([name, members]) => ({ name, score: meanOf(keypoints, members, names) })),
    mean: (100 * total(counts.near, averaged)) / visible,
    meanAt01: (100 * total(counts.veryNear, averaged)) / visible,
  };
}

function countNear({ predictions, groundTruth, visible, headBoxes }: PckhInput, k: number) {
  const counts = {
    visible: new Float64Array(k),
    near: new Float64Array(k),
    veryNear: new Float64Array(k),
  };
  for (let i = 0; i < visible.length; i++) {
    if (!visible[i]) continue;
    const head = 4 * Math.floor(i / k);
    const width = headBoxes[head + 2] - headBoxes[head];
    const height = headBoxes[head + 3] - headBoxes[head + 1];
    const headSize = Math.sqrt(width * width + height * height) * HEAD_SHARE;
    const dx = predictions[2 * i] + 1 - groundTruth[2 * i];
    const dy = predictions[2 * i + 1] + 1 - groundTruth[2 * i + 1];
    const error = Math.sqrt(dx * dx + dy * dy) / headSize;
    counts.visible[i % k]++;
    if (error <= THRESHOLD) counts.near[i % k]++;
    if (error <= FINE_THRESHOLD) counts.veryNear[i % k]++;
  }
  return counts;
}

function checkLengths(
  { predictions, groundTruth, visible, headBoxes }: PckhInput,
  keypointCount: number,
): void {
  const people = headBoxes.length / 4;
  const fits =
    Number.isInteger(people) &&
    visible.length === people * keypointCount &&
    predictions.length === 2 * visible.length &&
    groundTruth.length === 2 * visible.length;
  if (fits) return;
  throw inputError(
    `evaluatePckh: expected predictions and ground truth [N, ${keypointCount}, 2], ` +
      `visible [N, ${keypointCount}] and head boxes [N, 4], got ${predictions.length}, ` +
      `${groundTruth.length}, ${visible.length} and ${headBoxes.length} numbers`,
  );
}

const total = (values: Float64Array, indices: readonly number[]) =>
  indices.reduce((sum, k) => sum + values[k], 0);

function meanOf(values: Float64Array, members: readonly string[], names: readonly string[]) {
  const indices = members.map((member) => {
    const k = names.indexOf(member);
    if (k < 0) throw inputError(`evaluatePckh: the skeleton has no keypoint '${member}'`);
    return k;
  });
  return total(values, indices) / indices.length;
}
