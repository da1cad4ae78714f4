import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dump } from 'js-yaml';
import { HrposeError } from '../../errors.ts';
import { type ConfigNode, type MapNode, toPlain } from './node.ts';
import { plainScalar } from './scalar.ts';
import { parseYaml, yamlLimits } from './yaml.ts';

const parse = (text: string) => toPlain(parseYaml(text, 'test.yml'));
const entry = (node: ConfigNode, key: string) => (node as MapNode).entries.get(key)!;

test('plain scalars are what the YAML 1.1 of PyYAML makes of them', () => {
  const cases: [string, unknown][] = [
    ['', null],
    ['~', null],
    ['null', null],
    ['yes', true],
    ['On', true],
    ['TRUE', true],
    ['no', false],
    ['off', false],
    ['y', 'y'],
    ['12', 12],
    ['-12', -12],
    ['+1', 1],
    ['0', 0],
    ['017', 15],
    ['018', '018'],
    ['0x1F', 31],
    ['-0x10', -16],
    ['0b101', 5],
    ['149_813', 149813],
    ['1:30', 90],
    ['1.5', 1.5],
    ['.5', 0.5],
    ['1.', 1],
    ['1.0e-4', 1e-4],
    ['.inf', Number.POSITIVE_INFINITY],
    ['-.inf', Number.NEGATIVE_INFINITY],
    ['.nan', Number.NaN],
    ['1.2.3', '1.2.3'],
    ['e5', 'e5'],
    ['train2017', 'train2017'],
    ['2024-10-18', '2024-10-18'],
  ];
  for (const [text, expected] of cases) assert.deepEqual(plainScalar(text), expected, text);
});

test('an exponent makes a number even without a dot or a sign', () => {
  assert.equal(plainScalar('5e-4'), 0.0005);
  assert.equal(plainScalar('1E3'), 1000);
  assert.equal(plainScalar('1.5e3'), 1500);
});

test('quoted and block text stays text', () => {
  assert.deepEqual(parse('a: "5e-4"\nb: \'yes\'\nc: |\n  12\nd: !!str 12\ne: !!int "3"'), {
    a: '5e-4',
    b: 'yes',
    c: '12\n',
    d: '12',
    e: 3,
  });
});

test('anchors work inside flow lists and keep the value at the time of the alias', () => {
  const text = 'h: &h 384\nw: &w 288\nsize: &size [*w, *h]\nagain: *size\nh2: &h 1\nh3: *h';
  assert.deepEqual(parse(text), {
    h: 384,
    w: 288,
    size: [288, 384],
    again: [288, 384],
    h2: 1,
    h3: 1,
  });
});

test('merge keys fill in what a map does not say itself', () => {
  assert.deepEqual(parse('a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  y: 0\n  <<: [*a, *b]'), {
    a: { x: 1, y: 2 },
    b: { y: 3, z: 4 },
    c: { y: 0, x: 1, z: 4 },
  });
});

test('tags name classes, in block and flow style, on their own line, and without arguments', () => {
  const text = `
a: !One {x: 1}
b:
  !Two
    x: 2
c:
- !Three
  x: 3
- !Four
`;
  assert.deepEqual(parse(text), {
    a: { name: 'One', x: 1 },
    b: { name: 'Two', x: 2 },
    c: [{ name: 'Three', x: 3 }, { name: 'Four' }],
  });
});

test('every node knows its line, and an entry that of its key', () => {
  const tree = parseYaml('# c\na: 1\n\nb:\n  c:\n    - 2\n    - d: 3\n', 'test.yml');
  const line = (node: ConfigNode) => node.place.line;
  const b = entry(tree, 'b');
  const c = entry(b, 'c');
  const items = c.kind === 'list' ? c.items : [];
  assert.deepEqual(
    [tree, entry(tree, 'a'), b, c, ...items, entry(items[1]!, 'd')].map(line),
    [2, 2, 4, 5, 6, 7, 7],
  );
});

