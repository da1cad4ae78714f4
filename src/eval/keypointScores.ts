// How well each keypoint is found, which the ten numbers do not tell.
import { accumulate } from './cocoAccumulate.ts';
import { AREA_RANGES, meanOfKnown, OKS_THRESHOLDS, RECALL_LEVELS } from './cocoEval.ts';
import { type Matches, matchPeople } from './cocoMatch.ts';
import { gatherPeople, type People, restrictToKeypoint } from './cocoPeople.ts';
import type { CocoGroundTruth } from './groundTruth.ts';
import type { CocoResult } from './results.ts';

export interface KeypointScore {
  /**
   * COCO AP, all areas, where the OKS of two people is that of this keypoint alone; people who
   * lack it are ignored. −1 when nobody has it.
   */
  readonly ap: number;
  /** Mean distance in pixels over `found`; NaN when that is 0. */
  readonly error: number;
  /** People found with an OKS (of all keypoints) of at least 0.5 who have this keypoint labelled. */
  readonly found: number;
  /** People who have this keypoint labelled, crowds aside. */
  readonly labelled: number;
}

/** One entry a keypoint. */
export function scoreKeypoints(
  groundTruth: CocoGroundTruth,
  results: readonly CocoResult[],
  oksSigmas: readonly number[],
): KeypointScore[] {
  const people = gatherPeople(groundTruth, results, oksSigmas.length);
  const whole = matchPeople(people, oksSigmas, [0.5], [AREA_RANGES[0]]);
  return oksSigmas.map((sigma, k) => {
    const part = restrictToKeypoint(people, k);
    const matches = matchPeople(part, [sigma], OKS_THRESHOLDS, [AREA_RANGES[0]]);
    const { precision } = accumulate(matches, part.dtScores, RECALL_LEVELS);
    return {
      ap: meanOfKnown(precision),
      labelled: matches.gtCounts[0],
      ...distance(part, whole),
    };
  });
}

/** part: people with one keypoint; whole: how the entire people match, at one OKS threshold. */
function distance({ gtKeypoints, gtIgnore, dtKeypoints }: People, { gtOfDt }: Matches) {
  let sum = 0;
  let found = 0;
  gtOfDt.forEach((g, d) => {
    if (g < 0 || gtIgnore[g]) return;
    const dx = dtKeypoints[2 * d] - gtKeypoints[3 * g];
    const dy = dtKeypoints[2 * d + 1] - gtKeypoints[3 * g + 1];
    sum += Math.sqrt(dx * dx + dy * dy);
    found++;
  });
  return { found, error: sum / found };
}
