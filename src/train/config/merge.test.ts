import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../temporaryFolder.testing.ts';
import { loadConfigTree, mergeNodes } from './merge.ts';
import { toPlain } from './node.ts';
import { parseYaml, yamlLimits } from './yaml.ts';

const folder = temporaryFolder();

/** Writes files (path → text) and loads the first. */
function load(files: Record<string, string>): unknown {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return toPlain(loadConfigTree(join(folder, Object.keys(files)[0]!), []));
}

const merge = (base: string, over: string) =>
  toPlain(mergeNodes(parseYaml(base, 'base.yml'), parseYaml(over, 'over.yml')));

test('maps merge key by key; everything else is replaced as a whole', () => {
  assert.deepEqual(merge('a: {x: 1, y: {p: 1, q: 2}}\nb: [1, 2]', 'a: {y: {q: 3}}\nb: [4]\nc: 5'), {
    a: { x: 1, y: { p: 1, q: 3 } },
    b: [4],
    c: 5,
  });
});

test('a tagged map replaces and is replaced as one object, but an untagged one adds arguments', () => {
  assert.deepEqual(merge('a: !One {x: 1, y: 2}', 'a: !Two {z: 3}'), { a: { name: 'Two', z: 3 } });
  assert.deepEqual(merge('a: {x: 1}', 'a: !Two {z: 3}'), { a: { name: 'Two', z: 3 } });
  assert.deepEqual(merge('a: !One {x: 1}', 'a: {name: Two}'), { a: { name: 'Two' } });
  assert.deepEqual(merge('a: !One {x: 1}', 'a: {y: 2}'), { a: { name: 'One', x: 1, y: 2 } });
});

test('bases are found beside the including file, merged in order, and the including file wins', () => {
  const loaded = load({
    'top/main.yml': '_BASE_: [../base/one.yml, ../base/two.yml]\nc: main',
    'base/one.yml': '_BASE_: zero.yml\na: one\nb: one\nc: one',
    'base/two.yml': 'b: two\nc: two',
    'base/zero.yml': 'a: zero\nz: zero',
  });
  assert.deepEqual(loaded, { a: 'one', z: 'zero', b: 'two', c: 'main' });
});

test('a base may be used twice, but not by itself', () => {
  assert.deepEqual(
    load({
      'main.yml': '_BASE_: [l.yml, r.yml]',
      'l.yml': '_BASE_: [d.yml]\nl: 1',
      'r.yml': '_BASE_: [d.yml]\nr: 1',
      'd.yml': 'd: 1',
    }),
    { d: 1, l: 1, r: 1 },
  );
  assert.throws(() => load({ 'x.yml': '_BASE_: [y.yml]', 'y.yml': 'a: 1\n_BASE_: [x.yml]' }), {
    exitCode: 3,
    message: /y\.yml:2: _BASE_ goes in a circle: .*x\.yml -> .*y\.yml -> .*x\.yml/,
  });
});

test('files that branch without end are stopped', () => {
  const doubling: Record<string, string> = {};
  for (let i = 0; i < 15; i++) doubling[`n${i}.yml`] = `_BASE_: [n${i + 1}.yml, n${i + 1}.yml]`;
  assert.throws(() => load({ ...doubling, 'n15.yml': 'a: 1' }), { message: /or 64 in all/ });
});

test('a config that cannot be read says which and why', () => {
  assert.throws(() => load({ 'm.yml': 'a: 1\n_BASE_: [gone.yml]' }), {
    exitCode: 3,
    message: /m\.yml:2: cannot read the config file '.*gone\.yml': no such file/,
  });
  assert.throws(() => loadConfigTree(folder, []), { message: /is not a file/ });
  assert.throws(() => load({ 'l.yml': '- 1' }), {
    message: /expected 'key: value' settings, got a list/,
  });
  assert.throws(() => load({ 'e.yml': '' }), { message: /got nothing/ });
  assert.throws(() => load({ 'b.yml': '_BASE_: [[a]]' }), { message: /_BASE_: expected paths/ });
  const huge = ' '.repeat(4 * yamlLimits.characters + 1);
  assert.throws(() => load({ 'huge.yml': huge }), { message: /a config file has at most/ });
});
