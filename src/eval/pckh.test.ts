import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HrposeError } from '../errors.ts';
import { coco17, mpii16 } from '../pose/skeletons.ts';
import { evaluatePckh, type PckhInput } from './pckh.ts';

/** N people, 100 px in x between keypoints, head boxes of size 10 after the factor 0.6. */
function people(count: number, errors: (n: number, k: number) => number): PckhInput {
  const predictions: number[] = [];
  const groundTruth: number[] = [];
  for (let n = 0; n < count; n++) {
    for (let k = 0; k < 16; k++) {
      groundTruth.push(100 * k + 1, 50 + 1);
      predictions.push(100 * k + 0.6 * errors(n, k), 50 - 0.8 * errors(n, k));
    }
  }
  const headBoxes = Array.from({ length: count }, () => [5, 5, 5 + 10, 5 + 40 / 3]).flat();
  return { predictions, groundTruth, visible: Array(16 * count).fill(1), headBoxes };
}

const part = ({ parts }: ReturnType<typeof evaluatePckh>, name: string) =>
  parts.find((entry) => entry.name === name)?.score;

test('predictions count from 0 and the ground truth from 1', () => {
  const scores = evaluatePckh(
    people(2, () => 0),
    mpii16,
  );
  assert.deepEqual([scores.mean, scores.meanAt01], [100, 100]);
  assert.deepEqual(
    scores.parts.map(({ name }) => name),
    ['Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle'],
  );
});

test('a keypoint is right up to half a head, and for the fine score up to 0.11', () => {
  // Head size 0.6 · |(10, 40/3)| = 10 px.
  const at = (error: number) => {
    const { mean, meanAt01 } = evaluatePckh(
      people(1, () => error),
      mpii16,
    );
    return [mean, meanAt01];
  };
  assert.deepEqual(at(1.09), [100, 100]);
  assert.deepEqual(at(1.11), [100, 0]);
  assert.deepEqual(at(4.99), [100, 0]);
  assert.deepEqual(at(5.01), [0, 0]);
});

test('parts are means of left and right; the mean weighs keypoints by how many are visible', () => {
  // Right wrists (10) are wrong in person 0, all left ankles (5) wrong, pelvis (6) always wrong.
  const input = people(4, (n, k) => ((k === 10 && n === 0) || k === 5 || k === 6 ? 20 : 0));
  const visible = Array.from({ length: 64 }, (_, i) => (i % 16 === 5 && i > 16 ? 0 : 1));
  const scores = evaluatePckh({ ...input, visible }, mpii16);
  assert.equal(part(scores, 'Wrist'), (75 + 100) / 2);
  assert.equal(part(scores, 'Ankle'), (0 + 100) / 2);
  assert.equal(part(scores, 'Head'), 100);
  assert.equal(scores.keypoints[6], 0);
  // 13 averaged keypoints of 4 people and one left ankle of one: 53 visible, 2 of them wrong.
  assert.equal(scores.mean, (100 * 51) / 53);
});

test('a keypoint that is never visible has no score and no weight', () => {
  const visible = Array.from({ length: 32 }, (_, i) => (i % 16 === 9 ? 0 : 1));
  const scores = evaluatePckh({ ...people(2, () => 0), visible }, mpii16);
  assert.equal(part(scores, 'Head'), Number.NaN);
  assert.equal(scores.mean, 100);
});

test('arrays that do not fit together or a skeleton without the parts are refused', () => {
  const input = people(2, () => 0);
  const refuses = (action: () => unknown, message: RegExp) =>
    assert.throws(
      action,
      (error: Error) => error instanceof HrposeError && message.test(error.message),
    );
  refuses(() => evaluatePckh({ ...input, headBoxes: [1, 2, 3] }, mpii16), /head boxes \[N, 4\]/);
  refuses(() => evaluatePckh({ ...input, visible: [1] }, mpii16), /got 64, 64, 1 and 8 numbers/);
  const coco = {
    predictions: Array(34).fill(0),
    groundTruth: Array(34).fill(1),
    visible: Array(17).fill(1),
    headBoxes: [0, 0, 1, 1],
  };
  refuses(() => evaluatePckh(coco, coco17), /no keypoint 'head_top'/);
});
