import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxNms, toBoxes } from './boxNms.ts';

test('what overlaps a surer box too much goes, what stands beside it stays', () => {
  const person = (x: number, score: number) => ({ box: [x, 0, 100, 200] as const, score });
  const boxes = [person(0, 0.9), person(20, 0.8), person(60, 0.7), person(500, 0.6)];
  // 80 of 120 shared is 0.67, 40 of 160 is 0.25.
  assert.deepEqual(
    boxNms(boxes, 0.65).map(({ score }) => score),
    [0.9, 0.7, 0.6],
  );
  assert.equal(boxNms(boxes, 0.7).length, 4);
});

test('boxes are cut off at the picture, sorted, and those outside are left out', () => {
  const size = { width: 100, height: 50 };
  const boxes = toBoxes(
    [
      { corners: [-10, -5, 30, 60], score: 0.4 },
      { corners: [120, 0, 140, 20], score: 0.9 },
      { corners: [90, 10, 105, 20], score: 0.8 },
      { corners: [10, 10, 10, 20], score: 0.7 },
    ],
    size,
  );
  assert.deepEqual(boxes, [
    { box: [90, 10, 10, 10], score: 0.8 },
    { box: [0, 0, 30, 50], score: 0.4 },
  ]);
});

test('an output that is not finite is an error, not a missing person', () => {
  const size = { width: 100, height: 50 };
  const corners = [0, 0, Number.NaN, 10] as const;
  assert.throws(() => toBoxes([{ corners, score: 0.5 }], size), /not finite/);
  assert.throws(() => toBoxes([{ corners: [0, 0, 9, 9], score: Number.NaN }], size), /not finite/);
});
