// What drawn people do: families of poses with every angle drawn around a typical value.
// Angles are in degrees. The arms and legs of a family are told apart by which side leads.
import type { Rng } from '../rng.ts';
import { around, between, chance, pickWeighted } from './draws.ts';
import {
  type ArmPose,
  arm,
  arms,
  type Draw,
  idleArm,
  type LegPose,
  leg,
  standing,
  swung,
} from './limbPoses.ts';

export interface Pose {
  readonly name: string;
  readonly pelvisPitch: number;
  readonly pelvisRoll: number;
  readonly spine: { readonly twist: number; readonly bend: number; readonly side: number };
  readonly head: { readonly yaw: number; readonly pitch: number; readonly roll: number };
  readonly leftArm: ArmPose;
  readonly rightArm: ArmPose;
  readonly leftLeg: LegPose;
  readonly rightLeg: LegPose;
  readonly seated: boolean;
}

const looking = (rng: Rng) => ({
  yaw: around(rng, 0, 15),
  pitch: around(rng, 2, 9),
  roll: around(rng, 0, 6),
});
const straight = (rng: Rng, bend = 0) => ({
  twist: around(rng, 0, 7),
  bend: around(rng, bend, 4),
  side: around(rng, 0, 4),
});

type Family = (rng: Rng, leads: boolean) => Omit<Pose, 'name'>;

/** Gives the first limb to the left side where the left leads, else to the right. */
const sided = <T>(leads: boolean, a: T, b: T): [T, T] => (leads ? [a, b] : [b, a]);

