import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import { loadDataset } from '../data/dataset.ts';
import { environmentError, HrposeError } from '../errors.ts';
import { drawnWeights } from '../models/drawWeights.ts';
import { hrnetState } from '../models/hrnetConfigs.ts';
import { rulesOfMetadata } from '../models/modelMetadata.ts';
import { packageRoot } from '../packageRoot.ts';
import { coco17 } from '../pose/skeletons.ts';
import { latestCheckpoint, loadCheckpoint } from './checkpoint.ts';
import { networkConfig } from './settingsModel.ts';
import { readTensorFile } from './tensorFile.ts';
import { demoConfig, interruptAfter, settingsOf, tinyRun, tinyTrain } from './tinyRun.testing.ts';
import { type TrainOptions, train } from './train.ts';
import { writeWeightFile } from './weightFile.ts';

const backend = createDnnlBackend({ threads: 1 });
const tiny = await tinyRun();
const { settings: plain } = settingsOf(tiny.options);
const { records } = await loadDataset(plain.train.dataset, plain.skeleton, plain.inputSize);
const stepsPerEpoch = Math.ceil(records.length / 4);
assert.ok(stepsPerEpoch >= 3, `${records.length} people make too few steps for these tests`);

/** Three epochs in a folder of its own. */
function optionsFor(name: string, more: readonly string[] = [], rest: Partial<TrainOptions> = {}) {
  return tinyTrain(tiny, name, backend, ['epoch=3', 'snapshot_epoch=1', ...more], rest);
}

const events = (runDir: string, event = 'train') =>
  readFileSync(join(runDir, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, number | string>)
    .filter((entry) => entry.event === event);

const losses = (runDir: string) => events(runDir).map(({ step, loss, lr }) => ({ step, loss, lr }));

function sameRun(a: string, b: string): void {
  const [one, other] = [loadCheckpoint(a), loadCheckpoint(b)];
  assert.equal(one.meta!.step, other.meta!.step);
  for (const part of ['tensors', 'moments'] as const) {
    assert.equal(one[part].size, other[part].size);
    for (const [name, { data }] of one[part]) {
      assert.ok(
        Buffer.from(data.buffer, data.byteOffset, data.byteLength).equals(
          Buffer.from(other[part].get(name)!.data.slice().buffer),
        ),
        `${name} differs`,
      );
    }
  }
  const file = 'model_final.safetensors';
  assert.ok(readFileSync(join(a, file)).equals(readFileSync(join(b, file))));
  assert.deepEqual(losses(a), losses(b));
}

test('a run that was interrupted goes on and ends in the same bytes as one that was not', async () => {
  const whole = optionsFor('whole');
  await train(whole.options);
  const stopAt = stepsPerEpoch + 2;
  const first = optionsFor('parts', [], { report: interruptAfter(stopAt) });
  await assert.rejects(train(first.options), (error: unknown) => {
    assert.ok(error instanceof HrposeError);
    assert.equal(error.exitCode, 130);
    assert.match(error.message, new RegExp(`after step ${stopAt}\\..* -r `));
    return true;
  });
  assert.equal(loadCheckpoint(first.runDir).meta?.stepInEpoch, 2);
  const { options, runDir } = optionsFor('parts', [], { resume: first.runDir });
  await train(options);
  sameRun(whole.runDir, runDir);
});

test('a run killed in the middle of an epoch goes on from its snapshot and ends in the same bytes', async () => {
  const whole = optionsFor('whole-2');
  await train(whole.options);
  const { runDir } = optionsFor('killed');
  const args = [
    'train',
    '-c',
    demoConfig,
    '--json',
    '--threads',
    '1',
    '--search',
    'off',
    '--seed',
    '1',
    '-o',
  ];
  const settings = [
    ...tiny.options,
    'epoch=3',
    'snapshot_epoch=1',
    `save_dir=${join(runDir, '..')}`,
  ];
  const child = spawn(
    process.execPath,
    [join(packageRoot, 'bin/hrpose.js'), ...args, ...settings],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
    if (output.includes(`"event":"train","step":${stepsPerEpoch + 1},`)) child.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) => child.on('close', (_, how) => resolve(how)));
  assert.equal(signal, 'SIGKILL', output);
  const { options } = optionsFor('killed', [], { resume: runDir });
  await train(options);
  sameRun(whole.runDir, runDir);
});

test('a loss that is not finite stops the run with the step and nothing of it is saved', async () => {
  const { options, runDir } = optionsFor('infinite', ['LearningRate.base_lr=1e30']);
  await assert.rejects(train(options), (error: unknown) => {
    assert.ok(error instanceof HrposeError, String(error));
    assert.equal(error.exitCode, 5);
    assert.match(error.message, /step \d+/);
    assert.match(error.message, /base_lr/);
    return true;
  });
  assert.equal(latestCheckpoint(runDir), undefined);
  assert.ok(!existsSync(join(runDir, 'model_final.safetensors')));
});

