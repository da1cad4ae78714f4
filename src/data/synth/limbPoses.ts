// Poses of single arms and legs, every angle drawn around a typical value, in degrees.
import type { Rng } from '../rng.ts';
import { around, pickWeighted } from './draws.ts';
import type { Vec3 } from './vector.ts';

export interface ArmPose {
  /** From hanging (0) through level (90) to straight up (180). */
  readonly raise: number;
  /** Where the raised arm points: outwards (0), forwards (90), backwards (-90). */
  readonly azimuth: number;
  readonly flex: number;
  /** Where the flexed forearm goes: [outwards, up, forwards] of the chest. */
  readonly bendTowards: Vec3;
}

export interface LegPose {
  /** Thigh forwards. */
  readonly lift: number;
  /** Thigh outwards. */
  readonly spread: number;
  readonly bend: number;
  readonly toeOut: number;
  /** Foot pointed, as when it leaves the ground. */
  readonly point: number;
}

/** An arm's pose from its angles. */
export const arm = (raise: number, azimuth: number, flex: number, bendTowards: Vec3): ArmPose => ({
  raise,
  azimuth,
  flex,
  bendTowards,
});

export type Draw<T> = (rng: Rng) => T;

/** What arms do, for a left and a right one alike. */
export const arms = {
  hanging: (r) => arm(around(r, 10, 4), around(r, 20, 20), around(r, 16, 8), [-0.1, 0, 1]),
  onHip: (r) => arm(around(r, 44, 4), around(r, -12, 10), around(r, 92, 8), [-1, -0.2, 0.25]),
  waving: (r) => arm(around(r, 88, 12), around(r, 14, 10), around(r, 78, 20), [0.1, 1, 0.1]),
  raised: (r) => arm(around(r, 152, 12), around(r, 18, 15), around(r, 18, 12), [-0.6, 0.2, 0.6]),
  reaching: (r) => arm(around(r, 72, 12), around(r, 78, 10), around(r, 18, 10), [-0.2, 1, 0]),
  holding: (r) => arm(around(r, 30, 8), around(r, 62, 12), around(r, 104, 14), [-0.35, 1, 0.3]),
  folded: (r) => arm(around(r, 28, 5), around(r, 55, 8), around(r, 92, 6), [-1, 0, 0.35]),
  sideways: (r) => arm(around(r, 80, 10), around(r, 4, 10), around(r, 14, 10), [0, 0.3, 1]),
  inLap: (r) => arm(around(r, 20, 6), around(r, 70, 12), around(r, 58, 10), [-0.4, 0.2, 1]),
} satisfies Record<string, Draw<ArmPose>>;

/** An arm that swings by so many degrees as its owner walks or runs. */
export const swung = (rng: Rng, forwards: number, flex: number): ArmPose =>
  arm(Math.abs(forwards) + 4, forwards > 0 ? 78 : -72, around(rng, flex, 8), [-0.15, 0.2, 1]);

export const leg = (
  lift: number,
  spread: number,
  bend: number,
  toeOut = 8,
  point = 0,
): LegPose => ({
  lift,
  spread,
  bend: Math.max(0, bend),
  toeOut,
  point,
});
export const standing = (r: Rng) =>
  leg(around(r, 2, 3), around(r, 4, 2), around(r, 4, 3), around(r, 9, 5));

/** Whatever an arm may do while its owner stands about. */
export const idleArm = (rng: Rng): ArmPose =>
  pickWeighted<Draw<ArmPose>>(rng, [
    [arms.hanging, 8],
    [arms.onHip, 2],
    [arms.holding, 3],
    [arms.waving, 1.5],
    [arms.raised, 1],
    [arms.reaching, 1],
    [arms.sideways, 0.8],
  ])(rng);
