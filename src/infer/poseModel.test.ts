import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { goldenState } from '../models/golden.testing.ts';
import { hrnetConfig, hrnetState } from '../models/hrnetConfigs.ts';
import { paddleName } from '../models/weightNames.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { saveCheckpoint } from '../train/checkpoint.ts';
import { savedMetadata } from '../train/settingsModel.ts';
import { writeModelFile } from '../train/tensorFile.ts';
import { demoConfig, settingsOf } from '../train/tinyRun.testing.ts';
import { openModel } from './openModel.ts';
import { modelOfWeights } from './poseModel.ts';
import { recogniseNetwork } from './recogniseNetwork.ts';
import { tinyModel, writeTinyWeights } from './tinyModel.testing.ts';

const folder = temporaryFolder();
const tinyOptions = [
  'trainsize=[64, 96]',
  'hmsize=[16, 24]',
  'HRNet.width=8',
  'TopDownHRNet.width=8',
];
const shapesOf = (config: Parameters<typeof hrnetState>[0], rename = (name: string) => name) =>
  new Map(Array.from(hrnetState(config), ([name, shape]) => [rename(name), { shape }]));

test('a network is recognised by names and shapes, whatever scheme the names follow', () => {
  for (const config of [
    hrnetConfig('hrnet', 32, 17),
    hrnetConfig('hrnet', 48, 16),
    hrnetConfig('hrnet-small', 18, 17),
  ]) {
    assert.deepEqual(recogniseNetwork(shapesOf(config), 'x'), config);
    assert.deepEqual(
      recogniseNetwork(
        shapesOf(config, (n) => paddleName(n) ?? n),
        'x',
      ),
      config,
    );
    assert.deepEqual(
      recogniseNetwork(
        shapesOf(config, (n) => `module.${n}`),
        'x',
      ),
      config,
    );
  }
});

test('weights of something else, of a backbone alone, or with a part missing are refused', () => {
  const config = hrnetConfig('hrnet-small', 8, 17);
  const without = (pattern: RegExp) =>
    new Map([...shapesOf(config)].filter(([name]) => !pattern.test(name)));
  const other = new Map([['fc.weight', { shape: [3, 3] }]]);
  assert.throws(() => recogniseNetwork(other, 'x'), { exitCode: 3, message: /no HRNet/ });
  assert.throws(() => recogniseNetwork(without(/^final/), 'x'), /without a head/);
  assert.throws(
    () => recogniseNetwork(without(/^stage3\.0\.b/), 'x'),
    /do not fit the model.*missing: /s,
  );
});

test('weights that lie alone get the usual settings, and an input size when one is asked for', () => {
  const file = writeTinyWeights(join(folder, 'alone.safetensors'));
  const { model, knownBy } = modelOfWeights(file);
  assert.deepEqual([knownBy, model.inputSize], ['shapes', { width: 288, height: 384 }]);
  assert.deepEqual(model.config, tinyModel.config);
  assert.deepEqual([...model.weights.keys()], [...tinyModel.weights.keys()]);
  const size = { width: 64, height: 96 };
  assert.deepEqual(modelOfWeights(file, size).model.inputSize, size);
});

test('weights that say what they are for are used so, and a config that says otherwise is warned about', async () => {
  const trained = settingsOf([...tinyOptions, 'TopDownHRNet.use_dark=false']).settings;
  const file = writeTinyWeights(join(folder, 'told.safetensors'), savedMetadata(trained));
  const { model, knownBy } = modelOfWeights(file);
  assert.deepEqual(
    [knownBy, model.inputSize, model.useDark],
    ['file', { width: 64, height: 96 }, false],
  );
  assert.throws(() => modelOfWeights(file, { width: 288, height: 384 }), /trained for 96x64/);
  const warnings: string[] = [];
  const options = [...tinyOptions, 'trainsize=[96, 128]', 'hmsize=[24, 32]', `weights=${file}`];
  const opened = await openModel({ config: demoConfig, opt: options, flip: false }, (text) =>
    warnings.push(text),
  );
  assert.deepEqual(
    [opened.knownBy, opened.model.inputSize],
    ['config', { width: 96, height: 128 }],
  );
  assert.deepEqual(warnings, [`${file} is for input 96x64; the config's 128x96 is used.`]);
});

test('weights for other keypoints work without names, but not mirrored', async () => {
  const config = hrnetConfig('hrnet-small', 8, 5);
  const shapes = hrnetState(config);
  const file = join(folder, 'five.safetensors');
  const tensors = Array.from(goldenState(config), ([name, data]) => {
    return [name, { shape: shapes.get(name)!, data }] as const;
  });
  writeModelFile(file, new Map(tensors));
  const { skeleton } = modelOfWeights(file).model;
  assert.deepEqual([skeleton.keypoints.length, skeleton.limbs.length], [5, 0]);
  const flags = { opt: [`weights=${file}`], flip: true };
  await assert.rejects(
    openModel(flags, () => {}),
    {
      exitCode: 3,
      message: /^--flip: .*flip_perm/,
    },
  );
});

test('weights of a run bring the settings that they were trained with', async () => {
  const run = join(folder, 'run');
  mkdirSync(run);
  const { resolved } = settingsOf(tinyOptions);
  const shapes = hrnetState(tinyModel.config);
  const tensors = new Map(
    Array.from(tinyModel.weights, ([name, data]) => [name, { shape: shapes.get(name)!, data }]),
  );
  const meta = { step: 1, epoch: 0, stepInEpoch: 1, seed: 0, config: resolved };
  saveCheckpoint(run, { tensors, moments: new Map(), meta });
  const best = writeTinyWeights(join(run, 'best_model.safetensors'));
  for (const path of [run, best]) {
    const { model, knownBy } = modelOfWeights(path);
    assert.deepEqual([knownBy, model.inputSize], ['run', { width: 64, height: 96 }]);
  }
  assert.throws(() => modelOfWeights(best, { width: 288, height: 384 }), /trained for 96x64/);
  const stranger = writeTinyWeights(join(run, 'downloaded.safetensors'));
  assert.equal(modelOfWeights(stranger).knownBy, 'shapes');
  const { model } = await openModel(
    { config: demoConfig, opt: [...tinyOptions, `weights=${best}`], flip: true },
    () => {},
  );
  assert.deepEqual(model.inputSize, { width: 64, height: 96 });
});

test('without a config only weights can be set, and they must be', async () => {
  const open = (...opt: string[]) => openModel({ opt, flip: false }, () => {});
  await assert.rejects(open(), { exitCode: 2, message: /-o weights=PATH/ });
  await assert.rejects(open('weights=x', 'epoch=3'), { exitCode: 2, message: /-o epoch=3/ });
});
