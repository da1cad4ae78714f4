// Elements that do not lie in row-major order, brought into it.

/** Elements of a strided view, in row-major order. Strides and offset in elements, `size` in bytes. */
export function gather(
  bytes: Uint8Array,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  size: number,
): Uint8Array {
  const count = shape.reduce((a, b) => a * b, 1);
  const result = new Uint8Array(count * size);
  const place = shape.map(() => 0);
  let from = offset;
  for (let i = 0; i < count; i++) {
    for (let b = 0; b < size; b++) result[i * size + b] = bytes[from * size + b]!;
    for (let d = shape.length - 1; d >= 0; d--) {
      from += strides[d]!;
      if (++place[d]! < shape[d]!) break;
      from -= place[d]! * strides[d]!;
      place[d] = 0;
    }
  }
  return result;
}

/** Strides of a tensor whose last index (row-major) or first index (column-major) moves by one. */
export const rowMajorStrides = (shape: readonly number[]): number[] =>
  shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
export const columnMajorStrides = (shape: readonly number[]): number[] =>
  shape.map((_, d) => shape.slice(0, d).reduce((a, b) => a * b, 1));

/** Big-endian elements as little-endian ones. */
export function swapBytes(bytes: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) result[i] = bytes[i - (i % size) + size - 1 - (i % size)]!;
  return result;
}
