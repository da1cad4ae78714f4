import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { temporaryFolder } from '../../temporaryFolder.testing.ts';
import { checkCase, conformanceCases } from '../conformance.ts';
import { ChoiceCache } from './choiceCache.ts';
import { createDnnlBackend, fastBfloat16 } from './index.ts';
import { type ConvChoices, prefer } from './search.ts';

const winograd = createDnnlBackend({ search: prefer('winograd') });
const bfloat16 = createDnnlBackend({ precision: 'bf16' });
after(() => {
  winograd.close();
  bfloat16.close();
});

/**
 * Winograd's F(4×4, 3×3) multiplies by up to 25/4 on the way in and 8 on the way out and subtracts much of
 * it again: rounding is some ten times that of a direct sum.
 */
const winogradTolerance = { value: 1e-4, gradient: 1e-3 };
const withConvolution = conformanceCases.filter(({ graph }) =>
  graph.nodes.some(({ op }) => op.startsWith('conv2d')),
);

for (const one of withConvolution) {
  test(`Winograd and reference agree: ${one.name}`, () =>
    checkCase(winograd, one, { tolerance: winogradTolerance, readsBack: false }));
}

/**
 * bfloat16 has 8 bits: every tensor between kernels is rounded by up to 2⁻⁹ of each value, and a case holds a
 * few of them in a row; gradients are sums of products of such tensors.
 */
const bfloat16Tolerance = { value: 2e-2, gradient: 5e-2 };
const noBfloat16 = fastBfloat16() ? false : 'this CPU has no bfloat16 instructions';

for (const one of withConvolution) {
  test(`bfloat16 and reference agree: ${one.name}`, { skip: noBfloat16 }, () =>
    checkCase(bfloat16, one, { tolerance: bfloat16Tolerance, readsBack: false }),
  );
}

const folder = temporaryFolder();
const choice = { algorithm: 'winograd', layout: 'blocked' } as const;

test('choices are kept in a file and found by the next process', () => {
  const file = join(folder, 'deep', 'choices.json');
  const first: ConvChoices & { save(): void } = new ChoiceCache(file, false);
  assert.equal(first.find('a'), undefined);
  first.keep('a', choice, 1.23456);
  first.save();
  const next = new ChoiceCache(file, false);
  assert.equal(next.find('a')?.algorithm, 'winograd');
  assert.equal(new ChoiceCache(file, true).find('a'), undefined, 'full measures again');
  next.keep('b', choice, 2);
  next.save();
  assert.deepEqual(Object.keys(JSON.parse(readFileSync(file, 'utf8')).choices), ['a', 'b']);
});

test('a file of choices that is broken or of another format counts as none', () => {
  const file = join(folder, 'broken.json');
  for (const text of [
    '',
    '{"format":1',
    '{"format":9,"choices":{}}',
    '[]',
    '{"format":1,"choices":{"a":{"algorithm":"magic"}}}',
  ]) {
    writeFileSync(file, text);
    const cache = new ChoiceCache(file, false);
    assert.equal(cache.find('a'), undefined);
    cache.keep('a', choice, 1);
    cache.save();
    assert.equal(new ChoiceCache(file, false).find('a')?.layout, 'blocked');
  }
});
