import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coco17 } from '../pose/skeletons.ts';
import { pose } from './cornerCases.testing.ts';
import { oksOfPredictions, oksVariances } from './oks.ts';
import { oksNms, softOksNms } from './oksNms.ts';

const rated = (x: number, score: number) => ({ keypoints: pose(x, 0, 100), score, area: 15_625 });
const sigmas = coco17.oksSigmas;
const oksAt = (d: number) =>
  oksOfPredictions(pose(0, 0, 100), 15_625, pose(d, 0, 100), 15_625, oksVariances(sigmas));

test('of two near poses the better stays, distinct ones stay too, best first', () => {
  const poses = [rated(0, 0.5), rated(300, 0.9), rated(1, 0.7), rated(600, 0.1)];
  assert.ok(oksAt(1) > 0.9);
  assert.deepEqual(oksNms(poses, sigmas, 0.9), [1, 2, 3]);
});

test('a pose whose OKS equals the threshold is kept', () => {
  const poses = [rated(0, 0.9), rated(4, 0.5)];
  assert.deepEqual(oksNms(poses, sigmas, oksAt(4)), [0, 1]);
  assert.deepEqual(oksNms(poses, sigmas, oksAt(4) - 1e-9), [0]);
});

test('a dropped pose does not drop others', () => {
  // 0 and 6 are apart, 3 is near both and goes with 0.
  const poses = [rated(0, 0.9), rated(3, 0.8), rated(6, 0.7)];
  const threshold = (oksAt(3) + oksAt(6)) / 2;
  assert.deepEqual(oksNms(poses, sigmas, threshold), [0, 2]);
});

test('of equal scores the later pose goes first', () => {
  assert.deepEqual(
    oksNms([rated(0, 0.5), rated(300, 0.5), rated(600, 0.5)], sigmas, 0.9),
    [2, 1, 0],
  );
  assert.deepEqual(oksNms([rated(0, 0.5), rated(1, 0.5)], sigmas, 0.9), [1]);
});

test('no poses leave no poses', () => {
  assert.deepEqual(oksNms([], sigmas, 0.9), []);
  assert.deepEqual(softOksNms([], sigmas, 0.9), []);
});

test('soft suppression lowers the score of near poses, sorts again, and stops at its limit', () => {
  const poses = [rated(0, 0.9), rated(1, 0.8), rated(300, 0.5)];
  const kept = softOksNms(poses, sigmas, 0.9);
  assert.deepEqual(
    kept.map(({ index }) => index),
    [0, 2, 1],
  );
  const faded = 0.8 * Math.exp(-(oksAt(1) ** 2) / 0.9);
  // The far pose lies 300 px away: its factor is 1 to the last bit.
  assert.equal(kept[1].score, 0.5);
  // The near one is faded once by pose 0 and by a factor of 1 from the far one.
  assert.ok(Math.abs(kept[2].score - faded) < 1e-12);
  assert.equal(softOksNms(poses, sigmas, 0.9, 2).length, 2);
});
