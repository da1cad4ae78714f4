// Two ways to do one thing, in turn on one device: results are compared first, then both are timed.
import { median } from '../../src/train/median.ts';

/** One of the two. */
export interface Side {
  /** Hands the device so many repetitions. */
  run(count: number): void | Promise<void>;
  /** What a repetition makes; of one that changes its own input, what is there after those that ran. */
  results(): Promise<readonly Float32Array[]>;
  close(): void;
}

export interface Race {
  readonly what: string;
  open(): { readonly ours: Side; readonly theirs: Side };
}

/** Milliseconds of a repetition, over the rounds. */
export interface Times {
  readonly fastest: number;
  readonly median: number;
}

export interface Outcome {
  readonly ours: Times;
  readonly theirs: Times;
  /** Theirs over ours, of the fastest rounds: what disturbs a round only makes it slower. */
  readonly ratio: number;
}

/** A timed round lasts at least this long, so that the way to the device does not count. */
const leastMilliseconds = 20;
/** Largest difference over the largest magnitude: float32 sums in another order. */
const tolerance = 1e-4;

/** Wall clock from the first call to the device's word that all is done. */
export async function race(device: GPUDevice, { what, open }: Race, rounds: number) {
  const { ours, theirs } = open();
  const sides = [ours, theirs];
  const milliseconds = async (side: Side, count: number) => {
    const start = performance.now();
    await side.run(count);
    await device.queue.onSubmittedWorkDone();
    return (performance.now() - start) / count;
  };
  try {
    for (const side of sides) await milliseconds(side, 1);
    const [a, b] = [await ours.results(), await theirs.results()];
    a.forEach((values, i) => {
      expectEqual(values, b[i]!, `${what}, result ${i}`);
    });
    const first = [await milliseconds(ours, 1), await milliseconds(theirs, 1)];
    const count = Math.max(1, Math.ceil(leastMilliseconds / Math.min(...first)));
    if (count > 1) for (const side of sides) await milliseconds(side, count);
    const times: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++)
      for (const side of [0, 1] as const) times[side].push(await milliseconds(sides[side]!, count));
    return outcome(...times);
  } finally {
    for (const side of sides) side.close();
  }
}

export function outcome(ours: readonly number[], theirs: readonly number[]): Outcome {
  const times = (all: readonly number[]) => ({ fastest: Math.min(...all), median: median(all) });
  const both = { ours: times(ours), theirs: times(theirs) };
  return { ...both, ratio: both.theirs.fastest / both.ours.fastest };
}

function expectEqual(a: Float32Array, b: Float32Array, what: string): void {
  const magnitude = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const off = a.findIndex((value, i) => !(Math.abs(value - b[i]!) <= tolerance * magnitude));
  if (off >= 0 || a.length !== b.length)
    throw new Error(`${what}: the results differ: ${a[off]} and ${b[off]} at ${off}`);
}
