import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeFlipped } from './flipTest.ts';

const pairs = [[1, 2]] as const;

/** [1, 3, 2, 5] with ones at the given (keypoint, y, x). */
function oneHot(...cells: readonly (readonly [number, number, number])[]): Float32Array {
  const maps = new Float32Array(3 * 2 * 5);
  for (const [k, y, x] of cells) maps[(k * 2 + y) * 5 + x] = 1;
  return maps;
}

function merged(straight: Float32Array, mirrored: Float32Array, shift: boolean): Float32Array {
  const out = straight.slice();
  mergeFlipped(out, mirrored, [1, 3, 2, 5], pairs, shift);
  return out;
}

test('the mirrored map is turned back and left and right change places', () => {
  const got = merged(oneHot([1, 1, 3]), oneHot([2, 1, 1]), false);
  assert.deepEqual(got, oneHot([1, 1, 3]));
  const unpaired = merged(oneHot([0, 0, 4]), oneHot([0, 0, 0]), false);
  assert.deepEqual(unpaired, oneHot([0, 0, 4]));
});

test('both maps count one half', () => {
  const got = merged(oneHot([0, 0, 1]), oneHot([0, 0, 1]), false);
  assert.deepEqual(
    got,
    oneHot([0, 0, 1], [0, 0, 3]).map((v) => v / 2),
  );
});

test('shifting moves one column to the right, and column 0 keeps its value', () => {
  const zero = oneHot();
  const inner = merged(zero, oneHot([0, 0, 3]), true);
  assert.deepEqual(
    inner,
    oneHot([0, 0, 2]).map((v) => v / 2),
  );
  const firstColumn = merged(zero, oneHot([0, 1, 4]), true);
  assert.deepEqual(
    firstColumn,
    oneHot([0, 1, 0], [0, 1, 1]).map((v) => v / 2),
  );
  const lastColumn = merged(zero, oneHot([0, 1, 0]), true);
  assert.deepEqual(lastColumn, zero);
});

test('persons of a batch are merged with their own maps', () => {
  const straight = new Float32Array(2 * 3 * 10);
  const mirrored = Float32Array.of(...oneHot([1, 0, 0]), ...oneHot([2, 1, 4]));
  mergeFlipped(straight, mirrored, [2, 3, 2, 5], pairs, false);
  const want = Float32Array.of(...oneHot([2, 0, 4]), ...oneHot([1, 1, 0]));
  assert.deepEqual(
    straight,
    want.map((v) => v / 2),
  );
});
