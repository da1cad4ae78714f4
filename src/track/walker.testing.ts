// People who walk, as keypoints of COCO-17: for tests of tracking and smoothing.
import type { Rng } from '../data/rng.ts';
import type { SeenPerson } from './tracker.ts';

/** A standing person, in heights: x to the right of the middle, y down from the top. */
const standing: readonly (readonly [number, number])[] = [
  [0, 0.06],
  [0.02, 0.04],
  [-0.02, 0.04],
  [0.045, 0.05],
  [-0.045, 0.05],
  [0.11, 0.18],
  [-0.11, 0.18],
  [0.15, 0.35],
  [-0.15, 0.35],
  [0.16, 0.5],
  [-0.16, 0.5],
  [0.08, 0.52],
  [-0.08, 0.52],
  [0.09, 0.74],
  [-0.09, 0.74],
  [0.09, 0.96],
  [-0.09, 0.96],
];
const swinging: Readonly<Record<number, number>> = { 9: 0.1, 10: -0.1, 15: -0.12, 16: 0.12 };

export interface Walker {
  /** px at time 0, and px/s. */
  readonly x: number;
  readonly speed: number;
  readonly top: number;
  readonly height: number;
}

/** The walker at `time` s; wrists and ankles swing once a second. */
export function walkerAt({ x, speed, top, height }: Walker, time: number): SeenPerson {
  const middle = x + speed * time;
  const keypoints = Float32Array.from(
    standing.flatMap(([px, py], k) => {
      const swing = (swinging[k] ?? 0) * Math.sin(2 * Math.PI * time) * (speed === 0 ? 0 : 1);
      return [middle + (px + swing) * height, top + py * height, 0.9];
    }),
  );
  return { keypoints, box: [middle - 0.2 * height, top, 0.4 * height, height], score: 0.9 };
}

/** Every x and y moved by Gaussian noise of `sigma` px. */
export function shaken(person: SeenPerson, sigma: number, rng: Rng): SeenPerson {
  const keypoints = Float32Array.from(person.keypoints, (value, i) =>
    i % 3 === 2 ? value : value + sigma * rng.normal(),
  );
  return { ...person, keypoints };
}
