// The Mersenne Twister as numpy's legacy RandomState seeds and reads it, so that the order of an
// epoch is the one that PaddleDetection's batch sampler makes (spec 3.6, 3.11).
import { type Rng, rngFrom } from './rng.ts';

const N = 624;
const M = 397;

export interface Mt19937 extends Rng {
  /** The next 32 random bits, 0 … 2³² − 1. */
  uint32(): number;
  /** In place, from the last element down. */
  shuffle(array: { length: number; [index: number]: number }): void;
}

export function mt19937(seed: number): Mt19937 {
  const state = new Uint32Array(N);
  state[0] = seed;
  for (let i = 1; i < N; i++) {
    const previous = state[i - 1]! ^ (state[i - 1]! >>> 30);
    state[i] = Math.imul(previous, 1812433253) + i;
  }
  let next = N;
  const uint32 = () => {
    if (next === N) {
      twist(state);
      next = 0;
    }
    let y = state[next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  const rng = rngFrom(uint32);
  const shuffle: Mt19937['shuffle'] = (array) => {
    for (let i = array.length - 1; i > 0; i--) {
      const j = rng.integer(i + 1);
      const kept = array[i]!;
      array[i] = array[j]!;
      array[j] = kept;
    }
  };
  return { ...rng, uint32, shuffle };
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < N; i++) {
    const y = (state[i]! & 0x80000000) | (state[(i + 1) % N]! & 0x7fffffff);
    state[i] = state[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
  }
}
