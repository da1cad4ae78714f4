import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { runCalls, unwritten } from './conv/harness.testing.ts';
import { asHalf, packHalves, unpackHalves } from './halves.testing.ts';
import { narrowed, vectors, widened } from './halves.ts';
import { openNodeGpu } from './nodeDevice.ts';
import { perElement, read, readWrite } from './wgsl.ts';

const gpu = await openNodeGpu();
after(() => gpu.close());

const convert = (from: 'f32' | 'f16', to: 'f32' | 'f16', count: number) =>
  perElement({
    label: `${from} to ${to}`,
    bindings: [read('x', vectors(from)), readWrite('y', vectors(to))],
    count,
    body: `  y[i] = ${narrowed(to, widened(from, 'x[i]'))};`,
  });

/** Numbers that halves hold, their neighbours, the smallest and the largest. */
const numbers = Float32Array.of(
  ...[0, 1, -2, 0.1, -0.3, 1 / 3, 2049, 2051, 65504, -65519, 2 ** -14, -(2 ** -14)],
  ...[2 ** -24, 3 * 2 ** -24, 1023 * 2 ** -24, 1.0004883],
);

test('halves are read as what they hold', async () => {
  const arrays = { x: packHalves(numbers), y: unwritten(numbers.length) };
  const shader = convert('f16', 'f32', numbers.length / 4);
  const { y } = await runCalls(gpu, arrays, [{ shader, arrays: ['x', 'y'] }], ['y']);
  assert.deepEqual(y, numbers.map(asHalf));
});

test('numbers are written as the nearest half, ties to even', async () => {
  const arrays = { x: numbers, y: unwritten(numbers.length / 2) };
  const shader = convert('f32', 'f16', numbers.length / 4);
  const { y } = await runCalls(gpu, arrays, [{ shader, arrays: ['x', 'y'] }], ['y']);
  assert.deepEqual(unpackHalves(y!), numbers.map(asHalf));
});

test('what no half can hold becomes NaN and leaves its neighbours alone', async () => {
  const beyond = [65520, -65521, 1e38, Number.POSITIVE_INFINITY, Number.NaN];
  const x = Float32Array.from(beyond.flatMap((value) => [value, 1, 2, 3, 1, value, 2, 3]));
  const y = unwritten(x.length / 2);
  const shader = convert('f32', 'f16', x.length / 4);
  const results = await runCalls(gpu, { x, y }, [{ shader, arrays: ['x', 'y'] }], ['y']);
  const expected = x.map((value) => (Math.abs(value) <= 3 ? value : Number.NaN));
  assert.deepEqual(unpackHalves(results.y!), expected);
});
