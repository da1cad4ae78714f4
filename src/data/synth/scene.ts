// The draws behind one picture: its camera and light, how large its people are, where they stand.
import type { Size } from '../record.ts';
import type { Rng } from '../rng.ts';
import type { Build } from './build.ts';
import type { Canvas } from './canvas.ts';
import { around, between, chance, pickWeighted } from './draws.ts';
import { poseJoints } from './joints.ts';
import { project, type View } from './mesh.ts';
import { drawOutfit } from './outfit.ts';
import { clothColour, shade } from './paints.ts';
import type { Figure } from './person.ts';
import { drawFacing, drawPose } from './poses.ts';
import { type Frame, turn, unit, type Vec3 } from './vector.ts';

/** Everything a person is drawn from. */
export interface Placement {
  readonly figure: Figure;
  readonly view: View;
}

export interface Scene {
  readonly canvas: Canvas;
  readonly horizon: number;
  /** Camera height in statures: how far below the horizon the feet of a person are. */
  readonly eyeLevel: number;
  /** Degrees that the camera looks down. */
  readonly pitch: number;
  readonly light: Vec3;
  readonly ambient: number;
}

/** Sizes of common photographs, and how often each is drawn. */
export const photoSizes: readonly (readonly [Size, number])[] = [
  [{ width: 640, height: 480 }, 4],
  [{ width: 640, height: 427 }, 3],
  [{ width: 480, height: 640 }, 2],
  [{ width: 500, height: 375 }, 2],
  [{ width: 427, height: 640 }, 1],
  [{ width: 375, height: 500 }, 1],
];

export function drawScene(canvas: Canvas, rng: Rng): Scene {
  return {
    canvas,
    horizon: between(rng, 0.2, 0.48) * canvas.height,
    eyeLevel: between(rng, 0.75, 1.25),
    pitch: between(rng, -1, 10),
    light: unit([between(rng, -0.9, 0.9), between(rng, 0.35, 1), between(rng, 0.1, 0.9)]),
    ambient: between(rng, 0.44, 0.64),
  };
}

/** Statures in px, nearest first; COCO's people are mostly 80 to 450 px tall. */
export function drawStatures(size: Size, rng: Rng): number[] {
  const count = pickWeighted<number>(rng, [
    [1, 40],
    [2, 33],
    [3, 17],
    [4, 10],
  ]);
  const unitPx = Math.max(size.height, size.width * 0.75) / 480;
  const largest = Math.min(470 * unitPx, size.height);
  return Array.from({ length: count }, () =>
    Math.exp(between(rng, Math.log(105 * unitPx), Math.log(largest))),
  ).sort((a, b) => b - a);
}

/** Where the person's left, up and forwards lie for a camera that looks down by `pitch` degrees. */
function facingFrame(facing: number, pitch: number): Frame {
  const seen = (v: Vec3) => turn(turn(v, [0, 1, 0], facing), [1, 0, 0], pitch);
  return { left: seen([1, 0, 0]), up: seen([0, 1, 0]), forward: seen([0, 0, 1]) };
}

export function drawFigure(build: Build, scene: Scene, rng: Rng): Figure {
  const pose = drawPose(rng);
  const stance = facingFrame(drawFacing(rng), scene.pitch + around(rng, 0, 2));
  const rucksack = !pose.seated && chance(rng, 0.08);
  return {
    build,
    joints: poseJoints(build, pose, stance),
    outfit: drawOutfit(rng),
    stance,
    ...(pose.seated && {
      seat: { colour: shade([128, 92, 62], between(rng, 0.3, 1.6)), back: chance(rng, 0.6) },
    }),
    ...(rucksack && { rucksack: clothColour(rng) }),
  };
}

/** Stands a figure on the ground at x, some of it perhaps below the lower edge. */
export function placeFigure(
  figure: Figure,
  stature: number,
  x: number,
  scene: Scene,
  rng: Rng,
): Placement {
  const tall = stature * (figure.build.child ? 0.7 : 1);
  const { leftLeg, rightLeg } = figure.joints;
  const view: View = {
    scale: tall,
    x,
    y: 0,
    distance: between(rng, 3.5, 9),
    light: scene.light,
    ambient: scene.ambient,
  };
  const soles = [leftLeg, rightLeg].map(({ ankle }) => project(view, ankle)[1] + 0.045 * tall);
  const cut = chance(rng, 0.7) ? -0.015 : between(rng, 0, 0.42);
  const feet = Math.min(scene.horizon + scene.eyeLevel * stature, scene.canvas.height + cut * tall);
  return { figure, view: { ...view, y: feet - Math.max(...soles) } };
}

/** The best of a few tries to keep clear of the people already there by a share of their size. */
export function drawX(
  scene: Scene,
  stature: number,
  others: readonly Placement[],
  rng: Rng,
): number {
  const wanted = between(rng, 0.28, 0.6);
  let [best, bestGap] = [0, -1];
  for (let attempt = 0; attempt < 6; attempt++) {
    const x = between(rng, 0.04, 0.96) * scene.canvas.width;
    const gap = Math.min(
      ...others.map(({ view }) => Math.abs(view.x - x) / ((view.scale + stature) / 2)),
      wanted,
    );
    if (gap > bestGap) [best, bestGap] = [x, gap];
  }
  return best;
}
