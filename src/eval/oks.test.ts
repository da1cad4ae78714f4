import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coco17 } from '../pose/skeletons.ts';
import { oksWithGt } from './cocoOks.ts';
import { gatherPeople } from './cocoPeople.ts';
import { found, groundTruthOf, person, pose } from './cornerCases.testing.ts';
import type { CocoAnnotation } from './groundTruth.ts';
import { oksOfPredictions, oksVariances } from './oks.ts';
import type { CocoResult } from './results.ts';

const variances = oksVariances(coco17.oksSigmas);

function oksOf(annotation: CocoAnnotation, result: CocoResult): number {
  return oksWithGt(gatherPeople(groundTruthOf(1, [annotation]), [result], 17), 0, 0, variances);
}

// Spec A.3: every keypoint moved by d px, area 10,000.
const shifted: [number, number][] = [
  [0, 1],
  [1, 0.9939896398480592],
  [5, 0.8711549523382005],
  [10, 0.6469947651308043],
  [20, 0.33111442228479876],
];
for (const [d, expected] of shifted) {
  test(`a pose moved by ${d} px has the published OKS, with a gt and with a prediction`, () => {
    const annotation = person(1, 0, 0, 100);
    // Sums of 17 exponentials may differ from the recorded ones in the last bits.
    assert.ok(Math.abs(oksOf(annotation, found(1, d, 0, 100, 1)) - expected) < 1e-12);
    const a = pose(0, 0, 100);
    const b = pose(d, 0, 100);
    assert.ok(Math.abs(oksOfPredictions(a, 15_000, b, 5_000, variances) - expected) < 1e-12);
  });
}

test('keypoints without a label do not count, whatever was predicted for them', () => {
  const keypoints = [...pose(0, 0, 100).slice(0, 6), ...pose(0, 0, 0, 0).slice(6)];
  const result = {
    imageId: 1,
    score: 1,
    keypoints: [...pose(0, 0, 100).slice(0, 6), ...pose(900, 900, 9).slice(6)],
  };
  assert.equal(oksOf(person(1, 0, 0, 100, { keypoints }), result), 1);
});

test('a gt without keypoints is a box that reaches its own size beyond each side', () => {
  const annotation = person(1, 100, 100, 50, { keypoints: pose(0, 0, 0, 0) });
  assert.equal(oksOf(annotation, found(1, 50, 50, 150, 1)), 1);
  const outside = oksOf(annotation, {
    imageId: 1,
    score: 1,
    keypoints: pose(0, 0, 0).map((v, i) => (i % 3 === 0 ? 47 : i % 3 === 1 ? 204 : v)),
  });
  // 3 px left of 50 and 4 px below 200: 5 px away at every keypoint.
  const expected =
    coco17.oksSigmas.reduce((sum, s) => sum + Math.exp(-25 / (2 * s) ** 2 / 2500 / 2), 0) / 17;
  assert.ok(Math.abs(outside - expected) < 1e-12);
});

test('a gt of no area has an OKS of 1 with itself and of 0 with any other', () => {
  const annotation = person(1, 0, 0, 100, { area: 0 });
  assert.equal(oksOf(annotation, found(1, 0, 0, 100, 1)), 1);
  assert.equal(oksOf(annotation, found(1, 1, 0, 100, 1)), 0);
});
