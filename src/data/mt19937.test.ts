import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mt19937 } from './mt19937.ts';

test('the 32-bit stream of seed 5489 is the published one', () => {
  const rng = mt19937(5489);
  assert.deepEqual([rng.uint32(), rng.uint32(), rng.uint32()], [3499211612, 581869302, 3890346734]);
  for (let i = 4; i < 10_000; i++) rng.uint32();
  assert.equal(rng.uint32(), 4123659995);
});

test('uniform and normal numbers of seed 99 are those of numpy', () => {
  const rng = mt19937(99);
  for (const want of [0.67227856, 0.4880784, 0.82549517]) {
    // The expected values have 8 decimals.
    assert.ok(Math.abs(rng.uniform() - want) < 5.1e-9);
  }
  const normals = [
    -1.7586452292782648, 0.5702104296010426, -0.6867722962416105, 1.3827622208788737,
    0.782687434367992,
  ];
  // A logarithm may differ by one unit in the last place between two libraries.
  for (const want of normals) assert.ok(Math.abs(rng.normal() - want) < 1e-15 * 4);
});

test('ten numbers are shuffled as numpy shuffles them', () => {
  const shuffled = (seed: number) => {
    const list = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    mt19937(seed).shuffle(list);
    return list;
  };
  assert.deepEqual(shuffled(0), [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]);
  assert.deepEqual(shuffled(1), [2, 9, 6, 4, 0, 3, 1, 7, 8, 5]);
});

test('whole numbers stay below their bound and reach every value', () => {
  const rng = mt19937(3);
  for (const n of [1, 2, 3, 7, 16, 17]) {
    const seen = new Set<number>();
    for (let i = 0; i < 500; i++) seen.add(rng.integer(n));
    assert.deepEqual(
      [...seen].sort((a, b) => a - b),
      [...Array(n).keys()],
    );
  }
  for (let i = 0; i < 100; i++) {
    const value = rng.integer(2 ** 32);
    assert.ok(value >= 0 && value < 2 ** 32);
  }
});
