import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coco17 } from '../pose/skeletons.ts';
import { evaluateKeypoints } from './cocoEval.ts';
import { cornerCases, found, groundTruthOf, person, pose } from './cornerCases.testing.ts';
import { scoreKeypoints } from './keypointScores.ts';

const sigmas = coco17.oksSigmas;

test('a keypoint moved by 5 px has that error, and its AP alone falls', () => {
  const keypoints = pose(50, 50, 100);
  keypoints[3 * 9] += 3;
  keypoints[3 * 9 + 1] -= 4;
  const groundTruth = groundTruthOf(1, [person(1, 50, 50, 100)]);
  const scores = scoreKeypoints(groundTruth, [{ imageId: 1, keypoints, score: 1 }], sigmas);
  // exp(−25 / (2 · 0.062)² / 10⁴ / 2) = 0.922: found at 9 of 10 thresholds.
  scores.forEach(({ ap, error, found, labelled }, k) => {
    assert.ok(Math.abs(ap - (k === 9 ? 0.9 : 1)) < 1e-12, `keypoint ${k}: ${ap}`);
    assert.ok(Math.abs(error - (k === 9 ? 5 : 0)) < 1e-12, `keypoint ${k}: ${error}`);
    assert.deepEqual([found, labelled], [1, 1]);
  });
});

test('people who lack a keypoint, crowds and people not found stay out of its error', () => {
  const lacking = pose(50, 50, 100).map((v, i) => (i === 2 ? 0 : v));
  const groundTruth = groundTruthOf(1, [
    person(1, 50, 50, 100, { keypoints: lacking }),
    person(1, 300, 50, 100),
    person(1, 300, 300, 100),
    person(1, 500, 300, 100, { iscrowd: true }),
  ]);
  const results = [
    found(1, 51, 50, 100, 0.9),
    found(1, 302, 50, 100, 0.8),
    found(1, 503, 300, 100, 0.7),
  ];
  const [nose, eye] = scoreKeypoints(groundTruth, results, sigmas);
  assert.deepEqual([nose.found, nose.labelled, nose.error], [1, 2, 2]);
  assert.deepEqual([eye.found, eye.labelled, eye.error], [2, 3, 1.5]);
});

test('a keypoint that nobody has is marked', () => {
  const groundTruth = groundTruthOf(1, [
    person(1, 50, 50, 100, { keypoints: pose(50, 50, 100).map((v, i) => (i < 3 ? 0 : v)) }),
  ]);
  const [nose] = scoreKeypoints(groundTruth, [found(1, 50, 50, 100, 1)], sigmas);
  assert.deepEqual(nose, { ap: -1, error: Number.NaN, found: 0, labelled: 0 });
});

test('the AP of a keypoint is that of an evaluation where people have no other', () => {
  for (const { groundTruth, results } of cornerCases) {
    const scores = scoreKeypoints(groundTruth, results, sigmas);
    const k = 7;
    const only = {
      images: groundTruth.images,
      annotations: groundTruth.annotations.map((annotation) => {
        const keypoints = Array.from(annotation.keypoints).slice(3 * k, 3 * k + 3);
        return { ...annotation, keypoints, numKeypoints: keypoints[2] > 0 ? 1 : 0 };
      }),
    };
    const part = results.map(({ keypoints, ...rest }) => ({
      ...rest,
      keypoints: Array.from(keypoints).slice(3 * k, 3 * k + 3),
    }));
    assert.equal(scores[k].ap, evaluateKeypoints(only, part, [sigmas[k]]).stats[0]);
  }
});
