import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinBytes } from '../formats/joinBytes.ts';
import { writeSafetensors } from '../formats/safetensors.ts';
import { layoutWeights, parseWeights } from '../formats/weights.ts';
import { tinyModel } from '../infer/tinyModel.testing.ts';
import { hrnetState } from '../models/hrnetConfigs.ts';
import { mpii16 } from '../pose/skeletons.ts';
import { drawModel, readModel, writeModel } from './model.ts';

const shapes = hrnetState(tinyModel.config);
const bare = (metadata = new Map<string, string>()) =>
  writeSafetensors(
    Array.from(tinyModel.weights, ([name, data]) => {
      return [name, { dtype: 'F32', shape: shapes.get(name)!, data }] as const;
    }),
    metadata,
  );

test('a model comes back from its file with the rules by which it is used', () => {
  const written = { ...tinyModel, useDark: false, udp: true };
  const { model, knowsInputSize } = readModel(writeModel(written), 'file');
  assert.ok(knowsInputSize);
  assert.deepEqual(model, written);
});

test('a skeleton of its own comes back as well', () => {
  const drawn = drawModel('hrnet-small', 4, mpii16, 1);
  assert.deepEqual(readModel(writeModel(drawn), 'file').model.skeleton, mpii16);
});

test('a file without metadata is known by its shapes, and its input size is a guess', () => {
  const { model, knowsInputSize } = readModel(bare(), 'file');
  assert.equal(knowsInputSize, false);
  assert.deepEqual(model.config, tinyModel.config);
  assert.equal(model.skeleton.name, 'coco17');
  assert.deepEqual(model.inputSize, { width: 288, height: 384 });
});

test('metadata that says nonsense is an error that names file and key', () => {
  const metadata = (input: string) =>
    bare(
      new Map([
        ['hrpose_version', '1'],
        ['input_size', input],
      ]),
    );
  for (const input of ['{"width":1e9,"height":96}', '[]', 'not JSON', 'null'])
    assert.throws(
      () => readModel(metadata(input), 'odd.safetensors'),
      /odd\.safetensors.*input_size/,
    );
});

test('weights of PyTorch and of PaddlePaddle are read as well', () => {
  const tensors = parseWeights(bare(), 'bare').tensors;
  for (const format of ['torch-zip', 'paddle'] as const) {
    const { model, knowsInputSize } = readModel(joinBytes(layoutWeights(tensors, format)), format);
    assert.equal(knowsInputSize, false);
    assert.deepEqual(model.weights, tinyModel.weights);
  }
});

test('a file that holds no weights or no HRNet is an error in plain words', () => {
  assert.throws(() => readModel(new Uint8Array(5), 'short'), /short: expected weights as/);
  const other = writeSafetensors([['x', { dtype: 'F32', shape: [1], data: new Float32Array(1) }]]);
  assert.throws(() => readModel(other, 'other'), /other: expected weights of an HRNet/);
});
