import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HrposeError } from '../errors.ts';
import { hrnetConfig, hrnetState, hrnetUnits } from './hrnetConfigs.ts';
import { officialName, paddleName } from './weightNames.ts';
import { assertComplete, describeMatch, hasHead, matchWeights, type Shaped } from './weights.ts';

const w32 = hrnetState(hrnetConfig('hrnet', 32, 17));
const w48 = hrnetState(hrnetConfig('hrnet', 48, 17));
const small = hrnetState(hrnetConfig('hrnet-small', 32, 17));

/** The names of an official ImageNet file: no head for keypoints, a classifier, every fuse layer. */
function imageNetFile() {
  const file = fileOf(w32);
  for (const name of ['final_layer.weight', 'final_layer.bias']) file.delete(name);
  for (const { name, bn } of hrnetUnits(hrnetConfig('hrnet', 32, 17))) {
    const out = /^stage4\.1\.fuse_layers\.[123]/;
    if (out.test(name)) file.set(`${name.replace('stage4.1', 'stage4.2')}.weight`, { shape: [1] });
    if (!out.test(bn)) continue;
    for (const leaf of ['weight', 'bias', 'running_mean', 'running_var']) {
      file.set(`${bn.replace('stage4.1', 'stage4.2')}.${leaf}`, { shape: [1] });
    }
  }
  for (const part of ['incre_modules.0.0.conv1', 'downsamp_modules.0.0', 'final_layer.0']) {
    file
      .set(`${part}.weight`, { shape: [2048, 1024, 1, 1] })
      .set(`${part}.bias`, { shape: [2048] });
  }
  return file.set('classifier.weight', { shape: [1000, 2048] });
}

/** A file with the given tensors, names changed by `rename`. */
function fileOf(state: ReadonlyMap<string, readonly number[]>, rename = (name: string) => name) {
  return new Map<string, Shaped>([...state].map(([name, shape]) => [rename(name), { shape }]));
}
const inPaddle = (name: string) => paddleName(name)!;
const refuses = (action: () => void, message: RegExp) =>
  assert.throws(action, (error) => error instanceof HrposeError && message.test(error.message));

test('with a batch counter for each batch norm W32 has the 1754 official entries, all used or ignored', () => {
  const file = fileOf(w32);
  for (const { bn } of hrnetUnits(hrnetConfig('hrnet', 32, 17))) {
    file.set(`${bn}.num_batches_tracked`, { shape: [] });
  }
  assert.equal(file.size, 1754);
  const report = matchWeights(w32, file);
  assert.equal(report.assign.size, 1462);
  assert.deepEqual(report.extra, []);
});

test('files in every known scheme fill the whole model', () => {
  const schemes: Record<string, (name: string) => string> = {
    official: (n) => n,
    'data parallel': (n) => `module.${n}`,
    mmpose: (n) => (n.startsWith('final') ? `head.${n}` : `backbone.${n}`),
    'old mmpose': (n) => (n.startsWith('final') ? `keypoint_head.${n}` : `backbone.${n}`),
    paddle: inPaddle,
    'paddle backbone': (n) => inPaddle(n).replace(/^backbone\./, ''),
  };
  for (const [scheme, rename] of Object.entries(schemes)) {
    const report = matchWeights(w32, fileOf(w32, rename));
    assert.equal(report.assign.size, 1462, scheme);
    assert.deepEqual([report.missing, report.extra, report.mismatched], [[], [], []], scheme);
    assertComplete(report, scheme);
    const fileName = rename('stage4.2.fuse_layers.0.3.0.weight');
    assert.equal(officialName(fileName), 'stage4.2.fuse_layers.0.3.0.weight', scheme);
  }
});

test('a name of the file serves the name that ends with it, the longest one first', () => {
  const expected = new Map([
    ['a.b.weight', [1]],
    ['c.weight', [2]],
    ['xb.weight', [3]],
  ]);
  const file = new Map([
    ['b.weight', { shape: [1], from: 'short' }],
    ['a.b.weight', { shape: [1], from: 'long' }],
    ['c.weight', { shape: [2], from: 'equal' }],
  ]);
  const report = matchWeights(expected, file);
  assert.equal(report.assign.get('a.b.weight')?.from, 'long');
  assert.equal(report.assign.get('c.weight')?.from, 'equal');
  assert.deepEqual(report.missing, ['xb.weight']);
  assert.deepEqual(report.extra, ['b.weight']);
  file.delete('a.b.weight');
  assert.equal(matchWeights(expected, file).assign.get('a.b.weight')?.from, 'short');
});

