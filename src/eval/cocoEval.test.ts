import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { HrposeError } from '../errors.ts';
import { coco17 } from '../pose/skeletons.ts';
import { evaluateKeypoints } from './cocoEval.ts';
import { cornerCases, found, groundTruthOf, person, pose } from './cornerCases.testing.ts';
import { type CocoGroundTruth, parseGroundTruth, parseResults } from './groundTruth.ts';
import { type CocoResult, type PersonPrediction, toResults } from './results.ts';

const shared =
  process.env.HRPOSE_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));
const casesDir = join(shared, 'data/cocoeval');
const sampleFile = join(shared, 'data/coco-sample/person_keypoints.json');
const readJson = (file: string) => JSON.parse(readFileSync(file, 'utf8'));

const evaluate = (gt: CocoGroundTruth, dt: readonly CocoResult[]) =>
  evaluateKeypoints(gt, dt, coco17.oksSigmas);

/** Means of up to 1010 numbers summed in another order than numpy's: some 1e-15. */
const TOLERANCE = 1e-12;

function assertStats(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, 10);
  actual.forEach((value, i) => {
    assert.ok(
      Math.abs(value - expected[i]) <= TOLERANCE,
      `number ${i}: expected ${expected[i]}, got ${value}`,
    );
  });
}

for (const { name, groundTruth, results, stats } of cornerCases) {
  test(name, () => assertStats(evaluate(groundTruth, results).stats, stats));
}

test("the ten numbers equal the official evaluator's on its recorded cases", {
  skip: existsSync(casesDir) ? false : `${casesDir} is not there`,
}, () => {
  const names = readdirSync(casesDir);
  assert.ok(names.length > 0);
  for (const name of names) {
    const read = (file: string) => readJson(join(casesDir, name, file));
    const groundTruth = parseGroundTruth(read('gt.json'), 'gt.json');
    const results = parseResults(read('dt.json'), 'dt.json');
    assertStats(evaluate(groundTruth, results).stats, read('stats.json'));
  }
});

const skipSample = { skip: existsSync(sampleFile) ? false : `${sampleFile} is not there` };

test('people made from the sample annotations score as published', skipSample, () => {
  const groundTruth = parseGroundTruth(readJson(sampleFile), sampleFile);
  const predictions = groundTruth.annotations.map(({ imageId, bbox, keypoints }) => ({
    imageId,
    keypoints: Float32Array.from(keypoints, (v, i) => v * [0.98, 1.02, 0.8][i % 3]),
    center: [0, 0] as const,
    scale: [(1.25 * bbox[2]) / 200, (1.25 * bbox[3]) / 200] as const,
    boxScore: 0.98,
  })) satisfies PersonPrediction[];
  const results = toResults(predictions, coco17, { visibilityThreshold: 0.2, oksThreshold: 0.9 });
  assert.equal(results.length, 14);
  assertStats(
    evaluate(groundTruth, results).stats,
    [
      0.5287458745874587, 0.9042904290429042, 0.5009900990099009, 0.42475247524752474,
      0.6219554455445544, 0.5833333333333333, 0.9166666666666666, 0.5833333333333334,
      0.44000000000000006, 0.6857142857142857,
    ],
  );
});

test('the sample annotations rounded to heatmap cells score an AP of 1', skipSample, () => {
  const groundTruth = parseGroundTruth(readJson(sampleFile), sampleFile);
  const results = groundTruth.annotations
    .filter(({ numKeypoints }) => numKeypoints > 0)
    .map(({ imageId, bbox: [x, y, w, h], keypoints }) => {
      // A heatmap of 96 rows covers the box, widened to 3:4 and padded by a quarter.
      const cell = (Math.max(h, w / 0.75) * 1.25) / 96;
      const round = (value: number, origin: number) =>
        origin + Math.round((value - origin) / cell) * cell;
      const rounded = Array.from(keypoints, (v, i) => (i % 3 === 2 ? v : round(v, i % 3 ? y : x)));
      return { imageId, keypoints: rounded, score: 1 };
    });
  assert.equal(evaluate(groundTruth, results).stats[0], 1);
});

test('without results AP and AR are 0, without gts −1', () => {
  const nobody = groundTruthOf(2, []);
  const someone = groundTruthOf(2, [person(1, 10, 10, 40), person(2, 10, 10, 100)]);
  assert.deepEqual(evaluate(someone, []).stats, Array(10).fill(0));
  assert.deepEqual(evaluate(nobody, []).stats, Array(10).fill(-1));
  assert.deepEqual(evaluate(nobody, [found(1, 1, 1, 40, 1)]).stats, Array(10).fill(-1));
  assert.deepEqual(evaluate({ images: [], annotations: [] }, []).stats, Array(10).fill(-1));
});

test('a match with annotation id 0 counts as any other', () => {
  const { images, annotations } = groundTruthOf(1, [person(1, 10, 10, 100)]);
  const zero = { images, annotations: [{ ...annotations[0], id: 0 }] };
  assertStats(evaluate(zero, [found(1, 10, 10, 100, 1)]).stats, [1, 1, 1, -1, 1, 1, 1, 1, -1, 1]);
});

