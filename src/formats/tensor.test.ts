import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Dtype, elementCount, halfToNumber, toFloat32 } from './tensor.ts';

const bytes = (array: ArrayBufferView) => new Uint8Array(array.buffer);
const values = (dtype: Dtype, array: ArrayBufferView) => [
  ...toFloat32({ dtype, shape: [], data: bytes(array) }),
];

test('every element type converts to float32', () => {
  assert.deepEqual(values('F32', Float32Array.of(1.5, -0)), [1.5, -0]);
  assert.deepEqual(values('F64', Float64Array.of(0.1)), [Math.fround(0.1)]);
  assert.deepEqual(values('BF16', Uint16Array.of(0x3f80, 0xc040, 0x7f80)), [1, -3, Infinity]);
  assert.deepEqual(values('F16', Uint16Array.of(0x3c00, 0xc200, 0x3555)), [1, -3, 0.333251953125]);
  assert.deepEqual(values('I64', BigInt64Array.of(-5n, 2n ** 40n)), [-5, 2 ** 40]);
  assert.deepEqual(values('I32', Int32Array.of(-5, 7)), [-5, 7]);
  assert.deepEqual(values('I16', Int16Array.of(-5, 7)), [-5, 7]);
  assert.deepEqual(values('I8', Int8Array.of(-5, 7)), [-5, 7]);
  assert.deepEqual(values('U8', Uint8Array.of(255)), [255]);
  assert.deepEqual(values('BOOL', Uint8Array.of(0, 1)), [0, 1]);
});

test('half floats cover subnormals, the largest value and the specials', () => {
  assert.equal(halfToNumber(1), 2 ** -24);
  assert.equal(halfToNumber(0x83ff), -1023 * 2 ** -24);
  assert.equal(halfToNumber(0x0400), 2 ** -14);
  assert.equal(halfToNumber(0x7bff), 65504);
  assert.equal(halfToNumber(0xfc00), -Infinity);
  assert.ok(Number.isNaN(halfToNumber(0x7c01)));
  assert.ok(Object.is(halfToNumber(0x8000), -0));
});

test('aligned float32 is a view, unaligned float32 a copy with the same values', () => {
  const source = Float32Array.of(1, 2, 3);
  const data = bytes(source);
  assert.equal(toFloat32({ dtype: 'F32', shape: [3], data }).buffer, source.buffer);
  const shifted = new Uint8Array(13);
  shifted.set(data, 1);
  const copy = toFloat32({ dtype: 'F32', shape: [3], data: shifted.subarray(1) });
  assert.deepEqual([...copy], [1, 2, 3]);
});

test('elements are counted only where the count is exact', () => {
  assert.equal(elementCount([]), 1);
  assert.equal(elementCount([2, 3, 4]), 24);
  assert.equal(elementCount([2 ** 52, 2 ** 52, 0]), 0);
  assert.equal(elementCount([2 ** 52, 2]), undefined);
});
