import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { halfToNumber } from '../formats/tensor.ts';
import { halfBits, toHalf } from './half.ts';
import { encodeMetadata, encodeModel, type OnnxModel } from './proto.ts';
import { readOnnx, readOnnxSummary } from './read.ts';
import { joinPieces, readFields, toBytes } from './wire.ts';

const model: OnnxModel = {
  opset: 17,
  producer: { name: 'hrpose', version: '1.2.3' },
  name: 'example',
  nodes: [
    {
      name: 'pad',
      op: 'Example',
      inputs: ['x', '', 'w'],
      outputs: ['y', 'z'],
      attributes: {
        negative: { kind: 'int', value: -1 },
        large: { kind: 'int', value: 2 ** 40 + 1 },
        half: { kind: 'float', value: 0.5 },
        pads: { kind: 'ints', value: [0, 1, -300, 70_000] },
        mode: { kind: 'string', value: 'größer' },
      },
    },
  ],
  initializers: [
    // Above the size from which weights stay views.
    { name: 'w', type: 'float32', dims: [3, 10_000], data: new Uint8Array(120_000).fill(7) },
    { name: 'empty', type: 'int64', dims: [0], data: new Uint8Array(0) },
  ],
  inputs: [{ name: 'x', type: 'uint8', shape: ['N', 4, 5, 3] }],
  outputs: [
    { name: 'y', type: 'float32', shape: [] },
    { name: 'z', type: 'float16', shape: [1] },
  ],
  metadata: new Map([
    ['key', 'value'],
    ['other', '{"a": [1, 2]}'],
  ]),
};

test('a model comes back from its bytes as it was', () => {
  assert.deepEqual(readOnnx(toBytes(encodeModel(model))), model);
});

test('weights are views of what was handed over, not copies', () => {
  const { data } = model.initializers[0]!;
  assert.ok(encodeModel(model).chunks.includes(data));
});

test('metadata may be added behind a finished file', () => {
  const more = encodeMetadata(new Map([['certificate', 'passed']]));
  const bytes = toBytes(joinPieces([encodeModel(model), more]));
  const { metadata, inputs, outputs, opset, producer } = readOnnxSummary(bytes);
  assert.deepEqual([...metadata.keys()], ['key', 'other', 'certificate']);
  assert.deepEqual({ inputs, outputs }, { inputs: model.inputs, outputs: model.outputs });
  assert.deepEqual([opset, producer], [17, model.producer]);
});

test('initializers that old files list among the inputs are no inputs', () => {
  const inputs = [...model.inputs, { name: 'w', type: 'float32', shape: [3, 10_000] } as const];
  const { inputs: found } = readOnnxSummary(toBytes(encodeModel({ ...model, inputs })));
  assert.deepEqual(
    found.map(({ name }) => name),
    ['x'],
  );
});

test('a file that is cut off anywhere, and noise, are refused as bad input and never crash', () => {
  const { initializers, ...rest } = model;
  const bytes = toBytes(encodeModel({ ...rest, initializers: initializers.slice(1) }));
  for (let length = 0; length < bytes.length; length++) {
    try {
      readOnnx(bytes.subarray(0, length));
    } catch (error) {
      assert.equal((error as { exitCode?: number }).exitCode, 3);
    }
  }
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: bytes.length - 1 }),
      fc.uint8Array({ minLength: 1, maxLength: 12 }),
      (at, noise) => {
        const damaged = bytes.slice();
        damaged.set(noise.subarray(0, damaged.length - at), at);
        for (const read of [readOnnx, readOnnxSummary]) {
          try {
            read(damaged);
          } catch (error) {
            assert.equal((error as { exitCode?: number }).exitCode, 3, String(error));
          }
        }
      },
    ),
  );
});

test('what is no protobuf or no model is named', () => {
  const text = new TextEncoder().encode('<html>not found</html>');
  assert.throws(() => readOnnxSummary(text, 'x.onnx'), {
    exitCode: 3,
    message: /^x\.onnx: .*ONNX/,
  });
  assert.throws(() => readOnnxSummary(new Uint8Array(0)), /holds 0 graphs/);
  assert.throws(() => [...readFields(Uint8Array.of(0x0b))], /wire type 3/);
  assert.throws(() => [...readFields(new Uint8Array(12).fill(0xff))], /more than ten bytes/);
});

test('halves are the nearest ones, ties to even, over the whole range', () => {
  for (let bits = 0; bits < 0x7c00; bits++) {
    const value = halfToNumber(bits);
    assert.equal(halfBits(value), bits);
    assert.equal(halfBits(-value), bits | 0x8000);
    const next = halfToNumber(bits + 1);
    if (next === Number.POSITIVE_INFINITY) continue;
    const middle = (value + next) / 2;
    assert.equal(halfBits(middle), bits + (bits % 2));
    assert.equal(halfBits(middle * (1 - 2 ** -30)), bits);
    assert.equal(halfBits(middle * (1 + 2 ** -30)), bits + 1);
  }
  assert.equal(halfBits(65519.9), 0x7bff);
  assert.equal(halfBits(65520), 0x7c00);
  assert.equal(halfBits(Number.NaN), 0x7e00);
});

test('weights that half precision cannot hold are refused by name', () => {
  const values = Float32Array.of(1, 65504, -70000);
  assert.throws(() => toHalf('conv1.weight', values), {
    exitCode: 5,
    message: /'conv1\.weight' holds -70000 at index 2/,
  });
});
