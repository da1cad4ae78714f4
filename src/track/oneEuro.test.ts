import assert from 'node:assert/strict';
import { test } from 'node:test';
import { philox } from '../data/philox.ts';
import { type OneEuroState, oneEuro, usualOneEuro } from './oneEuro.ts';
import { shaken, walkerAt } from './walker.testing.ts';

const rate = 30;
const size = 300;

/** Root mean square of the change from frame to frame, px: what is seen as trembling. */
function tremble(frames: readonly ArrayLike<number>[]): number {
  let [sum, count] = [0, 0];
  for (let t = 1; t < frames.length; t++) {
    for (let i = 0; i < frames[t]!.length; i++) {
      if (i % 3 === 2) continue;
      sum += (frames[t]![i]! - frames[t - 1]![i]!) ** 2;
      count++;
    }
  }
  return Math.sqrt(sum / count);
}

test('a still person trembles at most a quarter as much', () => {
  const rng = philox(1, 0, 0, 'tremble');
  const still = walkerAt({ x: 200, speed: 0, top: 20, height: size }, 0);
  // 1.5 px at a height of 300: what heatmaps of a quarter of the input's size scatter by.
  const raw = Array.from({ length: 90 }, () => shaken(still, 1.5, rng).keypoints);
  let state: OneEuroState | undefined;
  const smooth = raw.map((keypoints, t) => {
    state = oneEuro(state, keypoints, t / rate, size);
    return state.keypoints;
  });
  assert.ok(tremble(smooth.slice(10)) < tremble(raw.slice(10)) / 4, `${tremble(smooth)}`);
});

test('at a constant speed the lag stays below size / (2π·beta)', () => {
  const bound = size / (2 * Math.PI * usualOneEuro.beta);
  for (const sizesPerSecond of [0.05, 0.3, 1, 3]) {
    const speed = sizesPerSecond * size;
    let state: OneEuroState | undefined;
    let lag = 0;
    for (let t = 0; t < 3 * rate; t++) {
      const x = (speed * t) / rate;
      state = oneEuro(state, [x, 0, 1], t / rate, size);
      lag = x - state.keypoints[0]!;
    }
    assert.ok(lag >= 0 && lag < bound, `${sizesPerSecond} sizes/s: ${lag} px of ${bound}`);
  }
});

test('a sudden start is followed to within a tenth of the way in a fifth of a second', () => {
  let state: OneEuroState | undefined;
  const frames = rate * 2;
  for (let t = 0; t < frames; t++) {
    const x = t < rate ? 0 : Math.min(t - rate + 1, 6) * 20;
    state = oneEuro(state, [x, 0, 1], t / rate, size);
    if (t === rate + 6) assert.ok(Math.abs(state.keypoints[0]! - x) < 12, `${state.keypoints[0]}`);
  }
});

test('the frame rate changes the result little: time counts, not frames', () => {
  const last = (fps: number) => {
    let state: OneEuroState | undefined;
    for (let t = 0; t <= fps; t++) state = oneEuro(state, [(100 * t) / fps, 0, 1], t / fps, size);
    return state!.keypoints[0]!;
  };
  assert.ok(Math.abs(last(30) - last(120)) < 1, `${last(30)} and ${last(120)}`);
});

test('a point that was not seen starts anew where it is seen again', () => {
  let state = oneEuro(undefined, [0, 0, 0.9], 0, size);
  state = oneEuro(state, [500, 500, 0.05], 1 / rate, size);
  assert.deepEqual([...state.keypoints.slice(0, 2)], [500, 500]);
  state = oneEuro(state, [40, 40, 0.9], 2 / rate, size);
  assert.deepEqual([...state.keypoints.slice(0, 2)], [40, 40]);
});

test('a long pause makes everything start anew; time must rise', () => {
  const before = oneEuro(undefined, [0, 0, 1], 0, size);
  const after = oneEuro(before, [50, 0, 1], 2, size);
  assert.equal(after.keypoints[0], 50);
  assert.throws(() => oneEuro(after, [50, 0, 1], 2, size), /is not after/);
});