test('with --eval the best weights are kept and every evaluation is in metrics.jsonl', async () => {
  const { options, runDir } = optionsFor('scored', [], { evaluate: true });
  const { score, bestAp } = await train(options);
  const rows = events(runDir, 'eval');
  assert.deepEqual(
    rows.map(({ epoch }) => epoch),
    [1, 2, 3],
  );
  assert.equal(Math.max(...rows.map(({ AP }) => AP as number)), bestAp);
  assert.equal(rows.at(-1)!.AP, score!.stats[0]);
  assert.ok(existsSync(join(runDir, 'best_model.safetensors')));
});

test('what is wrong with the data to score on shows before the first step', async () => {
  const nowhere = ['EvalDataset.anno_path=nowhere.json'];
  const { options, runDir } = optionsFor('nowhere', nowhere, { evaluate: true });
  await assert.rejects(train(options), { exitCode: 3, message: /nowhere\.json/ });
  assert.ok(!existsSync(join(runDir, 'checkpoints')));
});

test('several micro-batches an update make as many updates as the batches divided by them', async () => {
  const { options, runDir } = optionsFor('summed', ['epoch=1'], { accumulate: 2 });
  const { steps } = await train(options);
  assert.equal(steps, Math.ceil(stepsPerEpoch / 2));
  assert.equal(loadCheckpoint(runDir).meta?.epoch, 1);
});

test('a checkpoint of another network is refused by name and shape', async () => {
  const { options, runDir } = optionsFor('other', ['epoch=1']);
  await train(options);
  const wider = optionsFor('wider', ['TopDownHRNet.width=16', 'HRNet.width=16'], {
    resume: runDir,
  });
  await assert.rejects(train(wider.options), /expected 'transition1\.0\.0\.weight' of shape \[16,/);
});

test('a new run fetches the weights that it names by address, a resumed one does not', async () => {
  const address = 'https://example.org/start.pth';
  const asked: string[] = [];
  const file = join(tiny.folder, 'start.pth');
  const fetchWeights = async (place: string) => {
    asked.push(place);
    return file;
  };
  const from = ['epoch=1', 'LearningRate.base_lr=0', `pretrain_weights=${address}`];
  const { options, runDir } = optionsFor('fetched', from, { fetchWeights });
  const config = networkConfig(options.settings);
  const weights = drawnWeights(config, 77);
  const tensors = Array.from(hrnetState(config), ([name, shape]) => {
    const data = new Uint8Array(weights.get(name)!.buffer);
    return [`module.${name}`, { dtype: 'F32', shape, data } as const] as const;
  });
  writeWeightFile(file, new Map(tensors));
  await train(options);
  const trained = loadCheckpoint(runDir).tensors.get('conv1.weight')!;
  // With a learning rate of 0 the parameters stay what the file held.
  assert.deepEqual(trained.data, weights.get('conv1.weight'));
  await train({ ...options, resume: runDir });
  assert.deepEqual(asked, [address]);
  const offline = () => Promise.reject(environmentError(`download: ${address} failed.`));
  await assert.rejects(train({ ...options, fetchWeights: offline }), {
    exitCode: 4,
    message: /^pretrain_weights: download: .*\nTo start from drawn weights: -o pretrain_weights=$/,
  });
  await assert.rejects(train({ ...options, resume: file }), /are for -o pretrain_weights=/);
});

test('weights that a run saves say what they are for, and another run can start from them', async () => {
  const { options, runDir } = optionsFor('first', ['epoch=1']);
  await train(options);
  const start = join(tiny.folder, 'start.safetensors');
  // The last checkpoint holds the weights of the end, under another name.
  cpSync(join(latestCheckpoint(runDir)!, 'model.safetensors'), start);
  assert.deepEqual(readFileSync(start), readFileSync(join(runDir, 'model_final.safetensors')));
  const { metadata } = readTensorFile(start);
  const { inputSize, skeleton, useDark, normalize } = rulesOfMetadata(metadata, 'start');
  assert.deepEqual(
    [inputSize, skeleton, useDark, normalize],
    [{ width: 32, height: 64 }, coco17, true, options.settings.normalize],
  );
  const more = ['epoch=1', 'LearningRate.base_lr=0', `pretrain_weights=${start}`];
  const again = optionsFor('second', more);
  await train(again.options);
  const [a, b] = [loadCheckpoint(runDir), loadCheckpoint(again.runDir)];
  // With a learning rate of 0 the parameters stay what the file held.
  assert.deepEqual(b.tensors.get('conv1.weight'), a.tensors.get('conv1.weight'));
});
