// Suppression of people found twice in one picture, by OKS in place of box overlap (spec 5.1).
import { oksOfPredictions, oksVariances } from './oks.ts';

export interface RatedPose {
  /** [K, 3]: x, y in pixels, keypoint score. */
  readonly keypoints: ArrayLike<number>;
  readonly score: number;
  /** Of the padded box, px². */
  readonly area: number;
}

/**
 * Greedy: keep the best, drop those whose OKS with it is above the threshold, go on.
 * Returns indices of the kept poses, best first. Of equal scores the later pose goes first, as
 * in a reversed stable ascending sort.
 */
export function oksNms(
  poses: readonly RatedPose[],
  oksSigmas: ArrayLike<number>,
  threshold: number,
): number[] {
  const variances = oksVariances(oksSigmas);
  let order = fallingOrder(poses.map((pose) => pose.score));
  const kept: number[] = [];
  while (order.length > 0) {
    const [best, ...rest] = order;
    kept.push(best);
    order = rest.filter((other) => oks(poses[best], poses[other], variances) <= threshold);
  }
  return kept;
}

/**
 * Soft form: instead of being dropped, near poses lose score by the factor exp(−OKS²/threshold),
 * and the rest is sorted again after each pick. At most `maxKept` are returned, in order of picking.
 * Not used by the evaluation that the published numbers come from.
 */
export function softOksNms(
  poses: readonly RatedPose[],
  oksSigmas: ArrayLike<number>,
  threshold: number,
  maxKept = 20,
): { index: number; score: number }[] {
  const variances = oksVariances(oksSigmas);
  let order = fallingOrder(poses.map((pose) => pose.score));
  let scores = order.map((index) => poses[index].score);
  const kept: { index: number; score: number }[] = [];
  while (order.length > 0 && kept.length < maxKept) {
    const [best, ...rest] = order;
    kept.push({ index: best, score: scores[0] });
    const faded = rest.map((other, i) => {
      const overlap = oks(poses[best], poses[other], variances);
      return scores[i + 1] * Math.exp(-(overlap ** 2) / threshold);
    });
    const sorted = fallingOrder(faded);
    order = sorted.map((i) => rest[i]);
    scores = sorted.map((i) => faded[i]);
  }
  return kept;
}

const oks = (a: RatedPose, b: RatedPose, variances: Float64Array) =>
  oksOfPredictions(a.keypoints, a.area, b.keypoints, b.area, variances);

/** Indices by falling score; the later of two equal ones first. */
const fallingOrder = (scores: readonly number[]): number[] =>
  scores
    .map((_, i) => i)
    .sort((a, b) => scores[a] - scores[b])
    .reverse();
