// From a person's box to the center and scale that every crop is described by (spec 3.4).
import { widenToAspect } from '../pose/affine.ts';

/**
 * Whether all numbers are finite and at most a million px: no picture reaches as far, and float32,
 * in which crops are kept, still tells its pixels apart.
 */
export const isWithinReach = (box: ArrayLike<number>): boolean =>
  Array.from(box).every((value) => Number.isFinite(value) && Math.abs(value) <= 1e6);

/**
 * box: x, y, width, height in px; aspect: width over height of the network's input.
 * The box grows on one side to that aspect, then by a quarter; scale is its size over `pixelStd`.
 * Results are float32 values, as the annotations of a data set are kept.
 */
export function boxToCenterScale(
  [x, y, width, height]: readonly [number, number, number, number],
  aspect: number,
  pixelStd: number,
): { center: [number, number]; scale: [number, number] } {
  const center: [number, number] = [Math.fround(x + width / 2), Math.fround(y + height / 2)];
  const padding = center[0] === -1 ? 1 : 1.25;
  const [w, h] = widenToAspect(width, height, aspect);
  const padded = (side: number) => Math.fround(Math.fround(side / pixelStd) * padding);
  return { center, scale: [padded(w), padded(h)] };
}
