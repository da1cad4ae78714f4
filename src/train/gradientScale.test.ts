import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstGradientScale, type GradientScale, nextGradientScale } from './gradientScale.ts';

/** The scale after so many steps, all alike. */
function after(steps: number, overflow: boolean, from = firstGradientScale): GradientScale {
  let scale = from;
  for (let i = 0; i < steps; i++) scale = nextGradientScale(scale, overflow);
  return scale;
}

test('an overflow halves the scale and starts the count of good steps anew', () => {
  const counted = after(7, false);
  assert.deepEqual(counted, { scale: 2 ** 16, goodSteps: 7 });
  assert.deepEqual(nextGradientScale(counted, true), { scale: 2 ** 15, goodSteps: 0 });
});

test('a thousand good steps double the scale, up to a largest one', () => {
  assert.deepEqual(after(999, false), { scale: 2 ** 16, goodSteps: 999 });
  assert.deepEqual(after(1000, false), { scale: 2 ** 17, goodSteps: 0 });
  assert.equal(after(20_000, false).scale, 2 ** 24);
});

test('a run in which every step overflows ends as a numerical error', () => {
  const last = after(26, true);
  assert.equal(last.scale, 2 ** -10);
  assert.throws(() => nextGradientScale(last, true), { exitCode: 5, message: /without --amp f16/ });
});