test('a skeleton of another size is scored with its own sigmas', () => {
  const two = person(1, 0, 0, 100, { keypoints: [10, 10, 2, 90, 90, 2] });
  const moved = [{ imageId: 1, score: 1, keypoints: [10, 10, 1, 90, 110, 1] }];
  const ap = (sigma: number) =>
    evaluateKeypoints(groundTruthOf(1, [two]), moved, [0.1, sigma]).stats[0];
  // OKS = (1 + exp(−400 / (2σ)² / 10⁴ / 2)) / 2: 0.803 for σ = 0.1, above 0.95 for σ = 1.
  assert.ok(Math.abs(ap(0.1) - 0.7) < TOLERANCE);
  assert.ok(Math.abs(ap(1) - 1) < TOLERANCE);
});

const two = groundTruthOf(2, [person(1, 10, 10, 100)]);
const good = found(1, 10, 10, 100, 0.5);
const withNumber = (i: number, x: number) => good.keypoints.map((v, j) => (i === j ? x : v));
const refused: [string, readonly CocoResult[], RegExp][] = [
  ['an unknown image', [good, { ...good, imageId: 3 }], /entry 1 \(image 3\): .*no such image/],
  ['too few numbers', [{ ...good, keypoints: [1, 2, 3] }], /entry 0 \(image 1\): .*51 .*got 3/],
  ['a score of NaN', [{ ...good, score: Number.NaN }], /entry 0 \(image 1\): the score is NaN/],
  [
    'an infinite coordinate',
    [good, good, { ...good, keypoints: withNumber(4, Number.POSITIVE_INFINITY) }],
    /entry 2 \(image 1\): a keypoint is not a finite number/,
  ],
];
for (const [name, results, message] of refused) {
  test(`a result with ${name} is refused, and image and entry are named`, () => {
    refuses(() => evaluate(two, results), message);
  });
}

test('an annotation that does not fit the skeleton is named', () => {
  const short = person(1, 0, 0, 10, { keypoints: [1, 1, 2] });
  refuses(
    () => evaluate(groundTruthOf(1, [short]), []),
    /annotation id 1 \(image 1\): expected 51/,
  );
  const endless = person(1, 0, 0, 10, { area: Number.NaN });
  refuses(() => evaluate(groundTruthOf(1, [endless]), []), /annotation id 1 .*not a finite number/);
  refuses(() => evaluateKeypoints(two, [], [0.1, 0]), /oksSigmas\[1\]: .*got 0/);
});

function refuses(action: () => unknown, message: RegExp): void {
  assert.throws(action, (error: Error) => {
    assert.ok(error instanceof HrposeError && error.exitCode === 3, error.stack);
    assert.match(error.message, message);
    return true;
  });
}

/** People in three images, all areas, some keypoints without label, and results near to them. */
const scenes = fc
  .array(
    fc.record({
      image: fc.integer({ min: 1, max: 3 }),
      x: fc.integer({ min: 0, max: 400 }),
      y: fc.integer({ min: 0, max: 300 }),
      size: fc.integer({ min: 20, max: 150 }),
      labels: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 17, maxLength: 17 }),
      crowd: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      shift: fc.integer({ min: 0, max: 12 }),
      copies: fc.integer({ min: 0, max: 3 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((people) => ({
    groundTruth: groundTruthOf(
      3,
      people.map(({ image, x, y, size, labels, crowd }) =>
        person(image, x, y, size, {
          iscrowd: crowd,
          keypoints: pose(x, y, size).map((v, i) => (i % 3 === 2 ? labels[(i - 2) / 3] : v)),
        }),
      ),
    ),
    results: people.flatMap(({ image, x, y, size, shift, copies }, i) =>
      Array.from({ length: copies }, (_, c) => {
        // All scores differ, and have nothing to do with how good the result is.
        const score = ((i * 7 + c * 29) % 101) / 101 + i / 1e4 + c / 1e6;
        return found(image, x + shift * c + 0.37 * i, y, size, score);
      }),
    ),
  }));

test('the order of images and of results does not matter when no scores are equal', () => {
  const shuffled = scenes.chain(({ groundTruth, results }) =>
    fc.record({
      groundTruth: fc.constant(groundTruth),
      results: fc.constant(results),
      images: fc.shuffledSubarray([...groundTruth.images], { minLength: 3 }),
      mixed: fc.shuffledSubarray(results, { minLength: results.length }),
    }),
  );
  fc.assert(
    fc.property(shuffled, ({ groundTruth, results, images, mixed }) => {
      const { stats } = evaluate(groundTruth, results);
      assert.deepEqual(evaluate({ ...groundTruth, images }, mixed).stats, stats);
    }),
    { seed: 3, numRuns: 300 },
  );
});

test('people scored against themselves are all found', () => {
  fc.assert(
    fc.property(scenes, ({ groundTruth }) => {
      const results = groundTruth.annotations
        .filter(({ numKeypoints, iscrowd }) => numKeypoints > 0 && !iscrowd)
        .map(({ imageId, keypoints }, i) => ({ imageId, keypoints, score: 1 - i / 100 }));
      // Precision is tp / (tp + 2.2e-16), a bit below 1 for the first match.
      const all = evaluate(groundTruth, results).stats;
      assertStats(
        all.map((value) => (value === -1 ? 1 : value)),
        Array(10).fill(1),
      );
      assert.equal(all[0] === -1, results.length === 0);
    }),
    { seed: 4, numRuns: 300 },
  );
});
