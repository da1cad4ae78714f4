// The skeletons that come with the project, and the reader for others given as JSON. A skeleton of
// any size works everywhere: heads, flips, half body, OKS and drawing derive from its record.
import { inputError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import type { Skeleton } from './skeleton.ts';

/** COCO keypoints. OKS sigmas as in the official evaluator; limbs in drawing order (spec 7.1). */
export const coco17: Skeleton = {
  name: 'coco17',
  keypoints: [
    'nose',
    'left_eye',
    'right_eye',
    'left_ear',
    'right_ear',
    'left_shoulder',
    'right_shoulder',
    'left_elbow',
    'right_elbow',
    'left_wrist',
    'right_wrist',
    'left_hip',
    'right_hip',
    'left_knee',
    'right_knee',
    'left_ankle',
    'right_ankle',
  ],
  flipPairs: [
    [1, 2],
    [3, 4],
    [5, 6],
    [7, 8],
    [9, 10],
    [11, 12],
    [13, 14],
    [15, 16],
  ],
  limbs: [
    [0, 1],
    [0, 2],
    [1, 3],
    [2, 4],
    [3, 5],
    [4, 6],
    [5, 7],
    [6, 8],
    [7, 9],
    [8, 10],
    [5, 11],
    [6, 12],
    [11, 13],
    [12, 14],
    [13, 15],
    [14, 16],
    [11, 12],
  ],
  // Divided by ten as the official evaluator does: 0.26 / 10 is not 0.026 in the last bit.
  oksSigmas: [
    0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89,
    0.89,
  ].map((sigma) => sigma / 10),
  upperBody: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
};

/**
 * MPII keypoints (spec 3.12). MPII is scored by PCKh and publishes no OKS sigmas; these are COCO's
 * for the points that both have, and those of the nearest COCO point for the other four
 * (pelvis: hip, thorax and neck: shoulder, head top: ear). They serve OKS-NMS alone.
 */
export const mpii16: Skeleton = {
  name: 'mpii16',
  keypoints: [
    'right_ankle',
    'right_knee',
    'right_hip',
    'left_hip',
    'left_knee',
    'left_ankle',
    'pelvis',
    'thorax',
    'upper_neck',
    'head_top',
    'right_wrist',
    'right_elbow',
    'right_shoulder',
    'left_shoulder',
    'left_elbow',
    'left_wrist',
  ],
  flipPairs: [
    [0, 5],
    [1, 4],
    [2, 3],
    [10, 15],
    [11, 14],
    [12, 13],
  ],
  limbs: [
    [0, 1],
    [1, 2],
    [3, 4],
    [4, 5],
    [2, 6],
    [3, 6],
    [6, 7],
    [7, 8],
    [8, 9],
    [10, 11],
    [11, 12],
    [13, 14],
    [14, 15],
    [8, 12],
    [8, 13],
  ],
  oksSigmas: [
    0.089, 0.087, 0.107, 0.107, 0.087, 0.089, 0.107, 0.079, 0.079, 0.035, 0.062, 0.072, 0.079,
    0.079, 0.072, 0.062,
  ],
  upperBody: [7, 8, 9, 10, 11, 12, 13, 14, 15],
};

export const skeletons: Readonly<Record<'coco17' | 'mpii16', Skeleton>> = { coco17, mpii16 };

/** More keypoints than this in a skeleton file is taken for a mistake (whole-body sets have 133). */
const MAX_KEYPOINTS = 1024;

const KEYS = ['name', 'keypoints', 'flipPairs', 'limbs', 'oksSigmas', 'upperBody'];

/**
 * Checks a skeleton read from JSON. `limbs` and `upperBody` may be left out (nothing drawn, no half
 * body); the rest is required, since a wrong guess would train a wrong model silently.
 * @param where name of the file, for messages
 */
export function parseSkeleton(value: unknown, where: string): Skeleton {
  const fail = (what: string) => inputError(`${where}: ${what}`);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fail(`expected a skeleton, an object with ${KEYS.join(', ')}, got ${describe(value)}`);
  }
  const fields = value as Record<string, unknown>;
  const unknown = Object.keys(fields).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, KEYS);
    throw fail(`unknown skeleton key '${unknown}'.${hint} The keys are ${KEYS.join(', ')}.`);
  }
  const { name } = fields;
  if (typeof name !== 'string' || name === '') {
    throw fail(`name: expected the skeleton's name, got ${describe(name)}`);
  }
  const keypoints = keypointNames(fields.keypoints, fail);
  const k = keypoints.length;
  return {
    name,
    keypoints,
    flipPairs: disjoint(indexPairs(fields.flipPairs, 'flipPairs', k, fail), fail),
    limbs: indexPairs(fields.limbs ?? [], 'limbs', k, fail),
    oksSigmas: sigmas(fields.oksSigmas, k, fail),
    upperBody: distinctIndices(fields.upperBody ?? [], k, fail),
  };
}

