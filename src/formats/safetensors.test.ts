import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HrposeError } from '../errors.ts';
import { maxHeaderBytes, parseSafetensors, writeSafetensors } from './safetensors.ts';
import { type Dtype, dtypeBytes, type Tensor } from './tensor.ts';

const encoder = new TextEncoder();

/** A file with the given header text and data, its length field right unless said otherwise. */
function file(header: string, data: Uint8Array = new Uint8Array(0), length?: bigint): Uint8Array {
  const text = encoder.encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const tensor = (fields: object) =>
  JSON.stringify({ a: { dtype: 'U8', shape: [2], data_offsets: [0, 2], ...fields } });
const refuses = (bytes: Uint8Array, message: RegExp) =>
  assert.throws(
    () => parseSafetensors(bytes, 'x.safetensors'),
    (error) =>
      error instanceof HrposeError &&
      error.exitCode === 3 &&
      error.message.startsWith('x.safetensors: ') &&
      message.test(error.message),
  );

test('a written file has the bytes that the reference writer makes', () => {
  const written = writeSafetensors(
    new Map([
      ['w', { dtype: 'F32' as const, shape: [2], data: Float32Array.of(1, -2) }],
      ['n', { dtype: 'I64' as const, shape: [], data: BigInt64Array.of(3n) }],
    ]),
    new Map([['format', 'pt']]),
  );
  const header =
    '{"__metadata__":{"format":"pt"},"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},' +
    '"w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8, ' ');
  const data = Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0);
  assert.deepEqual(written, file(padded, data));
});

const tensors: fc.Arbitrary<[string, Tensor][]> = fc
  .uniqueArray(
    fc.record({
      name: fc.oneof(
        fc.string({ unit: 'binary', maxLength: 12 }),
        fc.constantFrom('__proto__', 'constructor', 'toString', '1', '{"', '\\'),
      ),
      dtype: fc.constantFrom(...(Object.keys(dtypeBytes) as Dtype[])),
      shape: fc.array(fc.nat(4), { maxLength: 4 }),
      fill: fc.nat(255),
    }),
    { selector: (t) => t.name, maxLength: 8 },
  )
  .map((list) =>
    list.map(({ name, dtype, shape, fill }): [string, Tensor] => {
      const bytes = shape.reduce((a, b) => a * b, dtypeBytes[dtype]);
      return [name, { dtype, shape, data: new Uint8Array(bytes).map((_, i) => fill + i) }];
    }),
  );
const texts = fc
  .array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), { maxLength: 3 })
  .map((pairs) => new Map(pairs));
const byName = (map: Iterable<[string, Tensor]>) =>
  new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));

test('what was written is read back, whatever the names, types, shapes and order', () => {
  fc.assert(
    fc.property(tensors, texts, (list, metadata) => {
      const bytes = writeSafetensors(list, metadata);
      const back = parseSafetensors(bytes);
      assert.deepEqual(byName(back.tensors), byName(list));
      assert.deepEqual(new Map([...back.metadata].sort()), new Map([...metadata].sort()));
      assert.deepEqual(writeSafetensors(list.toReversed(), metadata), bytes);
      for (const { dtype, data } of back.tensors.values()) {
        assert.equal(data.byteOffset % dtypeBytes[dtype], 0);
      }
    }),
    { seed: 7, numRuns: 500 },
  );
});

test('a file is read from any offset of a larger buffer', () => {
  const bytes = writeSafetensors([['a', { dtype: 'F32', shape: [1], data: Float32Array.of(5) }]]);
  const larger = new Uint8Array(bytes.length + 6);
  larger.set(bytes, 3);
  const { tensors } = parseSafetensors(larger.subarray(3, 3 + bytes.length));
  assert.deepEqual([...tensors.get('a')!.data], [0, 0, 0xa0, 0x40]);
});

test('a wrong header length is refused before anything is read', () => {
  refuses(new Uint8Array(0), /8 bytes of header length at offset 0, got 0/);
  refuses(file('{}', undefined, 3n), /header of 3 bytes at offset 8 does not fit into 10 bytes/);
  refuses(file('{}', undefined, BigInt(maxHeaderBytes) + 1n), /over the limit/);
  refuses(file('{}', undefined, 2n ** 64n - 1n), /over the limit/);
});

test('a header that is no JSON object is refused', () => {
  refuses(file('{'), /not JSON/);
  refuses(file('[]'), /not a JSON object/);
  refuses(file('"a"'), /not a JSON object/);
  refuses(file(`${'['.repeat(200_000)}`), /not JSON/);
  const latin1 = file('{"a":1}');
  latin1[10] = 0xe9;
  refuses(latin1, /not JSON/);
});

