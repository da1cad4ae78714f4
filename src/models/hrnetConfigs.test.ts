import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  hrnetConfig,
  hrnetState,
  hrnetUnits,
  hrnetVariants,
  isRunningStatistic,
  macs,
} from './hrnetConfigs.ts';

const w32 = hrnetConfig('hrnet', 32, 17);
const w48 = hrnetConfig('hrnet', 48, 17);
const elements = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const count = (config: typeof w32, match: (name: string) => boolean) =>
  [...hrnetState(config)].reduce((sum, [n, shape]) => sum + (match(n) ? elements(shape) : 0), 0);

test('HRNet has 292 units, of which 208 in branches and 65 in fusions', () => {
  const names = hrnetUnits(w32).map((unit) => unit.name);
  assert.equal(names.length, 292);
  assert.equal(names.filter((n) => n.includes('.branches.')).length, 208);
  assert.equal(names.filter((n) => n.includes('.fuse_layers.')).length, 65);
  const stage = (s: string) => names.filter((n) => n.startsWith(s)).length;
  assert.deepEqual(
    ['layer1', 'transition', 'stage2', 'stage3', 'stage4'].map(stage),
    [13, 4, 18, 124, 131],
  );
  assert.equal(new Set(hrnetUnits(w32).flatMap((u) => [u.name, u.bn])).size, 584);
});

test('parameter counts of W32 and W48 are the published ones', () => {
  for (const [config, trainable, statistics] of [
    [w32, 28_536_113, 54_336],
    [w48, 63_595_745, 79_584],
  ] as const) {
    assert.equal(
      count(config, (n) => !isRunningStatistic(n)),
      trainable,
    );
    assert.equal(count(config, isRunningStatistic), statistics);
    assert.equal([...hrnetState(config).keys()].filter((n) => !isRunningStatistic(n)).length, 878);
    assert.equal(hrnetState(config).size, 1462);
  }
});

test('every part of W32 has its published number of parameters', () => {
  const expected = {
    transition1: 221_376,
    stage2: 390_848,
    transition2: 73_984,
    stage3: 6_821_632,
    transition3: 295_424,
    stage4: 20_407_232,
    layer1: 286_208,
  };
  for (const [part, parameters] of Object.entries(expected)) {
    const inPart = (n: string) => n.startsWith(`${part}.`) && !isRunningStatistic(n);
    assert.equal(count(w32, inPart), parameters, part);
  }
});

test('multiply-adds are the published ones', () => {
  assert.equal(macs(w32, { width: 288, height: 384 }), 17_201_258_496);
  assert.equal(macs(w48, { width: 288, height: 384 }), 35_306_606_592);
  assert.equal(macs(w32, { width: 192, height: 256 }), 7_645_003_776);
  assert.equal(macs(w48, { width: 192, height: 256 }), 15_691_825_152);
});

test('the canonical order starts with the stem and ends with the fusion of stage 4 and the head', () => {
  const names = [...hrnetState(w32).keys()];
  assert.deepEqual(names.slice(0, 6), [
    'conv1.weight',
    'bn1.weight',
    'bn1.bias',
    'bn1.running_mean',
    'bn1.running_var',
    'conv2.weight',
  ]);
  assert.equal(names.at(-7), 'stage4.2.fuse_layers.0.3.0.weight');
  assert.deepEqual(names.slice(-2), ['final_layer.weight', 'final_layer.bias']);
});

test('a fusion chain halves the size at each step and has ReLU on all but the last', () => {
  const chain = hrnetUnits(w32).filter((u) => u.name.startsWith('stage4.0.fuse_layers.3.0.'));
  assert.deepEqual(
    chain.map((u) => [u.name, u.cin, u.cout, u.stride, u.relu, u.outputStride]),
    [
      ['stage4.0.fuse_layers.3.0.0.0', 32, 32, 2, true, 8],
      ['stage4.0.fuse_layers.3.0.1.0', 32, 32, 2, true, 16],
      ['stage4.0.fuse_layers.3.0.2.0', 32, 256, 2, false, 32],
    ],
  );
});

test('the small variant has two blocks everywhere and one module in each stage', () => {
  const names = hrnetUnits(hrnetConfig('hrnet-small', 18, 17)).map((u) => u.name);
  // stem 2, layer1 7, transitions 4, branches 2·2·(2 + 3 + 4), fusions 2 + 7 + 3
  assert.equal(names.length, 2 + 7 + 4 + 36 + 12);
  assert.ok(names.includes('stage4.0.fuse_layers.0.3.0'));
  assert.ok(!names.some((n) => n.startsWith('stage4.0.fuse_layers.1.')));
});

test('an unknown variant and an impossible width are refused', () => {
  assert.throws(
    () => hrnetConfig('constructor' as 'hrnet', 32, 17),
    /unknown variant.*hrnet-small/,
  );
  assert.throws(() => hrnetConfig('hrnet', 1.5, 17), /expected width/);
  assert.throws(() => hrnetConfig('hrnet', 32, 0), /expected keypoints/);
  assert.deepEqual(hrnetVariants, ['hrnet', 'hrnet-small']);
});
