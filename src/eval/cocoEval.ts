// COCO keypoint evaluation: gather, match, accumulate, and the ten numbers that a model is known
// by. Equal to the official evaluator's to rounding (spec 5.2).
import { inputError } from '../errors.ts';
import { accumulate, type Curves } from './cocoAccumulate.ts';
import { type AreaRange, matchPeople } from './cocoMatch.ts';
import { gatherPeople } from './cocoPeople.ts';
import type { CocoGroundTruth } from './groundTruth.ts';
import type { CocoResult } from './results.ts';

// Both grids are written as multiples of a step, not as decimals: 0.1 + … and 35 · 0.01 differ from
// 0.9 and 0.35 in the last bit, and a recall of exactly 35 of 100 falls on one side or the other.
const THRESHOLD_STEP = (0.95 - 0.5) / 9;
/** OKS from which a person counts as found: 0.5, 0.55, …, 0.95. T = 10. */
export const OKS_THRESHOLDS: readonly number[] = Array.from(
  { length: 10 },
  (_, t) => 0.5 + t * THRESHOLD_STEP,
);
/** Where precision is read: 0, 0.01, …, 1. R = 101. */
export const RECALL_LEVELS: readonly number[] = Array.from({ length: 101 }, (_, r) => r * 0.01);

/** All, medium, large. A = 3. */
export const AREA_RANGES: readonly AreaRange[] = [
  [0, 1e10],
  [32 ** 2, 96 ** 2],
  [96 ** 2, 1e10],
];

const ALL = 0;
const MEDIUM = 1;
const LARGE = 2;
const AT_50 = 0;
const AT_75 = 5;

export interface Evaluation extends Curves {
  /** AP, AP50, AP75, APM, APL, AR, AR50, AR75, ARM, ARL; −1 where there is nobody to find. */
  readonly stats: readonly number[];
}

export function evaluateKeypoints(
  groundTruth: CocoGroundTruth,
  results: readonly CocoResult[],
  oksSigmas: readonly number[],
): Evaluation {
  checkSigmas(oksSigmas);
  const people = gatherPeople(groundTruth, results, oksSigmas.length);
  const matches = matchPeople(people, oksSigmas, OKS_THRESHOLDS, AREA_RANGES);
  const curves = accumulate(matches, people.dtScores, RECALL_LEVELS);
  return { ...curves, stats: summarize(curves) };
}

function checkSigmas(oksSigmas: readonly number[]): void {
  const bad = oksSigmas.findIndex((sigma) => !(Number.isFinite(sigma) && sigma > 0));
  if (bad >= 0) {
    throw inputError(`oksSigmas[${bad}]: expected a number above 0, got ${oksSigmas[bad]}`);
  }
}

/** Curves for OKS_THRESHOLDS, AREA_RANGES and RECALL_LEVELS. */
function summarize({ precision, recall }: Curves): number[] {
  const ap = (area: number, threshold?: number) =>
    meanOfKnown(rows(precision, RECALL_LEVELS.length, area, threshold));
  const ar = (area: number, threshold?: number) => meanOfKnown(rows(recall, 1, area, threshold));
  return [ap, ar].flatMap((mean) => [
    mean(ALL),
    mean(ALL, AT_50),
    mean(ALL, AT_75),
    mean(MEDIUM),
    mean(LARGE),
  ]);
}

/** The part of [A, T, width] of one area range and of one or all thresholds. */
function rows(values: Float64Array, width: number, area: number, threshold?: number): Float64Array {
  const first = area * OKS_THRESHOLDS.length + (threshold ?? 0);
  const count = threshold === undefined ? OKS_THRESHOLDS.length : 1;
  return values.subarray(first * width, (first + count) * width);
}

/** Mean of the entries above −1; −1 when there are none. */
export function meanOfKnown(values: Float64Array): number {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (value > -1) {
      sum += value;
      count++;
    }
  }
  return count === 0 ? -1 : sum / count;
}
