// `hrpose weights` as a person types it, on a tiny network.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { startTestServer } from '../data/fetch/server.testing.ts';
import type { Tensor } from '../formats/tensor.ts';
import { tinyModel, writeTinyWeights } from '../infer/tinyModel.testing.ts';
import { hrnetUnits } from '../models/hrnetConfigs.ts';
import { modelMetadata } from '../models/modelMetadata.ts';
import { officialName } from '../models/weightNames.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { readWeightFile, writeWeightFile } from '../train/weightFile.ts';
import { runProgram } from './program.testing.ts';

const folder = temporaryFolder();
const cache = join(folder, 'cache');
const tiny = join(folder, 'tiny.safetensors');

const hrpose = (...args: string[]) =>
  runProgram(args, { env: { ...process.env, HRPOSE_CACHE: cache }, cwd: folder });

async function succeeds(...args: string[]): Promise<string> {
  const { code, out, err } = await hrpose(...args);
  assert.deepEqual([code, err], [0, ''], out);
  return out;
}

async function fails(exitCode: number, message: RegExp, ...args: string[]): Promise<void> {
  const { code, err } = await hrpose(...args);
  assert.equal(code, exitCode, err);
  assert.match(err, message);
}

const tensorsOf = (name: string) => readWeightFile(join(folder, name)).tensors;

/** The bytes of every tensor by its official name. */
const bits = (tensors: ReadonlyMap<string, Tensor>) =>
  new Map(
    Array.from(tensors, ([name, { dtype, shape, data }]) => [
      officialName(name) ?? name,
      `${dtype} ${shape} ${Buffer.from(data).toString('base64')}`,
    ]),
  );

before(() => {
  writeTinyWeights(tiny);
});

