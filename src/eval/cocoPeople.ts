// Ground truth and results as columns of numbers, grouped by image: what matching works on.
import { inputError } from '../errors.ts';
import type { CocoAnnotation, CocoGroundTruth } from './groundTruth.ts';
import type { CocoResult } from './results.ts';

/** Only the best results of an image are looked at. */
export const MAX_DETECTIONS = 20;

/** G gts and D dts of I images; images in ascending id order, K keypoints each. */
export interface People {
  readonly keypointCount: number;
  readonly imageCount: number;
  /** The gts of image i are rows gtStart[i] to gtStart[i + 1] − 1, in file order. [I + 1] */
  readonly gtStart: Int32Array;
  /** The dts of image i likewise: by falling score, at most MAX_DETECTIONS. [I + 1] */
  readonly dtStart: Int32Array;
  /** [G, K, 3]: x, y, visibility. */
  readonly gtKeypoints: Float64Array;
  /** [G, 4]: x, y, w, h. */
  readonly gtBoxes: Float64Array;
  /** px². [G] */
  readonly gtAreas: Float64Array;
  /** 1 where a crowd was annotated: any number of dts may match it. [G] */
  readonly gtCrowd: Uint8Array;
  /** 1 for a crowd and where no keypoint is labelled: neither found nor missed. [G] */
  readonly gtIgnore: Uint8Array;
  /** [D, K, 2]: x, y. */
  readonly dtKeypoints: Float64Array;
  /** Area of the box around all keypoints, px². [D] */
  readonly dtAreas: Float64Array;
  /** [D] */
  readonly dtScores: Float64Array;
}

/** Checks both sides and lays them out. Annotations of images that are not listed are left out. */
export function gatherPeople(
  groundTruth: CocoGroundTruth,
  results: readonly CocoResult[],
  keypointCount: number,
): People {
  const rank = rankImages(groundTruth);
  const annotations = groundTruth.annotations.filter(({ imageId }) => rank.has(imageId));
  annotations.forEach((annotation) => {
    checkAnnotation(annotation, keypointCount);
  });
  results.forEach((result, index) => {
    checkResult(result, index, keypointCount, rank);
  });
  const imagesOfGts = annotations.map(({ imageId }) => rank.get(imageId) as number);
  const gts = groupRows(imagesOfGts, rank.size);
  const dts = bestOfEachImage(results, rank);
  return {
    keypointCount,
    imageCount: rank.size,
    gtStart: gts.start,
    dtStart: dts.start,
    ...annotationColumns(annotations, gts.rows, keypointCount),
    ...resultColumns(results, dts.rows, keypointCount),
  };
}

/**
 * The same people reduced to keypoint k: those who lack it are ignored, and so an evaluation
 * tells how well this one keypoint is found.
 */
export function restrictToKeypoint(people: People, k: number): People {
  const { keypointCount, gtCrowd } = people;
  const gtKeypoints = takeKeypoint(people.gtKeypoints, 3, keypointCount, k);
  const gtIgnore = gtCrowd.map((crowd, g) => (crowd || gtKeypoints[3 * g + 2] <= 0 ? 1 : 0));
  const dtKeypoints = takeKeypoint(people.dtKeypoints, 2, keypointCount, k);
  return { ...people, keypointCount: 1, gtKeypoints, gtIgnore, dtKeypoints };
}

/** values: [rows, K, width] → [rows, 1, width] */
function takeKeypoint(values: Float64Array, width: number, keypointCount: number, k: number) {
  const stride = width * keypointCount;
  const taken = new Float64Array(values.length / keypointCount);
  for (let i = 0; i < taken.length; i++) {
    taken[i] = values[Math.floor(i / width) * stride + k * width + (i % width)];
  }
  return taken;
}

/** Image id → position among all images in ascending id order. */
function rankImages({ images }: CocoGroundTruth): Map<number, number> {
  const ids = [...new Set(images.map(({ id }) => id))].sort((a, b) => a - b);
  return new Map(ids.map((id, i) => [id, i]));
}

/** Rows sorted by group, order within a group kept, and where each group starts. */
function groupRows(groups: readonly number[], groupCount: number) {
  const start = new Int32Array(groupCount + 1);
  for (const group of groups) start[group + 1]++;
  for (let i = 0; i < groupCount; i++) start[i + 1] += start[i];
  const next = start.slice();
  const rows = new Int32Array(groups.length);
  groups.forEach((group, row) => {
    rows[next[group]++] = row;
  });
  return { start, rows };
}

