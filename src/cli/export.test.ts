// hrpose export from outside: files, reports and exit codes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseSafetensors } from '../formats/safetensors.ts';
import { tinyModel, writeTinyWeights } from '../infer/tinyModel.testing.ts';
import { hrnetState } from '../models/hrnetConfigs.ts';
import type { Certificate } from '../onnx/certificate.ts';
import { readOnnx, readOnnxSummary } from '../onnx/read.ts';
import { packageRoot } from '../packageRoot.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { writeModelFile } from '../train/tensorFile.ts';
import { demoConfig, tinyRun } from '../train/tinyRun.testing.ts';

const folder = temporaryFolder();
const weights = writeTinyWeights(join(folder, 'weights.safetensors'));
const tiny = await tinyRun();

function hrpose(...args: string[]) {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [join(packageRoot, 'bin/hrpose.js'), 'export', ...args],
    { encoding: 'utf8', cwd: folder },
  );
  return { status, stderr, stdout };
}

const withConfig = (...args: string[]) =>
  hrpose('-c', demoConfig, '-o', ...tiny.options, `weights=${weights}`, ...args);

test('a model that decodes is checked and scored on the data set and carries its certificate', () => {
  const file = join(folder, 'decode.onnx');
  const { status, stdout, stderr } = withConfig(
    ...['--decode', '--dynamic-batch', '--score', '--output', file, '--json'],
  );
  assert.equal(status, 0, stderr);
  const event = JSON.parse(stdout.trim().split('\n').at(-1)!);
  assert.deepEqual([event.event, event.file, event.format], ['export', file, 'onnx']);
  const bytes = readFileSync(file);
  assert.equal(event.bytes, bytes.length);
  const { metadata, inputs, outputs } = readOnnxSummary(bytes);
  assert.deepEqual(inputs, [{ name: 'images', type: 'uint8', shape: ['N', 64, 32, 3] }]);
  assert.deepEqual(
    outputs.map(({ name, shape }) => [name, ...shape]),
    [
      ['keypoints', 'N', 17, 2],
      ['scores', 'N', 17],
      ['heatmaps', 'N', 17, 16, 8],
    ],
  );
  const certificate = JSON.parse(metadata.get('certificate')!) as Certificate;
  assert.deepEqual(certificate, event.certificate);
  assert.ok(certificate.passed);
  assert.equal(certificate.accuracy!.model, certificate.accuracy!.network);
  assert.equal(JSON.parse(metadata.get('keypoint_names')!)[0], 'nose');
  assert.match(metadata.get('config_sha256')!, /^[0-9a-f]{64}$/);
  assert.deepEqual(JSON.parse(metadata.get('input_size')!), { width: 32, height: 64 });
});

test('without a config the weights tell the network, and --no-check writes without running', () => {
  const { status, stdout, stderr } = hrpose(
    '-o',
    `weights=${weights}`,
    '--output_dir',
    'made',
    '--no-check',
  );
  assert.equal(status, 0, stderr);
  assert.match(stdout, /takes images float32 \[1, 3, 384, 288\], RGB.*\n.*heatmaps.*\nNot checked/);
  const model = readOnnx(readFileSync(join(folder, 'made', 'weights.onnx')));
  assert.equal(model.metadata.has('certificate'), false);
});

test('a model that cannot hold its values in half precision is rejected', () => {
  const tensors = new Map(
    Array.from(hrnetState(tinyModel.config), ([name, shape]) => {
      // The stem's activations leave the range of halves; every weight stays inside.
      const grown = name === 'bn1.weight' || name === 'bn1.bias';
      const data = tinyModel.weights.get(name)!.map((v) => (grown ? v * 1e5 : v));
      return [name, { shape, data }];
    }),
  );
  writeModelFile(join(folder, 'grown.safetensors'), tensors);
  const { status, stdout, stderr } = withConfig(
    ...[
      `weights=${join(folder, 'grown.safetensors')}`,
      '--precision',
      'fp16',
      '--output',
      'half.onnx',
    ],
  );
  assert.equal(status, 5, stderr);
  assert.match(stdout, /Certificate: FAILED/);
  assert.match(
    stderr,
    /^error: export: .*half precision hold values that are no finite.*half\.onnx\.rejected/m,
  );
  assert.ok(existsSync(join(folder, 'half.onnx.rejected')));
  assert.ok(!existsSync(join(folder, 'half.onnx')));
});

test('safetensors hold every tensor, the config and what a user of them needs', () => {
  const file = join(folder, 'out.safetensors');
  const half = join(folder, 'half.safetensors');
  const { status, stdout, stderr } = withConfig('--format', 'safetensors', '--output', file);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /Read back: every value is the same/);
  const { tensors, metadata } = parseSafetensors(readFileSync(file));
  assert.deepEqual(new Set(tensors.keys()), new Set(tinyModel.weights.keys()));
  assert.equal(metadata.get('format'), 'pt');
  assert.equal(JSON.parse(metadata.get('config')!).HRNet.width, 8);
  withConfig('--format', 'safetensors', '--precision', 'fp16', '--output', half);
  const { tensors: halves } = parseSafetensors(readFileSync(half));
  const types = ['conv1.weight', 'bn1.running_var', 'final_layer.bias'];
  assert.deepEqual(
    types.map((name) => halves.get(name)!.dtype),
    ['F16', 'F32', 'F32'],
  );
});

test('an output that is a folder gets a file named after the weights', () => {
  const { status, stderr } = hrpose('-o', `weights=${weights}`, '--no-check', '--output', folder);
  assert.equal(status, 0, stderr);
  assert.ok(existsSync(join(folder, 'weights.onnx')));
});

test('options that contradict each other are refused', () => {
  const answers: readonly (readonly [RegExp, ...string[]])[] = [
    [/--decode is for ONNX models/, '--format', 'safetensors', '--decode'],
    [/--batch: with --dynamic-batch/, '--dynamic-batch', '--batch', '4'],
    [/--score is for the check/, '--score', '--no-check'],
    [/no weights/],
  ];
  for (const [message, ...args] of answers) {
    const { status, stderr } = hrpose('-c', demoConfig, ...args);
    assert.equal(status, 2, stderr);
    assert.match(stderr, message);
  }
});