test('inspect tells format, network, names and the first and last tensors', async () => {
  const lines = (await succeeds('weights', 'inspect', 'tiny')).split('\n');
  assert.match(lines[0]!, /^tiny\.safetensors: safetensors, [\d.]+ MB$/);
  assert.match(lines[1]!, /^ {2}tensors {2}307 \(307 F32\), [\d,]+ values$/);
  assert.match(lines[2]!, /^ {2}network {2}hrnet-small, width 8, 17 keypoints, [\d,]+ parameters$/);
  assert.equal(lines[3], '  names    official');
  assert.equal(lines[4], '  fit      307 of 307 tensors fit.');
  assert.equal(lines.filter((line) => /F32 \[/.test(line)).length, 10);
  assert.match(lines.join('\n'), /… 297 more; --all lists them/);
  const all = (await succeeds('weights', 'inspect', 'tiny', '--all')).split('\n');
  assert.equal(all.filter((line) => /F32 \[/.test(line)).length, 307);
});

test('with --json inspect prints one line', async () => {
  const event = JSON.parse(await succeeds('weights', 'inspect', tiny, '--json', '--all'));
  const { network, ...rest } = event;
  assert.deepEqual([rest.event, rest.format, rest.tensors], ['weights', 'safetensors', 307]);
  assert.deepEqual([network.variant, network.width, network.keypoints], ['hrnet-small', 8, 17]);
  assert.deepEqual([network.complete, network.missing, network.extra], [true, [], []]);
  assert.deepEqual(rest.list.length, 307);
  assert.equal('list' in JSON.parse(await succeeds('weights', 'inspect', tiny, '--json')), false);
});

test('from safetensors to PaddleDetection, to PyTorch and back every byte is the same', async () => {
  const steps = ['tiny.safetensors', 'a.pdparams', 'b.pth', 'c.safetensors', 'd.pt'];
  for (let i = 1; i < steps.length; i++) {
    const out = await succeeds('weights', 'convert', steps[i - 1]!, steps[i]!);
    const scheme = i === 1 ? 'PaddleDetection' : 'official';
    assert.match(out, new RegExp(`^${steps[i]}: 307 tensors, ${scheme} names, .* MB\\n$`));
  }
  assert.ok(readFileSync(tiny).equals(readFileSync(join(folder, 'c.safetensors'))));
  const expected = bits(tensorsOf('tiny.safetensors'));
  for (const step of steps) assert.deepEqual(bits(tensorsOf(step)), expected, step);
  assert.deepEqual([...tensorsOf('a.pdparams').keys()].slice(0, 2), [
    'backbone.conv_layer1_1.conv.weight',
    'backbone.conv_layer1_1.norm.weight',
  ]);
});

test('batch counters go along to PyTorch, not to PaddleDetection; strangers keep their names', async () => {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of tensorsOf('tiny.safetensors')) tensors.set(`module.${name}`, tensor);
  for (const { bn } of hrnetUnits(tinyModel.config)) {
    const data = new Uint8Array(8).fill(1);
    tensors.set(`module.${bn}.num_batches_tracked`, { dtype: 'I64', shape: [], data });
  }
  const odd = { dtype: 'F16', shape: [3], data: new Uint8Array(6).fill(7) } as const;
  tensors.set('classifier.bias', odd);
  writeWeightFile(join(folder, 'counted.pth'), tensors);
  const units = hrnetUnits(tinyModel.config).length;
  const official = await succeeds('weights', 'convert', 'counted.pth', 'counted.safetensors');
  assert.match(official, /own names, which no HRNet has: classifier\.bias\n$/);
  const counted = tensorsOf('counted.safetensors');
  assert.equal(counted.size, 308 + units);
  assert.deepEqual(counted.get('bn1.num_batches_tracked')?.data, new Uint8Array(8).fill(1));
  assert.deepEqual({ ...counted.get('classifier.bias') }, odd);
  const paddle = await succeeds('weights', 'convert', 'counted.pth', 'counted.pdparams');
  assert.match(paddle, new RegExp(`left out: ${units} batch counters`));
  assert.equal(tensorsOf('counted.pdparams').size, 308);
  const text = await succeeds('weights', 'inspect', 'counted.pth');
  assert.match(text, /names {4}official, data parallel/);
  assert.match(text, new RegExp(`not used: 1\\n +classifier\\.bias\\n +${units} batch counters`));
});

test('what a file is made for is told, and goes along to another safetensors file', async () => {
  const about = { version: '1', configSha256: undefined, decode: false };
  writeTinyWeights(join(folder, 'told.safetensors'), modelMetadata(tinyModel, about));
  await succeeds('weights', 'convert', 'told.safetensors', 'again.safetensors');
  assert.match(
    await succeeds('weights', 'inspect', 'again.safetensors'),
    /^ {2}made for 96x64, skeleton coco17$/m,
  );
  const event = JSON.parse(await succeeds('weights', 'inspect', 'again.safetensors', '--json'));
  assert.deepEqual([event.inputSize, event.skeleton], [tinyModel.inputSize, 'coco17']);
});

test('--names overrules what the ending says', async () => {
  await succeeds('weights', 'convert', tiny, 'paddle.pth', '--names', 'paddle');
  assert.ok(tensorsOf('paddle.pth').has('final_conv.bias'));
});

test('a file that is there is only replaced with --force, and nothing is left beside', async () => {
  const out = join(folder, 'out');
  mkdirSync(out);
  writeFileSync(join(out, 'x.pth'), 'precious');
  await fails(
    2,
    /x\.pth: is there already\. Pass --force/,
    'weights',
    'convert',
    tiny,
    'out/x.pth',
  );
  assert.equal(readFileSync(join(out, 'x.pth'), 'utf8'), 'precious');
  await succeeds('weights', 'convert', tiny, 'out/x.pth', '--force');
  assert.equal(tensorsOf('out/x.pth').size, 307);
  assert.deepEqual(readdirSync(out), ['x.pth']);
});

test('what cannot be done ends in one clear error', async () => {
  writeFileSync(join(folder, 'cut.safetensors'), readFileSync(tiny).subarray(0, 5000));
  writeFileSync(join(folder, 'text.pth'), 'this is no pickle');
  await fails(2, /cannot tell.*'x\.onnx'.*\.safetensors/, 'weights', 'convert', tiny, 'x.onnx');
  await fails(3, /found no file 'none'/, 'weights', 'inspect', 'none');
  await fails(3, /cut\.safetensors: /, 'weights', 'inspect', 'cut.safetensors');
  await fails(3, /text\.pth: /, 'weights', 'convert', 'text.pth', 'y.pth');
  assert.equal(existsSync(join(folder, 'y.pth')), false);
});

test('a file of something else is listed all the same', async () => {
  const data = new Uint8Array(8);
  const strange = new Map([['a\u001b[31m.moment', { dtype: 'F32', shape: [2], data } as const]]);
  writeWeightFile(join(folder, 'strange.pdparams'), strange);
  const out = await succeeds('weights', 'inspect', 'strange.pdparams');
  assert.match(out, /network {2}none that is known here/);
  assert.match(out, /a\ufffd\[31m\.moment {2}F32 \[2\]/);
});

test('an address is fetched, once', async () => {
  const server = await startTestServer(
    new Map([['/w.pdparams', readFileSync(join(folder, 'a.pdparams'))]]),
  );
  const address = `${server.url}/w.pdparams`;
  try {
    const out = await succeeds('weights', 'inspect', address);
    assert.match(out, /w\.pdparams: fetched, .*kept as .*cache.weights/);
    assert.match(out, /names {4}PaddleDetection/);
  } finally {
    await server.close();
  }
  assert.doesNotMatch(await succeeds('weights', 'convert', address, 'fetched.pth'), /fetched,/);
  await fails(
    4,
    /by other means:\n {2}from .*other\.pth/,
    'weights',
    'inspect',
    `${server.url}/other.pth`,
  );
});
