// A tensor as files hold it: element type, shape, little-endian bytes. Shared by every weight
// format; computing happens elsewhere, in float32.
import { inputError } from '../errors.ts';

/** Element types with their size in bytes, in the order in which safetensors sorts them. */
export const dtypeBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
} as const;

export type Dtype = keyof typeof dtypeBytes;

export interface Tensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Row-major little-endian elements; often a view of the whole file, at any byte offset. */
  readonly data: Uint8Array;
}

/** Product of the sides; undefined where it is no whole number below 2^53. */
export function elementCount(shape: readonly number[]): number | undefined {
  if (shape.includes(0)) return 0;
  const count = shape.reduce((product, side) => product * side, 1);
  return Number.isSafeInteger(count) ? count : undefined;
}

export const formatShape = (shape: readonly number[]) => `[${shape.join(', ')}]`;

/** The tensor's elements as float32: a view where that is possible, else a converted copy. */
export function toFloat32({ dtype, data }: Tensor): Float32Array {
  switch (dtype) {
    case 'F32':
      return elements(Float32Array, data);
    case 'F64':
      return Float32Array.from(elements(Float64Array, data));
    case 'F16':
      return Float32Array.from(elements(Uint16Array, data), halfToNumber);
    case 'BF16':
      return new Float32Array(Uint32Array.from(elements(Uint16Array, data), (b) => b << 16).buffer);
    case 'I64':
      return Float32Array.from(elements(BigInt64Array, data), Number);
    case 'I32':
      return Float32Array.from(elements(Int32Array, data));
    case 'I16':
      return Float32Array.from(elements(Int16Array, data));
    case 'I8':
      return Float32Array.from(elements(Int8Array, data));
    case 'U8':
    case 'BOOL':
      return Float32Array.from(data);
    default:
      throw inputError(`tensor: no conversion from '${dtype satisfies never}' to float32.`);
  }
}

interface ElementArray<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, offset: number, length: number): T;
}

/** Bytes as an array of the given kind; copied first if they do not lie on its alignment. */
function elements<T>(kind: ElementArray<T>, bytes: Uint8Array): T {
  const size = kind.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new kind(aligned.buffer, aligned.byteOffset, Math.floor(aligned.byteLength / size));
}

/** IEEE 754 binary16 bits → number. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
