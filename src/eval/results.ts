// From what the network predicts to the list that is scored: scores, suppression, order (spec 5.1).
import { inputError } from '../errors.ts';
import type { Skeleton } from '../pose/skeleton.ts';
import { oksNms } from './oksNms.ts';

/** One predicted person as the network and the decoder leave it. */
export interface PersonPrediction {
  readonly imageId: number;
  /** [K, 3] float32: x, y in pixels of the picture, keypoint score. */
  readonly keypoints: Float32Array;
  /** Of the padded box, pixels. */
  readonly center: readonly [number, number];
  /** Size of the padded box over 200 px. */
  readonly scale: readonly [number, number];
  /** The detector's score; 1 for a ground-truth box. */
  readonly boxScore: number;
}

/** One person of a COCO result file. */
export interface CocoResult {
  readonly imageId: number;
  /** [K, 3]: x, y in pixels, keypoint score. */
  readonly keypoints: ArrayLike<number>;
  readonly score: number;
  readonly center?: readonly [number, number];
  readonly scale?: readonly [number, number];
}

export interface ResultOptions {
  /** Keypoints count in the person's score when theirs is above this. */
  readonly visibilityThreshold: number;
  /** Of two people with a larger OKS than this, the one with the lower score is dropped. */
  readonly oksThreshold: number;
}

/**
 * The people of each picture, in order of the picture's first appearance: scored by
 * mean(keypoint scores > threshold) · boxScore, then thinned by OKS-NMS, best first.
 */
export function toResults(
  predictions: readonly PersonPrediction[],
  skeleton: Skeleton,
  { visibilityThreshold, oksThreshold }: ResultOptions,
): CocoResult[] {
  const results: CocoResult[] = [];
  for (const people of groupByImage(predictions, skeleton).values()) {
    const rated = people.map((person) => ({
      ...person,
      score: personScore(person.keypoints, visibilityThreshold) * person.boxScore,
      area: person.scale[0] * 200 * (person.scale[1] * 200),
    }));
    for (const index of oksNms(rated, skeleton.oksSigmas, oksThreshold)) {
      const { imageId, keypoints, score, center, scale } = rated[index];
      results.push({ imageId, keypoints, score, center, scale });
    }
  }
  return results;
}

/** Mean of the keypoint scores above the threshold; 0 when there are none. keypoints: [K, 3]. */
export function personScore(keypoints: ArrayLike<number>, threshold: number): number {
  let sum = 0;
  let count = 0;
  for (let i = 2; i < keypoints.length; i += 3) {
    if (keypoints[i] > threshold) {
      sum += keypoints[i];
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}

function groupByImage(predictions: readonly PersonPrediction[], skeleton: Skeleton) {
  const groups = new Map<number, PersonPrediction[]>();
  predictions.forEach((person, index) => {
    checkPrediction(person, index, skeleton);
    const group = groups.get(person.imageId);
    if (group) group.push(person);
    else groups.set(person.imageId, [person]);
  });
  return groups;
}

function checkPrediction(person: PersonPrediction, index: number, skeleton: Skeleton): void {
  const numbers = 3 * skeleton.keypoints.length;
  const fail = (what: string) =>
    inputError(`toResults: prediction ${index} (image ${person.imageId}): ${what}`);
  if (person.keypoints.length !== numbers) {
    throw fail(`expected ${numbers} keypoint numbers, got ${person.keypoints.length}`);
  }
  const { center, scale, boxScore } = person;
  const bad = [...person.keypoints, ...center, ...scale, boxScore].find((x) => !Number.isFinite(x));
  if (bad !== undefined) {
    throw fail(
      `a keypoint, box or score is ${bad}. The network's output is not finite: check its weights.`,
    );
  }
}
