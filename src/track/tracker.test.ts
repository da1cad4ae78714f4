import assert from 'node:assert/strict';
import { test } from 'node:test';
import { philox } from '../data/philox.ts';
import { coco17 } from '../pose/skeletons.ts';
import { followPeople, nobodyYet } from './follow.ts';
import { usualOneEuro } from './oneEuro.ts';
import {
  advanceTracks,
  expectedBoxes,
  noTracks,
  type SeenPerson,
  type TrackerState,
  usualTracking,
} from './tracker.ts';
import { shaken, type Walker, walkerAt } from './walker.testing.ts';

const options = { ...usualTracking, oksSigmas: coco17.oksSigmas };
const rate = 30;

/** ids of every frame, [frames][people]. */
function follow(frames: readonly (readonly SeenPerson[])[], fps = rate) {
  let state: TrackerState = noTracks;
  return frames.map((people, t) => {
    const step = advanceTracks(state, people, t / fps, options);
    state = step.state;
    return step.ids;
  });
}

const left: Walker = { x: 100, speed: 120, top: 40, height: 200 };
const right: Walker = { x: 460, speed: -120, top: 44, height: 195 };

test('two people who cross keep their numbers, whatever order they come in', () => {
  const rng = philox(3, 0, 0, 'cross');
  const frames = Array.from({ length: 90 }, (_, t) => {
    const people = [left, right].map((who) => shaken(walkerAt(who, t / rate), 1.5, rng));
    return t % 2 === 0 ? people : people.reverse();
  });
  follow(frames).forEach((ids, t) => {
    assert.deepEqual(t % 2 === 0 ? ids : [...ids].reverse(), [1, 2], `frame ${t}`);
  });
});

test('somebody who is hidden while the other passes comes back under the same number', () => {
  const rng = philox(3, 0, 0, 'hidden');
  const hidden = (t: number) => t >= 38 && t < 52; // They meet at frame 45.
  const frames = Array.from({ length: 90 }, (_, t) => {
    const [a, b] = [left, right].map((who) => shaken(walkerAt(who, t / rate), 1.5, rng));
    return hidden(t) ? [a!] : [a!, b!];
  });
  follow(frames).forEach((ids, t) => {
    assert.deepEqual(ids, hidden(t) ? [1] : [1, 2], `frame ${t}`);
  });
});

test('the same at 10 frames a second, where people move far between frames', () => {
  const frames = Array.from({ length: 30 }, (_, t) =>
    [left, right].map((w) => walkerAt(w, t / 10)),
  );
  for (const ids of follow(frames, 10)) assert.deepEqual(ids, [1, 2]);
});

test('who was lost for too long is somebody new, and numbers are not given twice', () => {
  const still = walkerAt({ x: 200, speed: 0, top: 20, height: 200 }, 0);
  const gap = (frames: number) => [[still], ...Array.from({ length: frames }, () => []), [still]];
  assert.deepEqual(follow(gap(options.lostFrames)).at(-1), [1]);
  assert.deepEqual(follow(gap(options.lostFrames + 1)).at(-1), [2]);
});

test('an unsure pose follows somebody known but is nobody new', () => {
  const still = walkerAt({ x: 200, speed: 0, top: 20, height: 200 }, 0);
  const faint = { ...still, score: 0.1 };
  assert.deepEqual(follow([[faint], [still], [faint]]), [[undefined], [1], [1]]);
});

test('where too few keypoints are seen the boxes tell who it is', () => {
  const still = walkerAt({ x: 200, speed: 0, top: 20, height: 200 }, 0);
  const blurred = {
    ...still,
    keypoints: Array.from(still.keypoints, (value, i) => (i % 3 === 2 ? 0.01 : value + 30)),
  };
  assert.deepEqual(follow([[still], [blurred]]), [[1], [1]]);
});

test('a pose that is all wrong belongs to whoever is looked for in that box', () => {
  const still = walkerAt({ x: 200, speed: 0, top: 20, height: 200 }, 0);
  const far = Array.from(still.keypoints, (value, i) => (i % 3 === 2 ? value : value + 400));
  assert.deepEqual(follow([[still], [{ ...still, keypoints: far }]]), [[1], [1]]);
});

test('boxes for the next frame lead the way of who walks', () => {
  let state: TrackerState = noTracks;
  for (let t = 0; t < 20; t++)
    state = advanceTracks(state, [walkerAt(left, t / rate)], t / rate, options).state;
  const time = 22 / rate;
  const [x, y, w, h] = expectedBoxes(state, time)[0]!.box;
  const { box } = walkerAt(left, time);
  // Within a twentieth of the height: the swing of arms and legs moves the box that much.
  assert.ok(Math.abs(x + w / 2 - (box[0] + box[2] / 2)) < 10, `${x + w / 2}`);
  assert.ok(y <= box[1] + 4 && y + h >= box[1] + box[3] - 4);
});

test('smoothing leaves the walkers where they are, and a walker that comes back is not pulled', () => {
  const rng = philox(5, 0, 0, 'smooth');
  let state = nobodyYet;
  let worst = 0;
  for (let t = 0; t < 90; t++) {
    if (t > 40 && t < 48) continue;
    const truth = walkerAt(left, t / rate);
    const step = followPeople(state, [shaken(truth, 1, rng)], t / rate, {
      tracking: options,
      smoothing: usualOneEuro,
    });
    state = step.state;
    assert.equal(step.people[0]!.id, 1);
    step.people[0]!.keypoints.forEach((value, i) => {
      if (i % 3 < 2) worst = Math.max(worst, Math.abs(value - truth.keypoints[i]!));
    });
  }
  // Noise of 1 px reaches 4; the swinging wrist (0.6 heights/s, turning) lags by up to 0.03 heights.
  assert.ok(worst < 8, `${worst}`);
});
