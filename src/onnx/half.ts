// float32 → IEEE 754 binary16, as exported models of half precision hold their weights.
import { numericalError } from '../errors.ts';

const largestHalf = 65504;
/** From here on a value rounds to infinity. */
const overflow = 65520;

/** The bits of the nearest half, ties to even. Values beyond the largest half become infinite. */
export function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= overflow) return sign | 0x7c00;
  // Below 2^-14 halves are whole multiples of 2^-24; above, of 2^(exponent − 10).
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const units = roundToEven(size * 2 ** (10 - exponent));
  // With the hidden bit in `units` a carry into the exponent comes out right by itself.
  return sign | (exponent === -14 ? units : (exponent + 14) * 1024 + units);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/** A tensor in half precision; a numericalError where a value does not fit. */
export function toHalf(name: string, values: Float32Array): Uint16Array {
  const at = values.findIndex((value) => !(Math.abs(value) < overflow));
  if (at >= 0) {
    throw numericalError(
      `fp16: '${name}' holds ${values[at]} at index ${at}, and half precision ends at ${largestHalf}. Export with --precision fp32.`,
    );
  }
  return Uint16Array.from(values, halfBits);
}