test('a name that occurs twice is refused, however it is escaped', () => {
  const entry = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
  refuses(file(`{"a":${entry},"a":${entry}}`), /names "a" twice/);
  refuses(file(`{"a":${entry},"\\u0061" : ${entry}}`), /names "a" twice/);
  refuses(
    file('{"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}'),
    /"dtype" twice/,
  );
  refuses(file('{"__metadata__":{"k":"v","k":"k"}}'), /"k" twice/);
  assert.equal(parseSafetensors(file(`{"a":${entry},"b":${entry}}`)).tensors.size, 2);
});

test('a tensor whose fields are wrong is refused by name', () => {
  const two = new Uint8Array(2);
  refuses(file('{"a":1}'), /tensor "a": expected an object/);
  refuses(file(tensor({ dtype: 'F7' }), two), /tensor "a": expected dtype.*got "F7"/);
  refuses(file(tensor({ dtype: 'toString' }), two), /got "toString"/);
  refuses(file(tensor({ dtype: undefined }), two), /got nothing/);
  refuses(file(tensor({ shape: [-2] }), two), /shape.*\[-2\]/);
  refuses(file(tensor({ shape: [1.5] }), two), /shape/);
  refuses(file(tensor({ shape: Array(17).fill(1) }), two), /at most 16/);
  refuses(file(tensor({ shape: [2 ** 52, 2 ** 52] }), two), /does not fill its span/);
  refuses(file(tensor({ shape: [3] }), two), /U8 \[3\] does not fill its span, offsets 0 to 2/);
  refuses(file(tensor({ data_offsets: [0] }), two), /data_offsets/);
  refuses(file(tensor({ data_offsets: [2, 0] }), two), /does not fill/);
  refuses(file(tensor({ data_offsets: [0, 2 ** 53] }), two), /data_offsets/);
});

test('spans must cover the data exactly once', () => {
  const pair = (b: [number, number]) =>
    JSON.stringify({
      a: { dtype: 'U8', shape: [2], data_offsets: [0, 2] },
      b: { dtype: 'U8', shape: [b[1] - b[0]], data_offsets: b },
    });
  const four = new Uint8Array(4);
  assert.equal(parseSafetensors(file(pair([2, 4]), four)).tensors.size, 2);
  refuses(file(pair([1, 4]), four), /"b" at offset 1 overlaps.*ends at 2/);
  refuses(file(pair([3, 4]), four), /"b" at offset 3 leaves a gap/);
  refuses(file(pair([2, 5]), four), /"b" ends at offset 5 of 4/);
  refuses(file(pair([2, 3]), four), /tensors end at offset 3, the data at offset 4/);
  refuses(file('{}', four), /tensors end at offset 0/);
});

test('metadata must be strings', () => {
  refuses(file('{"__metadata__":{"epoch":3}}'), /"epoch" is not a string/);
  refuses(file('{"__metadata__":null}'), /not an object/);
});

test('the writer refuses names and shapes that no reader would take', () => {
  const one = { dtype: 'U8' as const, shape: [1], data: new Uint8Array(1) };
  const wide = { ...one, dtype: 'F32' as const, data: new Float32Array(1) };
  assert.throws(
    () =>
      writeSafetensors([
        ['a', one],
        ['a', wide],
      ]),
    /"a" is taken/,
  );
  assert.throws(() => writeSafetensors([['__metadata__', one]]), /taken/);
  assert.throws(() => writeSafetensors([['a', { ...one, shape: [2] }]]), /U8 \[2\] does not match/);
});

test('no mutated file crashes, hangs or is read past its end', () => {
  const seeds = [
    writeSafetensors([['a', { dtype: 'F32', shape: [2, 1], data: new Float32Array(2) }]]),
    writeSafetensors(
      [
        ['stage2.0.weight', { dtype: 'I64', shape: [], data: new BigInt64Array(1) }],
        ['b', { dtype: 'BF16', shape: [3], data: new Uint16Array(3) }],
      ],
      new Map([['format', 'pt']]),
    ),
  ];
  const outcomes = { read: 0, refused: 0 };
  const mutation = fc.record({
    seed: fc.constantFrom(...seeds),
    cut: fc.option(fc.nat(300), { freq: 8 }),
    edits: fc.array(
      fc.tuple(
        fc.nat(300),
        fc.oneof(fc.nat(255), fc.constantFrom(...encoder.encode('{}[]",:019-eE\\'))),
      ),
      { maxLength: 6 },
    ),
  });
  fc.assert(
    fc.property(mutation, ({ seed, cut, edits }) => {
      const bytes = seed.slice(0, cut ?? seed.length);
      for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
      try {
        const { tensors } = parseSafetensors(bytes);
        let total = 0;
        for (const { data } of tensors.values()) total += data.byteLength;
        assert.ok(total <= bytes.byteLength);
        outcomes.read++;
      } catch (error) {
        assert.ok(error instanceof HrposeError, String(error));
        outcomes.refused++;
      }
    }),
    { seed: 11, numRuns: 20_000 },
  );
  // Both ways out must be exercised, or the mutations miss their point.
  assert.ok(outcomes.read > 500 && outcomes.refused > 5000, JSON.stringify(outcomes));
});
