// How a drawn person is built. Lengths are in statures: a standing adult is 1 tall.
import type { Rng } from '../rng.ts';
import { around, between, chance } from './draws.ts';

export interface Build {
  readonly child: boolean;
  /** Half the distance between the shoulder joints, and between the hip joints. */
  readonly shoulderHalf: number;
  readonly hipHalf: number;
  /** From the hip line to the base of the neck. */
  readonly trunk: number;
  readonly upperArm: number;
  readonly forearm: number;
  readonly thigh: number;
  readonly shin: number;
  /** Factors on the thickness of limbs, of the waist and on the size of the head. */
  readonly girth: number;
  readonly waist: number;
  readonly head: number;
}

export function drawBuild(rng: Rng): Build {
  const child = chance(rng, 0.15);
  const broad = between(rng, 0, 1);
  const legs = around(rng, child ? 0.92 : 1, 0.03);
  const arms = around(rng, child ? 0.94 : 1, 0.025);
  return {
    child,
    shoulderHalf: (child ? 0.088 : 0.094) + 0.018 * broad,
    hipHalf: around(rng, 0.055, 0.003),
    trunk: around(rng, child ? 0.3 : 0.29, 0.008),
    upperArm: 0.17 * arms,
    forearm: 0.145 * arms,
    thigh: 0.245 * legs,
    shin: 0.24 * legs,
    girth: Math.exp(around(rng, 0.02, 0.12)),
    waist: around(rng, 0.86 + 0.14 * broad, 0.1),
    head: around(rng, child ? 1.36 : 1.16, 0.04),
  };
}