type Fail = (what: string) => Error;

function keypointNames(value: unknown, fail: Fail): string[] {
  const names = list(value, 'keypoints', fail);
  if (names.length === 0 || names.length > MAX_KEYPOINTS) {
    throw fail(`keypoints: expected 1 to ${MAX_KEYPOINTS} names, got ${names.length}`);
  }
  names.forEach((name, i) => {
    if (typeof name !== 'string' || name === '') {
      throw fail(`keypoints[${i}]: expected a name, got ${describe(name)}`);
    }
    if (names.indexOf(name) !== i) throw fail(`keypoints[${i}]: '${name}' stands there twice`);
  });
  return names as string[];
}

function indexPairs(value: unknown, key: string, k: number, fail: Fail): [number, number][] {
  return list(value, key, fail).map((pair, i) => {
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((x) => isIndex(x, k))) {
      throw fail(
        `${key}[${i}]: expected two keypoint indices from 0 to ${k - 1}, got ${describe(pair)}`,
      );
    }
    if (pair[0] === pair[1]) throw fail(`${key}[${i}]: joins keypoint ${pair[0]} with itself`);
    return [pair[0], pair[1]];
  });
}

function disjoint(pairs: [number, number][], fail: Fail): [number, number][] {
  const seen = new Set<number>();
  for (const index of pairs.flat()) {
    if (seen.has(index)) throw fail(`flipPairs: keypoint ${index} is in more than one pair`);
    seen.add(index);
  }
  return pairs;
}

function sigmas(value: unknown, k: number, fail: Fail): number[] {
  const numbers = list(value, 'oksSigmas', fail);
  if (numbers.length !== k) {
    throw fail(`oksSigmas: expected one number for each of ${k} keypoints, got ${numbers.length}`);
  }
  const bad = numbers.findIndex((x) => typeof x !== 'number' || !Number.isFinite(x) || x <= 0);
  if (bad >= 0) {
    throw fail(`oksSigmas[${bad}]: expected a number above 0, got ${describe(numbers[bad])}`);
  }
  return numbers as number[];
}

function distinctIndices(value: unknown, k: number, fail: Fail): number[] {
  const indices = list(value, 'upperBody', fail);
  indices.forEach((index, i) => {
    if (!isIndex(index, k)) {
      throw fail(
        `upperBody[${i}]: expected a keypoint index from 0 to ${k - 1}, got ${describe(index)}`,
      );
    }
    if (indices.indexOf(index) !== i) {
      throw fail(`upperBody[${i}]: keypoint ${index} stands there twice`);
    }
  });
  return indices as number[];
}

function list(value: unknown, key: string, fail: Fail): unknown[] {
  if (!Array.isArray(value)) throw fail(`${key}: expected a list, got ${describe(value)}`);
  return value;
}

const isIndex = (x: unknown, k: number) =>
  typeof x === 'number' && Number.isInteger(x) && x >= 0 && x < k;

/** A value as it can stand in a message: short, on one line. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
