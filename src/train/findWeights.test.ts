import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { HrposeError } from '../errors.ts';
import { stateAt } from './checkpoint.testing.ts';
import { saveCheckpoint } from './checkpoint.ts';
import { findWeights } from './findWeights.ts';
import { writeModelFile } from './tensorFile.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'hrpose-weights-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
const refuses = (path: string, message: RegExp) =>
  assert.throws(
    () => findWeights(path),
    (error) => error instanceof HrposeError && error.exitCode === 3 && message.test(error.message),
  );

test('a file is found with and without its extension', (t) => {
  const path = join(folder(t), 'model_final');
  const file = `${path}.safetensors`;
  writeModelFile(file, new Map());
  assert.equal(findWeights(file), file);
  assert.equal(findWeights(path), file);
});

test('a checkpoint folder and a run folder mean the weights in them', (t) => {
  const run = folder(t);
  saveCheckpoint(run, stateAt(10));
  const newest = saveCheckpoint(run, stateAt(20));
  const file = join(newest, 'model.safetensors');
  assert.equal(findWeights(newest), file);
  assert.equal(findWeights(run), file);
});

test('a number means the checkpoint after one epoch more', (t) => {
  const run = folder(t);
  // Ten steps an epoch; the second one is in the middle of the third epoch.
  const path = saveCheckpoint(run, stateAt(20));
  saveCheckpoint(run, stateAt(25));
  assert.equal(findWeights(join(run, '1')), join(path, 'model.safetensors'));
  refuses(join(run, '2'), /found no file/);
});

test('a snapshot that lies one folder above, as PaddleDetection writes it, is found', (t) => {
  const output = folder(t);
  const file = join(output, 'model_final.safetensors');
  writeModelFile(file, new Map());
  assert.equal(findWeights(join(output, 'hrnet_w32_384x288', 'model_final')), file);
  refuses(join(output, 'hrnet_w32_384x288', 'best_model'), /found no file/);
  refuses(join(output, 'deep', 'er', 'model_final'), /found no file/);
});

test('weights of other projects are found by their endings, ours first', (t) => {
  const output = folder(t);
  const path = join(output, 'model_final');
  for (const ending of ['.pt', '.pth', '.pdparams', '.safetensors']) {
    writeFileSync(path + ending, '');
    assert.equal(findWeights(path), path + ending);
    assert.equal(findWeights(path + ending), path + ending);
    assert.equal(findWeights(join(output, 'hrnet_w32_384x288', 'model_final')), path + ending);
  }
  writeFileSync(`${path}.bin`, '');
  assert.equal(findWeights(`${path}.bin`), `${path}.bin`);
});

test('what PaddleDetection saves beside its weights stands for them, unless it is asked for', (t) => {
  const path = join(folder(t), '9');
  writeFileSync(`${path}.pdopt`, '');
  refuses(`${path}.pdopt`, /found no file '.*9\.pdopt'/);
  writeFileSync(`${path}.pdparams`, '');
  assert.equal(findWeights(`${path}.pdopt`), `${path}.pdparams`);
  assert.equal(findWeights(`${path}.pdopt`, { asNamed: true }), `${path}.pdopt`);
});

test('an error says what was looked for', (t) => {
  const path = join(folder(t), 'run', 'best_model');
  refuses(path, /found no file '.*best_model', none with \.safetensors, .*\.pt after it/);
  refuses('a\0b', /cannot be looked for/);
  refuses('https://example.org/x.pdparams', /was not fetched/);
});
