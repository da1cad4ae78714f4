import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HrposeError } from '../errors.ts';
import { coco17 } from '../pose/skeletons.ts';
import { pose } from './cornerCases.testing.ts';
import { type PersonPrediction, personScore, toResults } from './results.ts';

const options = { visibilityThreshold: 0.2, oksThreshold: 0.9 };

const predicted = (imageId: number, x: number, score: number, boxScore = 1): PersonPrediction => ({
  imageId,
  keypoints: Float32Array.from(pose(x, 0, 100, score)),
  center: [x + 50, 50],
  scale: [0.625, 0.625],
  boxScore,
});

const withScores = (scores: number[]) => scores.flatMap((score) => [0, 0, score]);

test("a person's score is the mean of the keypoint scores above the threshold", () => {
  // (0.3 + 0.9) / 2 in binary is one rounding away from 0.6.
  assert.ok(Math.abs(personScore(withScores([0.1, 0.2, 0.3, 0.9]), 0.2) - 0.6) < 1e-15);
  assert.equal(personScore(withScores([0.1, 0.2]), 0.2), 0);
});

test('a score of 0.2 as float32 lies above 0.2, as it does in double arithmetic', () => {
  assert.equal(personScore(Float32Array.of(0, 0, 0.2), 0.2), Math.fround(0.2));
});

test('people are grouped by picture in order of appearance, best first, times the box score', () => {
  const results = toResults(
    [predicted(7, 0, 0.5), predicted(3, 0, 0.75, 0.5), predicted(7, 300, 1)],
    coco17,
    options,
  );
  assert.deepEqual(
    results.map(({ imageId, score }) => [imageId, score]),
    [
      [7, 1],
      [7, 0.5],
      [3, 0.375],
    ],
  );
  assert.deepEqual(results[0].center, [350, 50]);
  assert.deepEqual(results[0].scale, [0.625, 0.625]);
});

test('doubles are dropped within a picture and not across pictures', () => {
  const predictions = [predicted(1, 0, 0.5), predicted(1, 1, 0.75), predicted(2, 0, 0.5)];
  const kept = toResults(predictions, coco17, options);
  assert.deepEqual(
    kept.map(({ imageId, score }) => [imageId, score]),
    [
      [1, 0.75],
      [2, 0.5],
    ],
  );
  assert.equal(toResults(predictions, coco17, { ...options, oksThreshold: 1 }).length, 3);
});

test('the area for suppression is that of the padded box', () => {
  // The same two poses 8 px apart: near for a large box, apart for a small one.
  const at = (scale: number) =>
    toResults(
      [predicted(1, 0, 0.5), predicted(1, 8, 0.5)].map((p) => ({ ...p, scale: [scale, scale] })),
      coco17,
      options,
    ).length;
  assert.deepEqual([at(0.3), at(3)], [2, 1]);
});

test('predictions that are not finite or of the wrong length are named', () => {
  const cases: [PersonPrediction, RegExp][] = [
    [{ ...predicted(5, 0, 1), boxScore: Number.NaN }, /prediction 1 \(image 5\).*NaN/],
    [{ ...predicted(5, 0, 1), keypoints: new Float32Array(48) }, /expected 51 .*got 48/],
    [{ ...predicted(5, Number.POSITIVE_INFINITY, 1) }, /prediction 1 \(image 5\).*Infinity/],
  ];
  for (const [bad, message] of cases) {
    assert.throws(
      () => toResults([predicted(1, 0, 1), bad], coco17, options),
      (error: Error) =>
        error instanceof HrposeError && error.exitCode === 3 && message.test(error.message),
    );
  }
});
