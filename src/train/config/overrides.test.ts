import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HrposeError } from '../../errors.ts';
import { type MapNode, toPlain } from './node.ts';
import { applyOverrides } from './overrides.ts';
import { parseYaml } from './yaml.ts';

const config = `
epoch: 1
Reader: {batch: {size: 4, last: true}, name2: x}
Data: !Coco {dir: a, thre: 0.5}
list:
  - !Piecewise {gamma: 0.1, steps: [1, 2]}
  - !Warmup {steps: 10}
  - Affine: {udp: false, sizes: [1, 2]}
`;

function override(...options: string[]): Record<string, unknown> {
  const tree = parseYaml(config, 'test.yml') as MapNode;
  return toPlain(applyOverrides(tree, options, [])) as Record<string, unknown>;
}

const plain = override();

test('values are YAML, and later options win', () => {
  const values: [string, unknown][] = [
    ['3', 3],
    ['5e-4', 0.0005],
    ['[90,120]', [90, 120]],
    ['{a: 1}', { a: 1 }],
    ['False', false],
    ['a=b', 'a=b'],
    ['', null],
  ];
  for (const [text, expected] of values)
    assert.deepEqual(override('epoch=9', `epoch=${text}`).epoch, expected, text);
});

test('a deep option leaves its neighbours as they are', () => {
  assert.deepEqual(override('Reader.batch.size=8', 'Reader.batch.shuffle=yes').Reader, {
    batch: { size: 8, last: true, shuffle: true },
    name2: 'x',
  });
});

test('an option reaches into a tagged object, which keeps its class', () => {
  assert.deepEqual(override('Data.dir=b').Data, { name: 'Coco', dir: 'b', thre: 0.5 });
});

test('list items are named by position, class or operation', () => {
  const byPosition = override('list.0.gamma=0.2', 'list.1.steps=5', 'list.2.Affine.udp=true').list;
  const byName = override(
    'list.Piecewise.gamma=0.2',
    'list.Warmup.steps=5',
    'list.Affine.udp=true',
  );
  assert.deepEqual(byPosition, [
    { name: 'Piecewise', gamma: 0.2, steps: [1, 2] },
    { name: 'Warmup', steps: 5 },
    { Affine: { udp: true, sizes: [1, 2] } },
  ]);
  assert.deepEqual(byName.list, byPosition);
  assert.deepEqual((override('list.Affine.sizes.1=7').list as unknown[])[2], {
    Affine: { udp: false, sizes: [1, 7] },
  });
});

test('overriding an anchored value changes every alias of it, overriding an alias only that place', () => {
  const text = 'w: &w 1\nh: &h 2\nsize: &size [*w, *h]\na: {size: *size}\nb: !T {size: *size}';
  const change = (...options: string[]) =>
    toPlain(applyOverrides(parseYaml(text, 'test.yml') as MapNode, options, []));
  const sizes = (value: unknown, w: number, h: number) => ({
    w,
    h,
    size: value,
    a: { size: value },
    b: { name: 'T', size: value },
  });
  assert.deepEqual(change('size=[3,4]'), sizes([3, 4], 1, 2));
  assert.deepEqual(change('w=5'), sizes([5, 2], 5, 2));
  assert.deepEqual(change('w=5', 'w=6', 'h=7'), sizes([6, 7], 6, 7));
  assert.deepEqual(change('a.size=[8,9]'), { ...sizes([1, 2], 1, 2), a: { size: [8, 9] } });
});

test('a malformed option says what is expected', () => {
  for (const text of ['epoch', '=3', '.a=1', 'a..b=1', '']) {
    assert.throws(() => override(text), { exitCode: 2, message: /-o: expected key=value/ });
  }
  assert.throws(() => override('list.7.gamma=1'), { message: /'7' is no item of this list of 3/ });
  assert.throws(() => override('list.Nope.gamma=1'), { message: /\(Piecewise, Warmup, Affine\)/ });
  assert.throws(() => override('a=[1'), { message: /^-o a=\[1: not valid YAML/ });
});

test('an option that was set can be read back, whatever its path', () => {
  const key = fc.constantFrom('Reader', 'Data', 'a', 'batch', 'size', '__proto__', 'constructor');
  const property = fc.property(
    fc.array(key, { minLength: 1, maxLength: 5 }),
    fc.integer(),
    (path, n) => {
      const changed = override(`${path.join('.')}=${n}`);
      const found = path.reduce<unknown>(
        (value, name) => Object.getOwnPropertyDescriptor(value as object, name)?.value,
        changed,
      );
      assert.equal(found, n);
      for (const name of Object.keys(plain))
        if (name !== path[0]) assert.deepEqual(changed[name], plain[name]);
    },
  );
  fc.assert(property, { seed: 3 });
});

test('arbitrary options give a tree or an error of ours', () => {
  const property = fc.property(fc.string({ maxLength: 30 }), (text) => {
    try {
      override(text, `list.${text}=1`);
    } catch (error) {
      assert.ok(error instanceof HrposeError, String((error as Error).stack));
    }
  });
  fc.assert(property, { seed: 5, numRuns: 500 });
});
