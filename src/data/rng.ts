// What every random number generator of the project offers, made from a stream of 32-bit numbers.

/** A stream of random numbers. Its state is its own; nothing is shared. */
export interface Rng {
  /** In [0, 1), 53 random bits. */
  uniform(): number;
  /** Mean 0, deviation 1. */
  normal(): number;
  /** A whole number in 0 … n − 1, for 1 ≤ n ≤ 2³². */
  integer(n: number): number;
}

/**
 * uniform = (a·2²⁶ + b) / 2⁵³ from 27 and 26 high bits of two draws; normal by the polar method, in
 * pairs; integer by masking and trying again (no draw for n = 1).
 */
export function rngFrom(uint32: () => number): Rng {
  let kept: number | undefined;
  const uniform = () => ((uint32() >>> 5) * 67108864 + (uint32() >>> 6)) / 9007199254740992;
  const normal = () => {
    if (kept !== undefined) {
      const value = kept;
      kept = undefined;
      return value;
    }
    let x1: number;
    let x2: number;
    let r2: number;
    do {
      x1 = 2 * uniform() - 1;
      x2 = 2 * uniform() - 1;
      r2 = x1 * x1 + x2 * x2;
    } while (r2 >= 1 || r2 === 0);
    const f = Math.sqrt((-2 * Math.log(r2)) / r2);
    kept = f * x1;
    return f * x2;
  };
  const integer = (n: number) => {
    if (n <= 1) return 0;
    const mask = 0xffffffff >>> Math.clz32(n - 1);
    let value: number;
    do value = (uint32() & mask) >>> 0;
    while (value >= n);
    return value;
  };
  return { uniform, normal, integer };
}