test('a tensor that would serve twice is an error, unless its shape fits only once', () => {
  const file = new Map([['weight', { shape: [1] }]]);
  const twice = new Map([
    ['a.weight', [1]],
    ['b.weight', [1]],
  ]);
  refuses(
    () => matchWeights(twice, file, 'x.pth'),
    /x\.pth: 'weight' would serve both 'a\.weight' and 'b\.weight'/,
  );
  const once = new Map([
    ['a.weight', [1]],
    ['b.weight', [2]],
  ]);
  const report = matchWeights(once, file);
  assert.deepEqual([...report.assign.keys()], ['a.weight']);
  assert.deepEqual(report.mismatched, [
    { name: 'b.weight', fileName: 'weight', expected: [2], found: [1] },
  ]);
});

test('a missing name of the stem is not served by the end of another name', () => {
  const file = fileOf(w32);
  file.delete('layer1.0.conv1.weight');
  assert.deepEqual(matchWeights(w32, file).missing, ['layer1.0.conv1.weight']);
});

test('two names of the file for one tensor are an error', () => {
  const file = fileOf(w32);
  file.set('module.conv1.weight', { shape: [64, 3, 3, 3] });
  refuses(
    () => matchWeights(w32, file),
    /'conv1\.weight' and 'module\.conv1\.weight' both stand for 'conv1\.weight'/,
  );
});

test('a backbone alone is complete only if the head may be missing', () => {
  const file = fileOf(w32, (n) => (n.startsWith('final') ? `incre_modules.${n}.x` : n));
  const report = matchWeights(w32, file);
  assertComplete(report, 'backbone.pth', { mayMiss: 'head' });
  refuses(() => assertComplete(report, 'backbone.pth'), /backbone\.pth.*1460 of 1462/s);
  assert.equal(report.extra.length, 2);
});

test('weights of another width are refused with both widths and the shapes', () => {
  const report = matchWeights(w32, fileOf(w48));
  refuses(
    () => assertComplete(report, 'w48.pth', { mayMiss: 'head' }),
    /w48\.pth.*look like weights of width 48; the model has width 32.*transition1\.0\.0\.weight: expected \[32, 256, 3, 3\], got \[48, 256, 3, 3\].*… and \d+ more/s,
  );
});

test('weights of another skeleton, another variant or another network are told apart', () => {
  const mpii = hrnetState(hrnetConfig('hrnet', 32, 16));
  const head = matchWeights(w32, fileOf(mpii));
  assert.match(describeMatch(head), /head is for 16 keypoints; the model has 17/);
  assertComplete(head, 'mpii.pth', { mayMiss: 'head' });
  assert.match(describeMatch(matchWeights(w32, fileOf(small))), /of a smaller variant/);
  assert.match(describeMatch(matchWeights(small, fileOf(w32))), /of a larger variant/);
  const resnet = new Map([['layer2.0.conv1.weight', { shape: [1] }]]);
  assert.match(describeMatch(matchWeights(w32, resnet)), /not weights of an HRNet/);
});

test('of an ImageNet file the whole backbone is used, and what is not is told by its part', () => {
  const report = matchWeights(w32, imageNetFile());
  assert.equal(report.assign.size, 1460);
  assert.equal(hasHead(report), false);
  assertComplete(report, 'hrnet_w32.pth', { mayMiss: 'head' });
  const text = describeMatch(report);
  assert.match(text, /^1460 of 1462 tensors fit\.\nThe file has no head for keypoints/);
  assert.match(text, /missing: 2\n {4}final_layer\.weight\n {4}final_layer\.bias/);
  // 13 units of 5 tensors each lead to the outputs that a pose network leaves out.
  assert.match(text, /not used: 72\n {4}stage4\.2\.fuse_layers: 65\n {4}incre_modules: 2\n/);
  assert.match(text, / {4}classifier\.weight$/);
  const file = imageNetFile();
  file.delete('stage3.2.branches.1.0.bn1.bias');
  const torn = matchWeights(w32, file);
  refuses(
    () => assertComplete(torn, 'hrnet_w32.pth', { mayMiss: 'head' }),
    /1459 of 1462.*missing: 3\n {4}stage3\.2\.branches\.1\.0\.bn1\.bias/s,
  );
});
