import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Skeleton } from '../pose/skeleton.ts';
import type { AugmentSettings } from '../train/settings.ts';
import { augment, cropSample, plainSample } from './augment.ts';
import { philox } from './philox.ts';
import type { PersonRecord } from './record.ts';
import type { Rng } from './rng.ts';

// Six keypoints: the first three are the upper body, (1, 2) and (3, 4) are pairs.
const skeleton: Skeleton = {
  name: 'six',
  keypoints: ['a', 'b', 'c', 'd', 'e', 'f'],
  flipPairs: [
    [1, 2],
    [3, 4],
  ],
  limbs: [],
  oksSigmas: [],
  upperBody: [0, 1, 2],
};

const settings: AugmentSettings = {
  scaleFactor: 0.5,
  rotationFactor: 40,
  rotationProbability: 0.6,
  flip: true,
  halfBodyProbability: 0.3,
  halfBodyKeypoints: 4,
  upperBody: skeleton.upperBody,
};

function record(visible = [1, 1, 1, 1, 1, 1]): PersonRecord {
  return {
    imageFile: '',
    imageId: 1,
    annotationId: 1,
    center: [50, 60],
    scale: [0.75, 1],
    keypoints: Float32Array.of(40, 10, 30, 20, 50, 20, 35, 80, 45, 80, 40, 100),
    visible: Float32Array.from(visible),
    score: 1,
  };
}

type Draw = readonly ['u' | 'n', number];

/** Gives the listed draws and fails on any other: ['u', 0.5] is uniform, ['n', 1] normal. */
function scripted(draws: readonly Draw[]) {
  let next = 0;
  const take = (kind: 'u' | 'n') => {
    const draw = draws[next++];
    assert.ok(draw, `draw ${next} was not expected`);
    assert.equal(draw[0], kind, `draw ${next}`);
    return draw[1];
  };
  const rng: Rng = {
    uniform: () => take('u'),
    normal: () => take('n'),
    integer: () => assert.fail(),
  };
  return { rng, done: () => assert.equal(next, draws.length, 'all draws are used') };
}

function augmented(draws: readonly Draw[], from = record(), change = {}) {
  const { rng, done } = scripted(draws);
  const sample = augment(from, 100, rng, { ...settings, ...change }, skeleton);
  done();
  return sample;
}

test('a plain sample is the record, in memory of its own', () => {
  const from = record();
  const sample = plainSample(from);
  sample.keypoints[0] = 99;
  sample.center[0] = 99;
  assert.deepEqual(from, record());
  assert.deepEqual([sample.scale, sample.rotation, sample.flip], [[0.75, 1], 0, false]);
});

test('scale is drawn before rotation, rotation before the flip', () => {
  const sample = augmented([
    ['u', 0.3],
    ['n', 0.5],
    ['u', 0.6],
    ['n', -0.5],
    ['u', 0.51],
  ]);
  assert.deepEqual(sample.scale, [0.9375, 1.25]);
  assert.equal(sample.rotation, -20);
  assert.equal(sample.flip, false);
  assert.deepEqual(sample.keypoints, record().keypoints);
});

test('scale and rotation are clipped, and no rotation means no draw of an angle', () => {
  const high = augmented([
    ['u', 0.3],
    ['n', 3],
    ['u', 0],
    ['n', 2.5],
    ['u', 1],
  ]);
  assert.deepEqual([high.scale, high.rotation], [[1.125, 1.5], 80]);
  const low = augmented([
    ['u', 0.3],
    ['n', -3],
    ['u', 0],
    ['n', -9],
    ['u', 1],
  ]);
  assert.deepEqual([low.scale, low.rotation], [[0.375, 0.5], -80]);
  const straight = augmented([
    ['u', 0.3],
    ['n', 0],
    ['u', 0.61],
    ['u', 1],
  ]);
  assert.equal(straight.rotation, 0);
});

test('mirroring exchanges left and right and clears what is not labelled', () => {
  const from = record([1, 1, 0, 1, 1, 1]);
  const sample = augmented(
    [
      ['u', 0.3],
      ['n', 0],
      ['u', 1],
      ['u', 0.5],
    ],
    from,
  );
  assert.equal(sample.flip, true);
  assert.deepEqual(sample.center, [49, 60]);
  assert.deepEqual([...sample.visible], [1, 0, 1, 1, 1, 1]);
  assert.deepEqual([...sample.keypoints], [59, 10, 0, 0, 69, 20, 54, 80, 64, 80, 59, 100]);
});

