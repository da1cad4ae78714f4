import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { didYouMean, editDistance, nearest } from './nearest.ts';

test('the distance counts insertions, deletions, changes and swaps of neighbours', () => {
  const cases: [string, string, number][] = [
    ['', '', 0],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['trian', 'train', 1],
    ['eval', 'evla', 1],
  ];
  for (const [a, b, expected] of cases) assert.equal(editDistance(a, b), expected, `${a} ${b}`);
});

test('the distance is symmetric and bounded by the longer word', () => {
  const word = fc.string({ maxLength: 12 });
  const property = fc.property(word, word, (a, b) => {
    const distance = editDistance(a, b);
    assert.equal(distance, editDistance(b, a));
    assert.ok(distance <= Math.max(a.length, b.length));
    assert.equal(distance === 0, a === b);
  });
  fc.assert(property, { seed: 7 });
});

test('the nearest word is found across case, dashes and whole parts, and nothing far is offered', () => {
  const words = ['batch_size', 'base_lr', 'schedulers', 'train'];
  assert.equal(nearest('batchsize', words), 'batch_size');
  assert.equal(nearest('Batch-Size', words), 'batch_size');
  assert.equal(nearest('lr', words), 'base_lr');
  assert.equal(nearest('trian', words), 'train');
  assert.equal(nearest('zzz', words), undefined);
  assert.equal(didYouMean('trian', words), " Did you mean 'train'?");
  assert.equal(didYouMean('zzz', words), '');
});
