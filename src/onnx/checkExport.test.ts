// Certificates: exported models beside their network, right ones and wrong ones.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import { tinyModel } from '../infer/tinyModel.testing.ts';
import { certificateLines } from './certificate.ts';
import { checkExport } from './checkExport.ts';
import { createComparison } from './comparison.ts';
import { cropsOfDrawnPeople, cropsOfNoise } from './crops.ts';
import { decodeRules, exportModel, type ModelExportOptions } from './exportModel.ts';
import { encodeModel } from './proto.ts';
import { findOnnxRuntime } from './runtime.ts';
import { toBytes } from './wire.ts';

const usual: ModelExportOptions = {
  input: 'uint8',
  arithmetic: 'fp32',
  batch: undefined,
  decode: true,
  version: '0.0.0',
  configSha256: undefined,
};
const backend = createDnnlBackend({ threads: 1, search: 'off' });
after(() => backend.close());
const crops = [cropsOfDrawnPeople(2, tinyModel), cropsOfNoise(1, tinyModel.inputSize)];

const bytesOf = (model: typeof tinyModel, options: ModelExportOptions) =>
  toBytes(encodeModel(exportModel(model, options)));

/** The certificate of `model`, exported, as if it were the tiny model. */
async function certificateOf(model = tinyModel, changes: Partial<ModelExportOptions> = {}) {
  const options = { ...usual, ...changes };
  const precision = options.arithmetic === 'fp16' ? 'fp16' : 'fp32';
  return checkExport({
    ...options,
    precision,
    bytes: bytesOf(model, options),
    ...(precision === 'fp16' && { rounded: bytesOf(model, { ...options, arithmetic: 'rounded' }) }),
    where: 'tiny.onnx',
    model: tinyModel,
    runtime: await findOnnxRuntime({ threads: 1 }),
    backend,
    crops,
    workers: 0,
  });
}

test('a right model passes, with what it was tried on and by how much it differs', async () => {
  const certificate = await certificateOf();
  const { passed, failures, heatmaps, keypoints, decoder, triedOn } = certificate;
  assert.deepEqual([passed, failures], [true, []]);
  assert.deepEqual(triedOn, ['2 drawn people', '1 crop of noise']);
  assert.ok(heatmaps.relative < 1e-5 && heatmaps.largestValue > 1);
  assert.equal(keypoints.compared + keypoints.unclear, 3 * 17);
  assert.ok(decoder!.largest < 0.05);
  assert.match(certificate.runtime, /^onnxruntime-\w+ \d+\.\d+/);
  const lines = certificateLines(certificate);
  assert.equal(lines.length, 4);
  assert.match(lines[0]!, /^Certificate: passed\. onnxruntime.*2 drawn people, 1 crop of noise$/);
});

test('a fixed batch is filled up, and models without a decoder have their heatmaps read', async () => {
  const certificate = await certificateOf(tinyModel, { batch: 2, decode: false, input: 'float' });
  assert.ok(certificate.passed);
  assert.equal(certificate.crops, 3);
  assert.equal(certificate.decoder, undefined);
  assert.ok(certificate.keypoints.largest < 0.05);
});

test('a model with one other weight fails, and says by how much', async () => {
  const weights = new Map(tinyModel.weights);
  const bias = weights.get('final_layer.bias')!.slice();
  bias[3]! += 0.01;
  const certificate = await certificateOf({
    ...tinyModel,
    weights: weights.set('final_layer.bias', bias),
  });
  assert.equal(certificate.passed, false);
  assert.match(certificate.failures[0]!, /^heatmaps differ by \d\.\de-3 .* allowed are 1\.0e-4$/);
  assert.match(certificateLines(certificate)[0]!, /FAILED/);
});

test('a model that moves keypoints another way fails by its decoder alone', async () => {
  const certificate = await certificateOf({ ...tinyModel, useDark: false });
  assert.equal(certificate.failures.length, 1);
  assert.match(certificate.failures[0]!, /^keypoints differ/);
});

test('half precision is also seen with every result rounded, and has its own tolerance', async () => {
  const certificate = await certificateOf(tinyModel, { arithmetic: 'fp16' });
  const { passed, heatmaps, halfArithmetic, tolerances } = certificate;
  assert.ok(passed && heatmaps.relative > 1e-6);
  assert.ok(halfArithmetic!.heatmaps.relative > heatmaps.relative);
  assert.equal(tolerances.heatmaps, 1e-2);
  assert.match(certificateLines(certificate)[4]!, /^Every result rounded to half precision$/);
});

test('a heatmap that is not a number does not pass for equal', () => {
  const comparison = createComparison(decodeRules(tinyModel));
  const ours = new Float32Array(8 * 8).fill(0.5);
  const heatmaps = ours.slice();
  heatmaps[5] = Number.NaN;
  comparison.add(ours, { heatmaps }, [1, 1, 8, 8]);
  comparison.add(ours, { heatmaps: ours }, [1, 1, 8, 8]);
  assert.ok(Number.isNaN(comparison.result().heatmaps.relative));
});

test('without a runtime the answer is the line that installs one', async () => {
  await assert.rejects(findOnnxRuntime({ threads: 1 }, ['onnxruntime-of-nobody']), {
    exitCode: 4,
    message: /npm install onnxruntime-web.*--no-check/,
  });
});

test('a file that the runtime cannot load is named', async () => {
  const runtime = await findOnnxRuntime({ threads: 1 });
  await assert.rejects(runtime.open(new Uint8Array(100), 'x.onnx'), {
    exitCode: 3,
    message: /^x\.onnx: onnxruntime-\w+ cannot load it/,
  });
});