test('with flip off there is no draw for it', () => {
  const draws = [
    ['u', 0.3],
    ['n', 0],
    ['u', 1],
  ] as const;
  assert.equal(augmented(draws, record(), { flip: false }).flip, false);
});

test('half body is drawn only with more than the given number of visible keypoints', () => {
  augmented(
    [
      ['n', 0],
      ['u', 1],
      ['u', 1],
    ],
    record([1, 1, 1, 1, 0, 0]),
  );
});

test('a normal draw below one half takes the upper body, padded by half', () => {
  const sample = augmented([
    ['u', 0.29],
    ['n', 0.49],
    ['n', 0],
    ['u', 1],
    ['u', 1],
  ]);
  // x 30 … 50, y 10 … 20: the box is 20 x 10, made 20 x 26.67 for the aspect 3:4.
  assert.deepEqual(sample.center, [40, Math.fround(50 / 3)]);
  assert.ok(Math.abs(sample.scale[0] - 0.15) < 1e-7);
  assert.ok(Math.abs(sample.scale[1] - 0.2) < 1e-7);
});

test('otherwise the lower body is taken, or the upper one where too little of it is visible', () => {
  const lower = augmented([
    ['u', 0],
    ['n', 0.5],
    ['n', 0],
    ['u', 1],
    ['u', 1],
  ]);
  assert.deepEqual(lower.center, [40, Math.fround(260 / 3)]);
  const fewLower = record([1, 1, 1, 1, 1, 0]);
  const upper = augmented(
    [
      ['u', 0],
      ['n', 0.5],
      ['n', 0],
      ['u', 1],
      ['u', 1],
    ],
    fewLower,
  );
  assert.deepEqual(upper.center, [40, Math.fround(50 / 3)]);
  const fewUpper = record([1, 1, 0, 1, 1, 1]);
  const also = augmented(
    [
      ['u', 0],
      ['n', 0],
      ['n', 0],
      ['u', 1],
      ['u', 1],
    ],
    fewUpper,
  );
  assert.deepEqual(also.center, [40, Math.fround(260 / 3)]);
});

test('a half body of one keypoint changes nothing', () => {
  const draws = [
    ['u', 0],
    ['n', 0],
    ['n', 0],
    ['u', 1],
    ['u', 1],
  ] as const;
  const upperBody = [0];
  const change = { halfBodyKeypoints: 2, upperBody };
  const sample = augmented(draws, record([1, 1, 1, 0, 0, 0]), change);
  assert.deepEqual(sample.center, [50, 60]);
});

test('the same seed, epoch and sample give the same crop', () => {
  const draw = (index: number) =>
    augment(record(), 100, philox(4, 2, index, 'augment'), settings, skeleton);
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test('a crop holds its keypoints in input pixels, except those that are not visible', () => {
  const image = { width: 100, height: 100, data: new Uint8Array(30_000).fill(200) };
  const inputSize = { width: 30, height: 40 };
  const sample = plainSample(record([1, 1, 1, 1, 1, 0]));
  const crop = new Uint8Array(30 * 40 * 3);
  const keypoints = new Float32Array(12);
  cropSample(image, sample, inputSize, false, crop, keypoints);
  // 150 px of the picture are 30 px of the crop: x' = (x − 50) / 5 + 15, y' = (y − 60) / 5 + 20.
  assert.deepEqual([...keypoints.subarray(0, 4)], [13, 10, 11, 12]);
  assert.deepEqual([...keypoints.subarray(10)], [40, 100]);
  assert.equal(crop[(20 * 30 + 15) * 3], 200);
  assert.equal(crop[0], 0);
  cropSample(image, sample, inputSize, true, crop, keypoints);
  const x = ((40 - 50 + 75) * 29) / 150;
  const y = ((100 - 60 + 100) * 39) / 200;
  // The UDP matrix is float32.
  assert.ok(Math.abs(keypoints[10]! - x) < 1e-5 && Math.abs(keypoints[11]! - y) < 1e-5);
});
