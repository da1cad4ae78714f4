// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): random
// numbers as a function of a key and a counter. A sample's numbers depend on nothing but the seed,
// the epoch, the sample and the purpose, so neither on the number of workers nor on what ran before.
import { type Rng, rngFrom } from './rng.ts';

const rounds = 10;

/**
 * The stream of one purpose for one sample of one epoch.
 *   seed: a whole number below 2⁵³; epoch, sample: below 2³²; purpose: a name, or a number below 2³²
 */
export function philox(seed: number, epoch: number, sample: number, purpose: string | number): Rng {
  const key = Uint32Array.of(seed, Math.floor(seed / 2 ** 32));
  const name = typeof purpose === 'string' ? fnv1a(purpose) : purpose;
  const counter = Uint32Array.of(0, sample, epoch, name);
  const block = new Uint32Array(4);
  let left = 0;
  return rngFrom(() => {
    if (left === 0) {
      philoxBlock(counter, key, block);
      counter[0]!++;
      left = 4;
    }
    return block[4 - left--]!;
  });
}

/** out (4 numbers) = the block of random bits at `counter` (4 numbers) under `key` (2 numbers). */
export function philoxBlock(counter: Uint32Array, key: Uint32Array, out: Uint32Array): void {
  let [c0, c1, c2, c3] = counter as unknown as [number, number, number, number];
  let [k0, k1] = key as unknown as [number, number];
  for (let round = 0; round < rounds; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high2 = multiplyHigh(0xcd9e8d57, c2);
    const low2 = Math.imul(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [high2 ^ c1 ^ k0, low2, high0 ^ c3 ^ k1, low0];
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) | 0;
}

/** A 32-bit number for a name (FNV-1a over its UTF-16 units). */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
