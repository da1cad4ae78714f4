// The extent of a person as its keypoints show it, and how alike two people are.
import type { Box } from '../pose/estimate.ts';

/** The box around the keypoints ([K, 3]) of at least `leastScore`; undefined where fewer than two are. */
export function bodyBox(keypoints: ArrayLike<number>, leastScore: number): Box | undefined {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  let seen = 0;
  for (let i = 0; i < keypoints.length; i += 3) {
    if (!(keypoints[i + 2]! >= leastScore)) continue;
    seen++;
    left = Math.min(left, keypoints[i]!);
    right = Math.max(right, keypoints[i]!);
    top = Math.min(top, keypoints[i + 1]!);
    bottom = Math.max(bottom, keypoints[i + 1]!);
  }
  return seen < 2 ? undefined : [left, top, right - left, bottom - top];
}

/** One number for how large a person is, px: the box's diagonal, which a turn of the body changes little. */
export const bodySize = ([, , width, height]: Box) => Math.hypot(width, height);

/** A box of that diagonal is covered by a person to about a quarter of the diagonal's square, px². */
export const bodyArea = (box: Box) => Math.max(1, bodySize(box) ** 2 / 4);

/** Overlap of two boxes over their union, 0 to 1. */
export function boxIou([ax, ay, aw, ah]: Box, [bx, by, bw, bh]: Box): number {
  const width = Math.min(ax + aw, bx + bw) - Math.max(ax, bx);
  const height = Math.min(ay + ah, by + bh) - Math.max(ay, by);
  if (!(width > 0 && height > 0)) return 0;
  const both = width * height;
  return both / (aw * ah + bw * bh - both);
}

/**
 * OKS over the keypoints that both show, as in eval/oks.ts; undefined where those are too few to tell.
 * variances: [K] (2σ)²; area in px²
 */
export function sharedOks(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  area: number,
  variances: Float64Array,
  leastScore: number,
): number | undefined {
  let [sum, count] = [0, 0];
  for (let k = 0; k < variances.length; k++) {
    if (!(a[3 * k + 2]! >= leastScore && b[3 * k + 2]! >= leastScore)) continue;
    const squared = (a[3 * k]! - b[3 * k]!) ** 2 + (a[3 * k + 1]! - b[3 * k + 1]!) ** 2;
    sum += Math.exp(-squared / (2 * variances[k]! * area));
    count++;
  }
  return count < 3 ? undefined : sum / count;
}
