// Halves as they lie on the device, made and read on the host. Used by tests only.
import { halfToNumber } from '../../formats/tensor.ts';
import { halfBits } from '../../onnx/half.ts';

/** The words of packed halves, as floats of the same bits. */
export function packHalves(values: Float32Array): Float32Array {
  return new Float32Array(Uint16Array.from(values, halfBits).buffer);
}

/** What a half keeps of a number. */
export const asHalf = (value: number): number => halfToNumber(halfBits(value));

export function unpackHalves(words: Float32Array): Float32Array {
  const halves = new Uint16Array(words.buffer, words.byteOffset, words.length * 2);
  return Float32Array.from(halves, halfToNumber);
}
