import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { HrposeError } from '../errors.ts';
import { toFloat32 } from '../formats/tensor.ts';
import { readTensorFile, writeModelFile } from './tensorFile.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'hrpose-tensors-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
const weights = (value: number) =>
  new Map([['conv1.weight', { shape: [2], data: Float32Array.of(value, -value) }]]);

test('a model file is written into new folders and replaced in one step', (t) => {
  const run = join(folder(t), 'output', 'tiny');
  const path = join(run, 'model_final.safetensors');
  writeModelFile(path, weights(1), new Map([['skeleton', 'coco17']]));
  const first = readTensorFile(path);
  assert.deepEqual([...toFloat32(first.tensors.get('conv1.weight')!)], [1, -1]);
  assert.deepEqual(Object.fromEntries(first.metadata), { format: 'pt', skeleton: 'coco17' });
  const { bytes, sha256 } = writeModelFile(path, weights(2));
  assert.equal(bytes, readFileSync(path).length);
  assert.match(sha256, /^[0-9a-f]{64}$/);
  assert.deepEqual(readdirSync(run), ['model_final.safetensors']);
  assert.equal(toFloat32(readTensorFile(path).tensors.get('conv1.weight')!)[0], 2);
});

test('tensors are views of the file, also when its header ends at an odd offset', (t) => {
  const path = join(folder(t), 'odd.safetensors');
  for (let spaces = 0; spaces < 8; spaces++) {
    const header = `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}${' '.repeat(spaces)}`;
    const length = new Uint8Array(8);
    length[0] = header.length;
    writeFileSync(
      path,
      Buffer.concat([length, Buffer.from(header), Uint8Array.of(0, 0, 0x80, 0x3f)]),
    );
    const tensor = readTensorFile(path).tensors.get('a')!;
    const values = toFloat32(tensor);
    assert.equal(values[0], 1);
    assert.equal(values.buffer, tensor.data.buffer, `copied with ${spaces} spaces`);
  }
});

test('files that are empty, no safetensors or not there are refused by name', (t) => {
  const path = join(folder(t), 'x.safetensors');
  const refused = () =>
    assert.throws(
      () => readTensorFile(path),
      (error) =>
        error instanceof HrposeError &&
        error.exitCode === 3 &&
        error.message.startsWith(`${path}: `),
    );
  refused();
  for (const content of ['', 'short', 'PK\u0003\u0004 a zip file', '\u0002\0\0\0\0\0\0\0{}x']) {
    writeFileSync(path, content);
    refused();
  }
  writeFileSync(path, '\u0002\0\0\0\0\0\0\0{}');
  assert.equal(readTensorFile(path).tensors.size, 0);
});

test('a place that cannot be written is an error that names it', (t) => {
  const file = join(folder(t), 'file');
  writeFileSync(file, '');
  const path = join(file, 'model_final.safetensors');
  assert.throws(
    () => writeModelFile(path, weights(1)),
    (error) =>
      error instanceof HrposeError &&
      error.exitCode === 4 &&
      error.message.startsWith(`${path}: cannot be written`),
  );
});