function bestOfEachImage(results: readonly CocoResult[], rank: ReadonlyMap<number, number>) {
  const images = results.map(({ imageId }) => rank.get(imageId) as number);
  const all = groupRows(images, rank.size);
  const start = new Int32Array(rank.size + 1);
  const rows: number[] = [];
  for (let i = 0; i < rank.size; i++) {
    const sorted = all.rows
      .subarray(all.start[i], all.start[i + 1])
      .sort((a, b) => results[b].score - results[a].score);
    for (const row of sorted.subarray(0, MAX_DETECTIONS)) rows.push(row);
    start[i + 1] = rows.length;
  }
  return { start, rows };
}

function annotationColumns(annotations: readonly CocoAnnotation[], rows: Int32Array, k: number) {
  const gtKeypoints = new Float64Array(rows.length * k * 3);
  const gtBoxes = new Float64Array(rows.length * 4);
  const gtAreas = new Float64Array(rows.length);
  const gtCrowd = new Uint8Array(rows.length);
  const gtIgnore = new Uint8Array(rows.length);
  rows.forEach((row, g) => {
    const { keypoints, bbox, area, iscrowd, numKeypoints } = annotations[row];
    gtKeypoints.set(keypoints, g * k * 3);
    gtBoxes.set(bbox, g * 4);
    gtAreas[g] = area;
    gtCrowd[g] = iscrowd ? 1 : 0;
    gtIgnore[g] = iscrowd || numKeypoints === 0 ? 1 : 0;
  });
  return { gtKeypoints, gtBoxes, gtAreas, gtCrowd, gtIgnore };
}

function resultColumns(results: readonly CocoResult[], rows: readonly number[], k: number) {
  const dtKeypoints = new Float64Array(rows.length * k * 2);
  const dtAreas = new Float64Array(rows.length);
  const dtScores = new Float64Array(rows.length);
  rows.forEach((row, d) => {
    const { keypoints, score } = results[row];
    for (let i = 0; i < k; i++) {
      dtKeypoints[2 * (d * k + i)] = keypoints[3 * i];
      dtKeypoints[2 * (d * k + i) + 1] = keypoints[3 * i + 1];
    }
    dtAreas[d] = extent(keypoints, 0) * extent(keypoints, 1);
    dtScores[d] = score;
  });
  return { dtKeypoints, dtAreas, dtScores };
}

/** Largest less smallest coordinate along x (axis 0) or y (axis 1). keypoints: [K, 3] */
function extent(keypoints: ArrayLike<number>, axis: 0 | 1): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = axis; i < keypoints.length; i += 3) {
    if (keypoints[i] < low) low = keypoints[i];
    if (keypoints[i] > high) high = keypoints[i];
  }
  return high - low;
}

function checkAnnotation(annotation: CocoAnnotation, keypointCount: number): void {
  const { id, imageId, keypoints, bbox, area } = annotation;
  const fail = (what: string) =>
    inputError(`ground truth: annotation id ${id} (image ${imageId}): ${what}`);
  if (keypoints.length !== 3 * keypointCount) {
    throw fail(lengthMessage(keypoints.length, keypointCount));
  }
  if (!allFinite(keypoints) || !allFinite(bbox) || !Number.isFinite(area)) {
    throw fail('a keypoint, the box or the area is not a finite number');
  }
}

function checkResult(
  { imageId, keypoints, score }: CocoResult,
  index: number,
  keypointCount: number,
  rank: ReadonlyMap<number, number>,
): void {
  const fail = (what: string) => inputError(`results: entry ${index} (image ${imageId}): ${what}`);
  if (!rank.has(imageId)) {
    throw fail('the ground truth has no such image. Do both files belong to the same data set?');
  }
  if (keypoints.length !== 3 * keypointCount) {
    throw fail(lengthMessage(keypoints.length, keypointCount));
  }
  if (!Number.isFinite(score)) throw fail(`the score is ${score}, not a finite number`);
  if (!allFinite(keypoints)) throw fail('a keypoint is not a finite number');
}

const lengthMessage = (got: number, keypointCount: number) =>
  `expected ${3 * keypointCount} keypoint numbers (x, y, v for ${keypointCount} keypoints), ` +
  `got ${got}`;

function allFinite(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
