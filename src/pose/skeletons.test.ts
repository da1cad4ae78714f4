import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HrposeError } from '../errors.ts';
import { coco17, mpii16, parseSkeleton, skeletons } from './skeletons.ts';

test('a skeleton that comes with the project passes the check for skeleton files', () => {
  for (const skeleton of Object.values(skeletons)) {
    assert.deepEqual(parseSkeleton(structuredClone(skeleton), 'skeleton.json'), skeleton);
  }
  assert.equal(coco17.keypoints.length, 17);
  assert.equal(mpii16.keypoints.length, 16);
});

test('mirroring exchanges left and right of the same part, and every sided point takes part', () => {
  for (const { keypoints, flipPairs } of Object.values(skeletons)) {
    for (const [a, b] of flipPairs) {
      const names = [keypoints[a], keypoints[b]].sort();
      assert.match(names[0], /^left_/);
      assert.equal(names[0].replace('left', 'right'), names[1]);
    }
    const sided = keypoints.filter((name) => /^(left|right)_/.test(name));
    assert.equal(flipPairs.length * 2, sided.length);
  }
});

test("COCO's sigmas are the official evaluator's doubles", () => {
  // As numpy prints them; the division by ten shows in the last digits.
  assert.deepEqual(
    coco17.oksSigmas,
    [
      0.026000000000000002, 0.025, 0.025, 0.034999999999999996, 0.034999999999999996, 0.079, 0.079,
      0.072, 0.072, 0.062, 0.062, 0.10700000000000001, 0.10700000000000001, 0.087, 0.087, 0.089,
      0.089,
    ],
  );
});

test('limbs and upper body may be left out of a skeleton file', () => {
  const { limbs, upperBody } = parseSkeleton(
    { name: 'hand', keypoints: ['wrist', 'tip'], flipPairs: [], oksSigmas: [0.05, 0.05] },
    'hand.json',
  );
  assert.deepEqual({ limbs, upperBody }, { limbs: [], upperBody: [] });
});

const good = {
  name: 'three',
  keypoints: ['a', 'b', 'c'],
  flipPairs: [[0, 1]],
  limbs: [[0, 2]],
  oksSigmas: [0.1, 0.1, 0.1],
  upperBody: [2],
};
const broken: [string, unknown, RegExp][] = [
  ['no object', [1], /expected a skeleton, an object with name, .*got \[1\]/],
  ['an unknown key', { ...good, flipPair: [] }, /unknown skeleton key 'flipPair'.*'flipPairs'/],
  ['no name', { ...good, name: '' }, /name: expected the skeleton's name, got ""/],
  ['no keypoints', { ...good, keypoints: undefined }, /keypoints: expected a list, got nothing/],
  ['too few keypoints', { ...good, keypoints: [] }, /expected 1 to 1024 names, got 0/],
  ['a keypoint twice', { ...good, keypoints: ['a', 'b', 'a'] }, /keypoints\[2\]: 'a'.*twice/],
  ['a keypoint that is no name', { ...good, keypoints: ['a', 2] }, /keypoints\[1\].*got 2/],
  ['a pair out of range', { ...good, flipPairs: [[0, 3]] }, /flipPairs\[0\].*0 to 2, got \[0,3\]/],
  ['half a pair', { ...good, limbs: [[0]] }, /limbs\[0\].*got \[0\]/],
  ['a pair of one', { ...good, limbs: [[1, 1]] }, /limbs\[0\]: joins keypoint 1 with itself/],
  [
    'overlapping flips',
    {
      ...good,
      flipPairs: [
        [0, 1],
        [1, 2],
      ],
    },
    /keypoint 1 is in more than one pair/,
  ],
  ['too few sigmas', { ...good, oksSigmas: [0.1] }, /each of 3 keypoints, got 1/],
  ['a sigma of zero', { ...good, oksSigmas: [0.1, 0, 0.1] }, /oksSigmas\[1\].*above 0, got 0/],
  ['a fractional index', { ...good, upperBody: [0.5] }, /upperBody\[0\].*got 0.5/],
  ['an index twice', { ...good, upperBody: [1, 1] }, /upperBody\[1\]: keypoint 1.*twice/],
];
for (const [name, value, message] of broken) {
  test(`a skeleton with ${name} is refused with a message that says so`, () => {
    assert.throws(
      () => parseSkeleton(value, 'file.json'),
      (error: Error) => {
        assert.ok(error instanceof HrposeError && error.exitCode === 3);
        assert.match(error.message, message);
        assert.match(error.message, /^file\.json: /);
        return true;
      },
    );
  });
}
