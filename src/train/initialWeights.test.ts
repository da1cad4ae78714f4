// Weights of other projects as scoring and training take them.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Tensor } from '../formats/tensor.ts';
import { tinyModel } from '../infer/tinyModel.testing.ts';
import type { Weights } from '../models/drawWeights.ts';
import { hrnetState } from '../models/hrnetConfigs.ts';
import { paddleName } from '../models/weightNames.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { readWeights } from './initialWeights.ts';
import { writeWeightFile } from './weightFile.ts';

const folder = temporaryFolder();
const { config, weights } = tinyModel;
const isHead = (name: string) => name.startsWith('final_layer');

/** Writes the tiny network's tensors under the names that `rename` gives; no name, no tensor. */
function write(
  file: string,
  rename: (name: string) => string | undefined,
  change: (tensor: Tensor, name: string) => Tensor = (tensor) => tensor,
): string {
  const tensors = new Map<string, Tensor>();
  for (const [name, shape] of hrnetState(config)) {
    const target = rename(name);
    if (target === undefined) continue;
    const data = new Uint8Array(weights.get(name)!.slice().buffer);
    tensors.set(target, change({ dtype: 'F32', shape, data }, name));
  }
  const path = join(folder, file);
  writeWeightFile(path, tensors);
  return path;
}

function read(path: string, mayMiss: 'head' | 'nothing' = 'nothing') {
  const found: Weights = new Map();
  return { ...readWeights(config, path, mayMiss, found), found };
}

test('every format gives the same weights, whatever scheme the names follow', () => {
  const files = [
    write('official.pth', (name) => name),
    write('parallel.pt', (name) => `module.${name}`),
    write('mmpose.pth', (name) => `${isHead(name) ? 'keypoint_head' : 'backbone'}.${name}`),
    write('paddle.pdparams', (name) => paddleName(name)),
    write('official.safetensors', (name) => name),
  ];
  for (const file of files) {
    const { found, summary } = read(file);
    assert.equal(summary, `${weights.size} of ${weights.size} tensors fit.`, file);
    assert.deepEqual(
      found,
      new Map([...hrnetState(config).keys()].map((n) => [n, weights.get(n)])),
    );
  }
});

test('a backbone starts training, with the head as drawn, and nothing else', () => {
  // As PaddleDetection publishes ImageNet weights: its names without the first part.
  const rename = (name: string) =>
    isHead(name) ? undefined : paddleName(name)!.replace(/^backbone\./, '');
  const file = write('backbone.pdparams', rename);
  const { found, summary } = read(file, 'head');
  assert.equal(found.size, weights.size - 2);
  assert.match(summary, /no head for keypoints: it is a backbone.*The head starts as drawn\.$/s);
  assert.throws(() => read(file), { exitCode: 3, message: /305 of 307.*missing: 2/s });
  const torn = write('torn.pth', (name) =>
    isHead(name) || name === 'bn2.bias' ? undefined : name,
  );
  assert.throws(() => read(torn, 'head'), { exitCode: 3, message: /missing: 3\n {4}bn2\.bias/ });
});

test('a head for other keypoints is not used', () => {
  const file = write(
    'hands.pth',
    (name) => name,
    (tensor, name) => {
      if (!isHead(name)) return tensor;
      const shape = [21, ...tensor.shape.slice(1)];
      return { ...tensor, shape, data: new Uint8Array(4 * shape.reduce((a, b) => a * b)) };
    },
  );
  const { found, summary } = read(file, 'head');
  assert.equal(found.has('final_layer.weight'), false);
  assert.match(summary, /head is for 21 keypoints; the model has 17.*The head starts as drawn\.$/s);
  assert.throws(() => read(file), { exitCode: 3, message: /of another shape: 2/ });
});

test('values that are not finite are refused with their place', () => {
  const file = write(
    'nan.pdparams',
    (name) => paddleName(name),
    (tensor, name) => {
      if (name !== 'bn1.weight') return tensor;
      const values = new Float32Array(64).fill(1).fill(Number.NaN, 3, 4);
      return { ...tensor, data: new Uint8Array(values.buffer) };
    },
  );
  assert.throws(() => read(file), { exitCode: 3, message: /'bn1\.weight' holds NaN at index 3/ });
});
