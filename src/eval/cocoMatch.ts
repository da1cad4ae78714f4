// The first half of COCO evaluation: which result finds which annotated person, for every OKS
// threshold and area range (spec 5.2). Axes: T thresholds, A area ranges, D dts, G gts.
import { oksWithGt } from './cocoOks.ts';
import type { People } from './cocoPeople.ts';
import { oksVariances } from './oks.ts';

/** Bounds in px², both inclusive. */
export type AreaRange = readonly [number, number];

export interface Matches {
  readonly thresholdCount: number;
  readonly areaCount: number;
  /** Row of the gt that the dt found, or −1. [A, T, D] */
  readonly gtOfDt: Int32Array;
  /** 1 where the dt counts neither as right nor as wrong. [A, T, D] */
  readonly dtIgnore: Uint8Array;
  /** How many gts can be found. [A] */
  readonly gtCounts: Int32Array;
}

/** Matches the people of every image; images do not touch each other. */
export function matchPeople(
  people: People,
  oksSigmas: ArrayLike<number>,
  thresholds: readonly number[],
  areaRanges: readonly AreaRange[],
): Matches {
  const { dtScores, imageCount, gtStart, dtStart } = people;
  const cells = areaRanges.length * thresholds.length * dtScores.length;
  const matches = {
    thresholdCount: thresholds.length,
    areaCount: areaRanges.length,
    gtOfDt: new Int32Array(cells).fill(-1),
    dtIgnore: new Uint8Array(cells),
    gtCounts: new Int32Array(areaRanges.length),
  };
  const variances = oksVariances(oksSigmas);
  const scratch = scratchFor(people);
  for (let image = 0; image < imageCount; image++) {
    const gtCount = gtStart[image + 1] - gtStart[image];
    if (gtCount > 0 && dtStart[image + 1] > dtStart[image]) {
      fillOks(people, image, variances, scratch.oks);
    }
    areaRanges.forEach((range, a) => {
      matches.gtCounts[a] += orderGts(people, image, range, scratch);
      thresholds.forEach((threshold, t) => {
        const row = (a * thresholds.length + t) * dtScores.length;
        matchImage(people, image, threshold, scratch, row, matches);
        ignoreOutside(people, image, range, row, matches);
      });
    });
  }
  return matches;
}

/** Sized for the fullest image, used for one after the other. */
interface Scratch {
  /** [D, G] of the image at hand. */
  readonly oks: Float64Array;
  /** Gts of the image, ignored ones last; positions within the image. */
  readonly order: Int32Array;
  /** By position in `order`. */
  readonly ignored: Uint8Array;
  readonly taken: Uint8Array;
}

function scratchFor({ imageCount, gtStart, dtStart }: People): Scratch {
  let gts = 0;
  let pairs = 0;
  for (let i = 0; i < imageCount; i++) {
    const gtCount = gtStart[i + 1] - gtStart[i];
    gts = Math.max(gts, gtCount);
    pairs = Math.max(pairs, gtCount * (dtStart[i + 1] - dtStart[i]));
  }
  return {
    oks: new Float64Array(pairs),
    order: new Int32Array(gts),
    ignored: new Uint8Array(gts),
    taken: new Uint8Array(gts),
  };
}

/** OKS of every dt with every gt of the image; out: [D, G]. */
function fillOks(people: People, image: number, variances: Float64Array, out: Float64Array): void {
  const { gtStart, dtStart } = people;
  let cell = 0;
  for (let d = dtStart[image]; d < dtStart[image + 1]; d++) {
    for (let g = gtStart[image]; g < gtStart[image + 1]; g++) {
      out[cell++] = oksWithGt(people, d, g, variances);
    }
  }
}

/** Puts the image's gts in order, ignored ones last; returns how many are not ignored. */
function orderGts(people: People, image: number, [low, high]: AreaRange, scratch: Scratch): number {
  const { gtStart, gtAreas, gtIgnore } = people;
  const first = gtStart[image];
  const count = gtStart[image + 1] - first;
  const ignored = (g: number) =>
    gtIgnore[first + g] === 1 || gtAreas[first + g] < low || gtAreas[first + g] > high;
  let kept = 0;
  for (let g = 0; g < count; g++) if (!ignored(g)) scratch.order[kept++] = g;
  let next = kept;
  for (let g = 0; g < count; g++) if (ignored(g)) scratch.order[next++] = g;
  scratch.ignored.fill(0, 0, kept).fill(1, kept, count);
  return kept;
}

/**
 * The dts choose in order of score: each takes the gt of the highest OKS that is still free, and an
 * ignored gt only if no other will do. Of equal ones the later gt wins. A crowd is always free.
 */
function matchImage(
  { gtStart, dtStart, gtCrowd }: People,
  image: number,
  threshold: number,
  { oks, order, ignored, taken }: Scratch,
  row: number,
  { gtOfDt, dtIgnore }: Matches,
): void {
  const firstGt = gtStart[image];
  const gtCount = gtStart[image + 1] - firstGt;
  taken.fill(0, 0, gtCount);
  for (let d = dtStart[image]; d < dtStart[image + 1]; d++) {
    const oksRow = (d - dtStart[image]) * gtCount;
    let best = threshold;
    let match = -1;
    for (let i = 0; i < gtCount; i++) {
      if (taken[i] && !gtCrowd[firstGt + order[i]]) continue;
      if (match >= 0 && !ignored[match] && ignored[i]) break;
      if (oks[oksRow + order[i]] < best) continue;
      best = oks[oksRow + order[i]];
      match = i;
    }
    if (match < 0) continue;
    taken[match] = 1;
    gtOfDt[row + d] = firstGt + order[match];
    dtIgnore[row + d] = ignored[match];
  }
}

/** A dt that found nobody and is itself of another size does not count as wrong. */
function ignoreOutside(
  { dtStart, dtAreas }: People,
  image: number,
  [low, high]: AreaRange,
  row: number,
  { gtOfDt, dtIgnore }: Matches,
): void {
  for (let d = dtStart[image]; d < dtStart[image + 1]; d++) {
    if (gtOfDt[row + d] < 0 && (dtAreas[d] < low || dtAreas[d] > high)) dtIgnore[row + d] = 1;
  }
}
