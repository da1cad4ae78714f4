import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assign } from './assignment.ts';

const total = (values: number[][], columns: readonly number[]) =>
  columns.reduce((sum, c, r) => sum + (c < 0 ? 0 : values[r]![c]!), 0);

/** The largest sum over all ways to pair. */
function best(values: number[][], least: number, row = 0, used = 0): number {
  if (row === values.length) return 0;
  let most = best(values, least, row + 1, used);
  values[row]!.forEach((value, c) => {
    if (value >= least && !(used & (1 << c)))
      most = Math.max(most, value + best(values, least, row + 1, used | (1 << c)));
  });
  return most;
}

test('the sum is that of the best of all pairings', () => {
  const matrices = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
    .chain(([rows, columns]) => {
      const row = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
        minLength: columns,
        maxLength: columns,
      });
      return fc.array(row, { minLength: rows, maxLength: rows });
    });
  fc.assert(
    fc.property(matrices, fc.constantFrom(0.001, 0.3, 0.8), (values, least) => {
      const columns = assign(values, least);
      const made = columns.filter((c) => c >= 0);
      assert.equal(new Set(made).size, made.length);
      columns.forEach((c, r) => {
        if (c >= 0) assert.ok(values[r]![c]! >= least);
      });
      // Sums of at most five doubles below 1.
      assert.ok(Math.abs(total(values, columns) - best(values, least)) < 1e-9);
    }),
    { numRuns: 300, seed: 7 },
  );
});

test('nothing to pair gives nothing', () => {
  assert.deepEqual(assign([], 0.5), []);
  assert.deepEqual(assign([[], []], 0.5), [-1, -1]);
  assert.deepEqual(assign([[0.1], [0.2]], 0.5), [-1, -1]);
});