test('keys named like parts of JavaScript objects are ordinary keys', () => {
  const tree = parse('__proto__: {x: 1}\nconstructor: 2\ntoString: 3') as Record<string, unknown>;
  assert.deepEqual(Object.keys(tree), ['__proto__', 'constructor', 'toString']);
  assert.equal(({} as Record<string, unknown>).x, undefined);
});

test('a key written twice is warned about, and the last one counts', () => {
  const warnings: string[] = [];
  assert.deepEqual(toPlain(parseYaml('a: 1\na: 2', 'test.yml', warnings)), { a: 2 });
  assert.deepEqual(warnings, ["test.yml:2: 'a' is written twice; the last one counts."]);
});

test('what is wrong is told with file and line', () => {
  const cases: [string, RegExp][] = [
    ['a: 1\nb: [1', /^test\.yml:\d: not valid YAML: .*flow/],
    ['a: 1\nb: *c', /^test\.yml:2: the alias \*c has no anchor/],
    ['a: !!python/object:os.system x', /^test\.yml:1: the tag '!!python.*is not allowed/],
    ['a: !<tag:yaml.org,2002:python/name:os.system> x', /^test\.yml:1: the tag .*is not allowed/],
    ['? [a]\n: b', /^test\.yml:1: expected text as the key/],
    ['---\na: 1\n---\nb: 2', /^test\.yml:1: expected one YAML document/],
    ['a: &a [*a]', /^test\.yml:1: the alias \*a has no anchor/],
    ['a: !!int x', /^test\.yml:1: 'x' is no int/],
    ['a: 1\n<<: 3', /^test\.yml:2: expected a map after '<<'/],
    ['a: !Tag text', /^test\.yml:1: !Tag needs its arguments/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseYaml(text, 'test.yml'), { name: 'HrposeError', exitCode: 3, message });
  }
});

test('size, depth and alias expansion are bounded', () => {
  const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 12; i++) {
    const aliases = Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ');
    bomb.push(`a${i}: &a${i} [${aliases}]`);
  }
  const limits: [string, RegExp][] = [
    [bomb.join('\n'), /test\.yml:\d+: more than 100000 values/],
    ['['.repeat(yamlLimits.depth + 1), /nesting/],
    ['a: 1\n'.padEnd(yamlLimits.characters + 1, '#'), /at most 1048576 characters/],
  ];
  for (const [text, message] of limits)
    assert.throws(() => parseYaml(text, 'test.yml'), { message });
});

/** Values that both sides write and read alike: no -0, which YAML writes as -0.0. */
const jsonValue = fc
  .jsonValue({ maxDepth: 4 })
  .map((value) =>
    JSON.parse(JSON.stringify(value, (_, inner) => (Object.is(inner, -0) ? 0 : inner))),
  );

test('whatever a YAML writer writes is read back equal', () => {
  const property = fc.property(jsonValue, (value) => {
    const text = dump(value);
    // A map's '<<' is a merge key in YAML 1.1, not an ordinary one.
    fc.pre(!text.includes('<<'));
    assert.equal(JSON.stringify(parse(text)), JSON.stringify(value));
  });
  fc.assert(property, { seed: 11, numRuns: 500 });
});

test('arbitrary and damaged text gives a tree or an error of ours, never anything else', () => {
  const sample = 'a: &x [1, *y]\nb: !Tag {c: "d", <<: *x}\n- ? | > \' % @ `\n';
  const pieces = fc.array(fc.constantFrom(...sample, '\t', '\u0000', '\ufeff', '---', '!!int '));
  const texts = fc.oneof(
    fc.string({ maxLength: 80 }),
    pieces.map((list) => list.join('')),
  );
  const property = fc.property(texts, (text) => {
    try {
      parse(text);
    } catch (error) {
      assert.ok(error instanceof HrposeError, String((error as Error).stack));
    }
  });
  fc.assert(property, { seed: 13, numRuns: 3000 });
});
