// The One-Euro filter on a person's keypoints: slow movements are smoothed strongly, fast ones hardly,
// so that a still person does not tremble and a quick hand does not lag. After Casiez, Roussel and
// Vogel, "1€ Filter", CHI 2012; speeds are taken in body sizes, so that it works alike near and far.
//   low-pass of cutoff f over a pause dt:  y += α·(x − y),  α = 1 / (1 + τ/dt),  τ = 1 / (2π·f)
//   f = minCutoff + beta·speed,  speed = |low-passed derivative of x| / size
// At a constant speed v the result lags by v·τ, always less than size / (2π·beta).

export interface OneEuroOptions {
  /** Cutoff of a point at rest, Hz: lower trembles less, and starts moving later. */
  readonly minCutoff: number;
  /** Added to the cutoff for each body size a second, Hz: higher lags less. */
  readonly beta: number;
  /** Cutoff of the speed's own low-pass, Hz. */
  readonly derivativeCutoff: number;
  /** A point with a lower score passes unfiltered, and starts anew when it is seen again. */
  readonly leastScore: number;
  /** After a longer pause all points start anew, s. */
  readonly longestPause: number;
}

export const usualOneEuro: OneEuroOptions = {
  minCutoff: 1,
  beta: 15,
  derivativeCutoff: 1,
  leastScore: 0.2,
  longestPause: 0.5,
};

/** What the filter remembers of one person. */
export interface OneEuroState {
  /** [K, 3]: filtered x, y in px and the score as it came. */
  readonly keypoints: Float32Array;
  /** [K, 2] low-passed derivative, px/s. */
  readonly speeds: Float64Array;
  /** [K] 1 where a point has a past to be filtered with. */
  readonly known: Uint8Array;
  /** s */
  readonly time: number;
}

/** How far a low-pass follows its input within `dt` s, 0 to 1. */
export const lowPassGain = (cutoff: number, dt: number) =>
  1 / (1 + 1 / (2 * Math.PI * cutoff * dt));

/**
 * One step: the state after `keypoints` ([K, 3] x, y, score) at `time` (s, later than before), of a
 * person `size` px tall. The filtered keypoints are the state's.
 */
export function oneEuro(
  before: OneEuroState | undefined,
  keypoints: ArrayLike<number>,
  time: number,
  size: number,
  options: OneEuroOptions = usualOneEuro,
): OneEuroState {
  const count = keypoints.length / 3;
  const dt = before === undefined ? 0 : time - before.time;
  if (before !== undefined && !(dt > 0)) {
    throw new RangeError(`oneEuro: time ${time} s is not after ${before.time} s`);
  }
  const past = before !== undefined && dt <= options.longestPause ? before : undefined;
  const after = {
    keypoints: Float32Array.from(keypoints),
    speeds: new Float64Array(count * 2),
    known: new Uint8Array(count),
    time,
  };
  for (let k = 0; k < count; k++) {
    if (!(keypoints[3 * k + 2]! >= options.leastScore)) continue;
    after.known[k] = 1;
    if (past?.known[k]) filterPoint(past, after, k, dt, Math.max(size, 1), options);
  }
  return after;
}

function filterPoint(
  past: OneEuroState,
  after: OneEuroState,
  k: number,
  dt: number,
  size: number,
  { minCutoff, beta, derivativeCutoff }: OneEuroOptions,
): void {
  const follow = lowPassGain(derivativeCutoff, dt);
  for (const axis of [0, 1]) {
    const [i, j] = [3 * k + axis, 2 * k + axis];
    const slope = (after.keypoints[i]! - past.keypoints[i]!) / dt;
    after.speeds[j] = past.speeds[j]! + follow * (slope - past.speeds[j]!);
  }
  // One cutoff for both axes, so that a slanted path is not bent.
  const speed = Math.hypot(after.speeds[2 * k]!, after.speeds[2 * k + 1]!) / size;
  const gain = lowPassGain(minCutoff + beta * speed, dt);
  for (const axis of [0, 1]) {
    const i = 3 * k + axis;
    const from = past.keypoints[i]!;
    after.keypoints[i] = from + gain * (after.keypoints[i]! - from);
  }
}
