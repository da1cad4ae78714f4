// OKS of a result with an annotated person, who may have keypoints without a label (spec 5.2).
import type { People } from './cocoPeople.ts';
import { EPSILON } from './oks.ts';

/**
 * OKS of dt d with gt g over g's labelled keypoints. A gt without any (a crowd, a person too small)
 * is a box, widened on each side by its own size: what counts is how far d's keypoints lie outside.
 */
export function oksWithGt(people: People, d: number, g: number, variances: Float64Array): number {
  const { keypointCount: k, gtKeypoints, dtKeypoints, gtAreas } = people;
  const area = gtAreas[g] + EPSILON;
  let sum = 0;
  let labelled = 0;
  for (let i = 0; i < k; i++) {
    const gt = 3 * (g * k + i);
    if (gtKeypoints[gt + 2] <= 0) continue;
    const dx = dtKeypoints[2 * (d * k + i)] - gtKeypoints[gt];
    const dy = dtKeypoints[2 * (d * k + i) + 1] - gtKeypoints[gt + 1];
    sum += Math.exp(-((dx * dx + dy * dy) / variances[i] / area / 2));
    labelled++;
  }
  return labelled > 0 ? sum / labelled : oksWithBox(people, d, g, variances);
}

function oksWithBox(people: People, d: number, g: number, variances: Float64Array): number {
  const { keypointCount: k, gtBoxes, dtKeypoints, gtAreas } = people;
  const [x, y, w, h] = gtBoxes.subarray(4 * g, 4 * g + 4);
  const area = gtAreas[g] + EPSILON;
  let sum = 0;
  for (let i = 0; i < k; i++) {
    const dx = outside(dtKeypoints[2 * (d * k + i)], x - w, x + 2 * w);
    const dy = outside(dtKeypoints[2 * (d * k + i) + 1], y - h, y + 2 * h);
    sum += Math.exp(-((dx * dx + dy * dy) / variances[i] / area / 2));
  }
  return sum / k;
}

const outside = (x: number, low: number, high: number) =>
  Math.max(0, low - x) + Math.max(0, x - high);
