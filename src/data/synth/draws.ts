// Small draws on top of a random stream.
import type { Rng } from '../rng.ts';

export const between = (rng: Rng, low: number, high: number): number =>
  low + (high - low) * rng.uniform();
export const chance = (rng: Rng, probability: number): boolean => rng.uniform() < probability;
export const pick = <T>(rng: Rng, choices: readonly T[]): T =>
  choices[rng.integer(choices.length)] as T;
/** A normal draw held within two deviations. */
export const around = (rng: Rng, mean: number, deviation: number): number =>
  mean + deviation * Math.max(-2, Math.min(2, rng.normal()));

/** One of the choices, each as likely as its weight. */
export function pickWeighted<T>(rng: Rng, choices: readonly (readonly [T, number])[]): T {
  let left = rng.uniform() * choices.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [choice, weight] of choices) {
    left -= weight;
    if (left < 0) return choice;
  }
  return choices[choices.length - 1]![0];
}
