import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hrnetConfig, hrnetState, hrnetUnits } from './hrnetConfigs.ts';
import { identifyWeights } from './identifyWeights.ts';
import { inspectWeights, tensorLines } from './inspectWeights.ts';
import { renameWeights } from './renameWeights.ts';
import { paddleName } from './weightNames.ts';

const config = hrnetConfig('hrnet', 48, 17);

/** A file of zeros with the given names. */
function fileOf(state: ReadonlyMap<string, readonly number[]>, rename = (name: string) => name) {
  const entries = Array.from(
    state,
    ([name, shape]) => [rename(name), { dtype: 'F32', shape } as const] as const,
  );
  return new Map<string, { dtype: 'F32' | 'I64'; shape: readonly number[] }>(entries);
}

function withCounters(prefix = '') {
  const file = fileOf(hrnetState(config), (name) => prefix + name);
  for (const { bn } of hrnetUnits(config)) {
    file.set(`${prefix}${bn}.num_batches_tracked`, { dtype: 'I64', shape: [] });
  }
  return file;
}

test('width, keypoints, variant and naming are seen in names and shapes', () => {
  const cases = [
    ['hrnet', 32, 17, 'official', (n: string) => n],
    ['hrnet', 18, 16, 'official, data parallel', (n: string) => `module.${n}`],
    ['hrnet', 48, 133, 'MMPose', (n: string) => (/^f/.test(n) ? `head.${n}` : `backbone.${n}`)],
    ['hrnet-small', 64, 21, 'PaddleDetection', (n: string) => paddleName(n)!],
  ] as const;
  for (const [variant, width, keypoints, naming, rename] of cases) {
    const file = fileOf(hrnetState(hrnetConfig(variant, width, keypoints)), rename);
    const found = identifyWeights(file, 'x')!;
    assert.deepEqual(
      [found.variant, found.config.width, found.keypoints, found.naming],
      [variant, width, keypoints, [naming]],
    );
    assert.deepEqual([found.report.missing, found.report.extra], [[], []]);
  }
});

test('a file that lacks tensors is still of the variant that it is nearest to', () => {
  const file = fileOf(hrnetState(config));
  for (const name of file.keys()) if (/^stage4\.0\.|^final/.test(name)) file.delete(name);
  const found = identifyWeights(file, 'x')!;
  assert.deepEqual([found.variant, found.keypoints], ['hrnet', undefined]);
  assert.equal(identifyWeights(new Map([['fc.weight', { shape: [10, 3] }]]), 'x'), undefined);
});

test('an inspection counts tensors, values and parameters, and tells what lacks', () => {
  const { inspection, lines } = inspectWeights(withCounters('module.'), 'x');
  assert.deepEqual(inspection.dtypes, { F32: 1462, I64: 292 });
  // Parameters and running statistics of W48 as the spec has them, and a value for each counter.
  assert.equal(inspection.values, 63_595_745 + 79_584 + 292);
  assert.equal(inspection.network?.parameters, 63_595_745);
  assert.equal(inspection.network?.complete, true);
  assert.deepEqual(lines, [
    'tensors  1754 (1462 F32, 292 I64), 63,675,621 values',
    'network  HRNet-W48, 17 keypoints, 63,595,745 parameters',
    'names    official, data parallel',
    'fit      1462 of 1462 tensors fit.',
    '         292 batch counters are not needed.',
  ]);
  const moments = new Map([['conv2d_0.w_0_moment1_0', { dtype: 'F32', shape: [2, 3] } as const]]);
  assert.equal(inspectWeights(moments, 'x').inspection.network, null);
  assert.deepEqual(tensorLines(moments), ['conv2d_0.w_0_moment1_0  F32 [2, 3]']);
});

test('names go to PaddleDetection and back, in the order of the network', () => {
  const shuffled = new Map([...withCounters('module.')].sort(([a], [b]) => (a < b ? -1 : 1)));
  const paddle = renameWeights(shuffled, 'paddle', config, 'x');
  const official = [...hrnetState(config).keys()];
  assert.deepEqual([...paddle.tensors.keys()], official.map(paddleName));
  assert.deepEqual([paddle.kept, paddle.dropped.length], [[], 292]);
  const back = renameWeights(paddle.tensors, 'official', config, 'x');
  assert.deepEqual([...back.tensors.keys()], official);
  for (const [name, tensor] of back.tensors) assert.equal(tensor, shuffled.get(`module.${name}`));
});

test('official names keep their batch counters, each after its running variance', () => {
  const { tensors, dropped } = renameWeights(withCounters('backbone.'), 'official', config, 'x');
  assert.deepEqual([tensors.size, dropped], [1754, []]);
  assert.deepEqual(
    [...tensors.keys()].slice(0, 7),
    ['conv1.weight', 'bn1.weight', 'bn1.bias', 'bn1.running_mean', 'bn1.running_var'].concat(
      'bn1.num_batches_tracked',
      'conv2.weight',
    ),
  );
});

test('names that no HRNet has are kept, at the end; two tensors never get one name', () => {
  const file = new Map([
    ['classifier.weight', { dtype: 'F32', shape: [1] } as const],
    ...withCounters(),
  ]);
  const { tensors, kept } = renameWeights(file, 'paddle', config, 'x');
  assert.deepEqual(
    [kept, [...tensors.keys()].at(-1)],
    [['classifier.weight'], 'classifier.weight'],
  );
  const twice = new Map([...file, ['module.conv1.weight', file.get('conv1.weight')!] as const]);
  assert.throws(() => renameWeights(twice, 'official', config, 'x.pth'), {
    exitCode: 3,
    message:
      /x\.pth: 'conv1\.weight' and 'module\.conv1\.weight' would both become 'conv1\.weight'/,
  });
});
