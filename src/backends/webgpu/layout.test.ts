import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack, unpack } from './layout.ts';

const counted = (n: number) => Float32Array.from({ length: n }, (_, i) => i + 1);

test('channels go last and are filled up with zeros', () => {
  const packed = pack(counted(6), [1, 3, 1, 2], 'channelsLast');
  assert.deepEqual([...packed], [1, 3, 5, 0, 2, 4, 6, 0]);
});

test('weights go by place, input channel, output channel, filled up with zeros', () => {
  const packed = pack(counted(4), [2, 1, 1, 2], 'weights');
  const rest = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  assert.deepEqual([...packed], [1, 3, 0, 0, ...rest, 2, 4, 0, 0, ...rest]);
});

test('plain values are filled up to a whole vector', () => {
  assert.deepEqual([...pack(counted(5), [5], 'plain')], [1, 2, 3, 4, 5, 0, 0, 0]);
});

test('what was packed comes back', () => {
  const shape = [3, 5, 2, 7];
  for (const layout of ['plain', 'channelsLast', 'weights'] as const) {
    assert.deepEqual(
      unpack(pack(counted(210), shape, layout), shape, layout),
      counted(210),
      layout,
    );
  }
});
