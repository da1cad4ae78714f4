// The second half of COCO evaluation: from matches to precision over recall, for every OKS
// threshold and area range (spec 5.2). Axes: A area ranges, T thresholds, R recall levels, D dts.
import type { Matches } from './cocoMatch.ts';
import { EPSILON } from './oks.ts';

export interface Curves {
  /** Precision at each recall level; −1 where an area range has no gts. [A, T, R] */
  readonly precision: Float64Array;
  /** Recall with all dts; −1 where an area range has no gts. [A, T] */
  readonly recall: Float64Array;
}

export function accumulate(
  { thresholdCount, areaCount, gtOfDt, dtIgnore, gtCounts }: Matches,
  dtScores: Float64Array,
  recallLevels: readonly number[],
): Curves {
  const order = byFallingScore(dtScores);
  const levels = recallLevels.length;
  const precision = new Float64Array(areaCount * thresholdCount * levels).fill(-1);
  const recall = new Float64Array(areaCount * thresholdCount).fill(-1);
  const curve = {
    recalls: new Float64Array(order.length),
    precisions: new Float64Array(order.length),
  };
  for (let row = 0; row < areaCount * thresholdCount; row++) {
    const gtCount = gtCounts[Math.floor(row / thresholdCount)];
    if (gtCount === 0) continue;
    const first = row * order.length;
    const last = first + order.length;
    fillCurve(order, gtOfDt.subarray(first, last), dtIgnore.subarray(first, last), gtCount, curve);
    recall[row] = curve.recalls.at(-1) ?? 0;
    raiseToEnvelope(curve.precisions);
    sample(curve, recallLevels, precision.subarray(row * levels, (row + 1) * levels));
  }
  return { precision, recall };
}

interface Curve {
  readonly recalls: Float64Array;
  readonly precisions: Float64Array;
}

/** Over all images; equal scores stay in image order. */
const byFallingScore = (scores: Float64Array): Int32Array =>
  Int32Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a]);

/** recall = tp / gtCount and precision = tp / (tp + fp) after each dt. */
function fillCurve(
  order: Int32Array,
  gtOfDt: Int32Array,
  dtIgnore: Uint8Array,
  gtCount: number,
  { recalls, precisions }: Curve,
): void {
  let right = 0;
  let wrong = 0;
  for (let i = 0; i < order.length; i++) {
    const d = order[i];
    if (!dtIgnore[d]) {
      if (gtOfDt[d] >= 0) right++;
      else wrong++;
    }
    recalls[i] = right / gtCount;
    precisions[i] = right / (wrong + right + EPSILON);
  }
}

/** The best precision still to come, from each position on. */
function raiseToEnvelope(precisions: Float64Array): void {
  for (let i = precisions.length - 1; i > 0; i--) {
    if (precisions[i] > precisions[i - 1]) precisions[i - 1] = precisions[i];
  }
}

/** Precision at the first dt that reaches each recall level, 0 for a level never reached. */
function sample(
  { recalls, precisions }: Curve,
  levels: readonly number[],
  out: Float64Array,
): void {
  let i = 0;
  levels.forEach((level, r) => {
    while (i < recalls.length && recalls[i] < level) i++;
    out[r] = i < recalls.length ? precisions[i] : 0;
  });
}
