import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bytes,
  get,
  global,
  int,
  type Part,
  pickle,
  put,
  text,
  tuple,
  u32,
  u64,
} from '../craft.testing.ts';
import { unpickle } from './unpickle.ts';
import { isKind, type Pickled } from './values.ts';

const read = (file: Uint8Array) => unpickle(file, { where: 'test' }).value;
const value = (...parts: readonly Part[]) => read(pickle(...parts));

test('plain values are read in each of their forms', () => {
  const float = new Uint8Array(new BigUint64Array([0x0000_0000_0000_f83fn]).buffer);
  const cases: readonly (readonly [Uint8Array, Pickled])[] = [
    [bytes('N'), null],
    [bytes(0x88), true],
    [bytes('I01\n'), true],
    [bytes('I-12\n'), -12],
    [bytes('L12L\n'), 12],
    [bytes('K', 200), 200],
    [bytes('M', 1, 2), 513],
    [int(-5), -5],
    [bytes(0x8a, 0), 0],
    [bytes(0x8a, 2, 0, 0xff), -256],
    [bytes(0x8a, 8, u64(2n ** 63n - 1n)), 2n ** 63n - 1n],
    [bytes(0x8b, u32(1), 7), 7],
    [bytes('G', float), 1.5],
    [bytes('X', u32(3), 0xe2, 0x82, 0xac), '€'],
    [bytes(0x8c, 2, 'ab'), 'ab'],
    [bytes(0x8d, u64(1n), 'c'), 'c'],
    [bytes('U', 1, 0xe9), 'é'],
    [bytes('T', u32(1), 'x'), 'x'],
    [bytes('C', 1, 9), Uint8Array.of(9)],
    [bytes(0x8e, u64(1n), 9), Uint8Array.of(9)],
    [bytes('(NNl'), [null, null]],
    [bytes('(NNd'), new Map([[null, null]])],
    [bytes('NNN', 0x87), [null, null, null]],
    [bytes(0x8f, '(K', 1, 0x90), [1]],
    [bytes('N2', 0x86), [null, null]],
    [bytes('N(NN1'), null],
  ];
  for (const [part, expected] of cases) assert.deepEqual(value(part), expected);
});

test('what is remembered is shared, not copied', () => {
  const shared = value(']', put(0), 'K', 1, 'a', get(0), 0x86) as Pickled[];
  assert.deepEqual(shared, [[1], [1]]);
  assert.equal(shared[0], shared[1]);
  const memoized = read(bytes(0x80, 4, '}', 0x94, 0x8c, 1, 'k', 0x94, 'h', 1, 's.'));
  assert.deepEqual(memoized, new Map([['k', 'k']]));
});

test('dicts are maps, so that no key is special', () => {
  const dict = value('}(', text('__proto__'), 'K', 1, text('constructor'), 'K', 2, 'u');
  assert.deepEqual(
    [...(dict as Map<string, number>)],
    [
      ['__proto__', 1],
      ['constructor', 2],
    ],
  );
});

test('an allowed name is a name, whatever it is in Python', () => {
  assert.deepEqual(value(global('torch', 'FloatStorage')), {
    kind: 'global',
    name: 'torch.FloatStorage',
  });
});

test('sizes that grow after they were checked do not change a tensor', () => {
  const id = tuple(
    text('storage'),
    global('torch', 'FloatStorage'),
    text('0'),
    text('cpu'),
    int(4),
  );
  const sizes = bytes('](', int(4), 'e', put(0));
  const steps = bytes('](', int(1), 'e');
  const grown = value(
    ...[global('torch._utils', '_rebuild_tensor_v2'), tuple(id, 'Q', int(0), sizes, steps), 'R'],
    ...[get(0), int(1 << 30), 'a', 0x86],
  ) as Pickled[];
  assert.ok(isKind(grown[0], 'tensor'));
  assert.deepEqual(grown[0].size, [4]);
  assert.deepEqual(grown[1], [4, 1 << 30]);
});

test('bytes that protocol 2 carries as text are read, and nothing else is taken for them', () => {
  const encoded = (utf8: Uint8Array) =>
    value(global('_codecs', 'encode'), tuple('X', u32(utf8.length), utf8, text('latin1')), 'R');
  const all = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 167) >> 3);
  for (const data of [all, all.subarray(0, 600), all.subarray(0, 0)]) {
    const utf8 = Buffer.from(Buffer.from(data).toString('latin1'), 'utf8');
    assert.deepEqual(encoded(utf8), data);
  }
  // Longer than texts that are decoded at once, so that these bytes are met as they stand.
  const padding = new Uint8Array(70_000).fill(0x61);
  for (const wrong of [
    [0xc2],
    [0x80],
    [0xc4, 0x80],
    [0xc0, 0x80],
    [0xc2, 0xc2, 0x80],
    [0xe2, 0x82, 0xac],
    [0xff],
  ])
    assert.throws(() => encoded(bytes(padding, Uint8Array.from(wrong))), /not latin1/, `${wrong}`);
});

test('scalars of numpy are numbers', () => {
  const scalar = (code: string, data: Uint8Array) =>
    value(
      ...[global('numpy.core.multiarray', 'scalar'), '('],
      ...[global('numpy', 'dtype'), tuple(text(code), 0x89, 0x88), 'R'],
      ...['C', data.length, data, 'tR'],
    );
  assert.equal(scalar('f8', new Uint8Array(Float64Array.of(0.1).buffer)), 0.1);
  assert.equal(scalar('f4', new Uint8Array(Float32Array.of(0.5).buffer)), 0.5);
  assert.equal(scalar('f2', Uint8Array.of(0, 0xc0)), -2);
  assert.equal(scalar('i8', new Uint8Array(BigInt64Array.of(-3n).buffer)), -3);
  assert.equal(scalar('i8', u64(2n ** 62n)), 2n ** 62n);
  assert.equal(scalar('>i2', Uint8Array.of(1, 2)), 258);
  assert.equal(scalar('i1', Uint8Array.of(255)), -1);
  assert.equal(scalar('b1', Uint8Array.of(1)), true);
});

test('an error names file, byte and opcode, and what to do', () => {
  assert.throws(() => value(text('a'), 'R'), {
    exitCode: 3,
    message:
      'test: expected 2 values on the stack, got 1 (at byte 8, opcode REDUCE). The file is damaged or holds more than weights; fetch it anew or convert it to safetensors.',
  });
  assert.throws(() => value('c', 'a\u001b[31m\nb\n'), /got 'a�\[31m\.b'/);
});
