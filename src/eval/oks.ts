// Object keypoint similarity: how near two poses are, from 0 to 1 (spec 5.1, 5.2).
//   OKS = mean over keypoints of exp(−d² / (2·(2σ)²·area)),  d in pixels

/** Keeps a division by a zero area finite; the official evaluator's np.spacing(1). */
export const EPSILON = Number.EPSILON;

/** (2σ)² for each keypoint. */
export const oksVariances = (oksSigmas: ArrayLike<number>): Float64Array =>
  Float64Array.from(oksSigmas, (sigma) => (2 * sigma) ** 2);

/**
 * OKS of two predictions: every keypoint counts, the area is the mean of both.
 * a, b: [K, 3] (x, y, score); areas in px²; variances: [K]
 */
export function oksOfPredictions(
  a: ArrayLike<number>,
  areaA: number,
  b: ArrayLike<number>,
  areaB: number,
  variances: Float64Array,
): number {
  const area = (areaA + areaB) / 2 + EPSILON;
  let sum = 0;
  for (let k = 0; k < variances.length; k++) {
    const dx = a[3 * k] - b[3 * k];
    const dy = a[3 * k + 1] - b[3 * k + 1];
    sum += Math.exp(-((dx * dx + dy * dy) / variances[k] / area / 2));
  }
  return sum / variances.length;
}