const families = {
  stand: (rng, leads) => {
    const relaxed = chance(rng, 0.4) ? leg(13, 6, around(rng, 24, 6), 14) : standing(rng);
    const [leftLeg, rightLeg] = sided(leads, standing(rng), relaxed);
    const both = chance(rng, 0.12) ? arms.folded : undefined;
    return {
      pelvisPitch: 0,
      pelvisRoll: around(rng, 0, 3),
      spine: straight(rng),
      head: looking(rng),
      leftArm: both ? both(rng) : idleArm(rng),
      rightArm: both ? both(rng) : idleArm(rng),
      leftLeg,
      rightLeg,
      seated: false,
    };
  },
  walk: (rng, leads) => {
    const stride = between(rng, 13, 27);
    const front = leg(stride, 2, around(rng, 6, 3), 5);
    const back = leg(-stride * 0.7, 2, around(rng, 22, 9), 5, 18);
    const [leftLeg, rightLeg] = sided(leads, front, back);
    const [leftArm, rightArm] = sided(
      leads,
      swung(rng, -stride * 0.8, 16),
      chance(rng, 0.2) ? idleArm(rng) : swung(rng, stride, 24),
    );
    return {
      pelvisPitch: 2,
      pelvisRoll: around(rng, 0, 2),
      spine: straight(rng, 3),
      head: looking(rng),
      leftArm,
      rightArm,
      leftLeg,
      rightLeg,
      seated: false,
    };
  },
  run: (rng, leads) => {
    const front = leg(around(rng, 48, 9), 2, around(rng, 68, 14), 3, 10);
    const back = leg(around(rng, -16, 6), 2, around(rng, 48, 18), 3, 30);
    const [leftLeg, rightLeg] = sided(leads, front, back);
    const [leftArm, rightArm] = sided(leads, swung(rng, -42, 84), swung(rng, 30, 88));
    return {
      pelvisPitch: 7,
      pelvisRoll: 0,
      spine: straight(rng, 9),
      head: looking(rng),
      leftArm,
      rightArm,
      leftLeg,
      rightLeg,
      seated: false,
    };
  },
  sit: (rng) => {
    const spread = around(rng, 8, 4);
    const thigh = () => leg(around(rng, 86, 4), spread, around(rng, 84, 10), 8);
    const hands = pickWeighted<Draw<ArmPose>>(rng, [
      [arms.inLap, 4],
      [arms.holding, 2],
      [arms.folded, 0.7],
    ]);
    return {
      pelvisPitch: around(rng, -4, 4),
      pelvisRoll: 0,
      spine: straight(rng, 6),
      head: looking(rng),
      leftArm: hands(rng),
      rightArm: chance(rng, 0.3) ? idleArm(rng) : hands(rng),
      leftLeg: thigh(),
      rightLeg: thigh(),
      seated: true,
    };
  },
  crouch: (rng) => {
    const thigh = () => leg(around(rng, 88, 6), around(rng, 10, 4), around(rng, 112, 7), 12, 6);
    return {
      pelvisPitch: 10,
      pelvisRoll: 0,
      spine: straight(rng, 18),
      head: { ...looking(rng), pitch: around(rng, -10, 8) },
      leftArm: arms.inLap(rng),
      rightArm: chance(rng, 0.5) ? arms.reaching(rng) : arms.inLap(rng),
      leftLeg: thigh(),
      rightLeg: thigh(),
      seated: false,
    };
  },
  lunge: (rng, leads) => {
    const front = leg(around(rng, 52, 8), 6, around(rng, 52, 10), 6);
    const back = leg(around(rng, -18, 5), 5, around(rng, 22, 8), 6, 22);
    const [leftLeg, rightLeg] = sided(leads, front, back);
    const [leftArm, rightArm] = sided(leads, idleArm(rng), arms.reaching(rng));
    return {
      pelvisPitch: 5,
      pelvisRoll: 0,
      spine: straight(rng, 8),
      head: looking(rng),
      leftArm,
      rightArm,
      leftLeg,
      rightLeg,
      seated: false,
    };
  },
  kick: (rng, leads) => {
    const free = leg(around(rng, 58, 14), 6, around(rng, 18, 10), 5, 30);
    const [leftLeg, rightLeg] = sided(leads, free, leg(-4, 3, around(rng, 10, 5)));
    return {
      pelvisPitch: -4,
      pelvisRoll: 0,
      spine: straight(rng, 4),
      head: looking(rng),
      leftArm: arms.sideways(rng),
      rightArm: arms.sideways(rng),
      leftLeg,
      rightLeg,
      seated: false,
    };
  },
  brace: (rng) => {
    const wide = () => leg(around(rng, 22, 7), around(rng, 17, 5), around(rng, 30, 9), 14);
    return {
      pelvisPitch: 8,
      pelvisRoll: 0,
      spine: straight(rng, 16),
      head: { ...looking(rng), pitch: around(rng, -8, 6) },
      leftArm: chance(rng, 0.5) ? arms.holding(rng) : arms.sideways(rng),
      rightArm: chance(rng, 0.5) ? arms.holding(rng) : arms.reaching(rng),
      leftLeg: wide(),
      rightLeg: wide(),
      seated: false,
    };
  },
  cheer: (rng) => {
    const stance = () => leg(around(rng, 8, 6), around(rng, 9, 4), around(rng, 16, 10), 9, 10);
    return {
      pelvisPitch: 0,
      pelvisRoll: 0,
      spine: straight(rng, -3),
      head: { ...looking(rng), pitch: around(rng, -8, 7) },
      leftArm: arms.raised(rng),
      rightArm: chance(rng, 0.7) ? arms.raised(rng) : arms.waving(rng),
      leftLeg: stance(),
      rightLeg: stance(),
      seated: false,
    };
  },
  stoop: (rng) => {
    const stance = () => leg(around(rng, 42, 7), around(rng, 6, 3), around(rng, 14, 8), 8);
    return {
      pelvisPitch: 32,
      pelvisRoll: 0,
      spine: straight(rng, 24),
      head: { ...looking(rng), pitch: around(rng, -16, 8) },
      leftArm: arm(around(rng, 52, 10), 84, around(rng, 22, 10), [-0.1, 1, 0.2]),
      rightArm: arm(around(rng, 52, 10), 84, around(rng, 22, 10), [-0.1, 1, 0.2]),
      leftLeg: stance(),
      rightLeg: stance(),
      seated: false,
    };
  },
} satisfies Record<string, Family>;

export function drawPose(rng: Rng): Pose {
  const name = pickWeighted<keyof typeof families>(rng, [
    ['stand', 40],
    ['walk', 20],
    ['sit', 13],
    ['run', 6],
    ['lunge', 4],
    ['kick', 3],
    ['brace', 5],
    ['cheer', 5],
    ['crouch', 2],
    ['stoop', 2],
  ]);
  return { name, ...families[name](rng, chance(rng, 0.5)) };
}

/** Which way a person faces: 0 towards the viewer, 90 to the right of the picture, 180 away. */
export function drawFacing(rng: Rng): number {
  const side = chance(rng, 0.5) ? 1 : -1;
  return pickWeighted<() => number>(rng, [
    [() => around(rng, 0, 18), 54],
    [() => side * between(rng, 25, 60), 26],
    [() => side * between(rng, 60, 105), 12],
    [() => 180 + around(rng, 0, 25), 8],
  ])();
}
