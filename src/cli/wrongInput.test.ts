// Wrong input to the commands that train and score, from outside: one clear answer and the exit code.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import { packageRoot } from '../packageRoot.ts';
import { createTrainReport } from '../train/report.ts';
import { demoConfig, settingsOf, tinyRun } from '../train/tinyRun.testing.ts';
import { train } from '../train/train.ts';

const tiny = await tinyRun();
const data = join(tiny.folder, 'data');

function hrpose(...args: string[]) {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [join(packageRoot, 'bin/hrpose.js'), ...args],
    { encoding: 'utf8' },
  );
  return { status, stderr, stdout };
}

const trainWith = (...options: string[]) =>
  hrpose(
    'train',
    '-c',
    demoConfig,
    '-o',
    ...tiny.options,
    `save_dir=${join(tiny.folder, 'o')}`,
    ...options,
  );

function answers(result: ReturnType<typeof hrpose>, status: number, ...parts: RegExp[]): void {
  for (const part of parts) assert.match(result.stderr, part);
  assert.equal(result.status, status, result.stderr);
  assert.doesNotMatch(result.stderr, /\n\s+at /, 'a stack was printed');
}

/** A copy of the data set. */
function copyOfData(name: string): string {
  const folder = join(tiny.folder, name);
  cpSync(data, folder, { recursive: true });
  return folder;
}

test('a picture of zero bytes is named', () => {
  const folder = copyOfData('empty-picture');
  for (const file of readdirSync(join(folder, 'train'))) truncateSync(join(folder, 'train', file));
  answers(trainWith(`TrainDataset.dataset_dir=${folder}`), 3, /train\/\d{12}\.jpg: .*empty file/);
});

test('an annotation file cut in half is named with the byte where it ends', () => {
  const folder = copyOfData('half');
  const file = join(folder, 'annotations', 'person_keypoints_train.json');
  truncateSync(file, Math.floor(readFileSync(file).length / 2));
  answers(
    trainWith(`TrainDataset.dataset_dir=${folder}`),
    3,
    /person_keypoints_train\.json: .*ends at byte \d+/,
  );
});

test('a data folder that does not exist is named with what to do', () => {
  answers(
    trainWith('TrainDataset.dataset_dir=/nowhere'),
    3,
    /\/nowhere\/train.*data download coco/,
  );
});

test('a number of threads below one and a device that is not there are usage errors', () => {
  answers(hrpose('train', '-c', demoConfig, '--threads', '0'), 2, /--threads: .*'0'/);
  answers(hrpose('train', '-c', demoConfig, '--device', 'tpu'), 2, /--device: .*'tpu'/);
});

test('a misspelt setting is warned about with the nearest known one', () => {
  const { stderr } = trainWith(
    'epoch=1',
    'TrainReader.batchsize=3',
    'TrainDataset.dataset_dir=/nowhere',
  );
  assert.match(stderr, /unknown setting 'TrainReader\.batchsize'\. Did you mean 'batch_size'/);
});

test('weights of another width and damaged checkpoints are refused', async () => {
  const out = join(tiny.folder, 'trained');
  mkdirSync(out);
  const { settings, resolved } = settingsOf([...tiny.options, 'epoch=1', `save_dir=${out}`]);
  const backend = createDnnlBackend({ threads: 1 });
  await train({
    settings,
    config: resolved,
    backend,
    report: createTrainReport({ json: false, quiet: true }),
    evaluate: false,
    seed: 0,
    accumulate: 1,
    saveMinutes: 30,
    skipBadImages: false,
  });
  backend.close();
  const run = join(out, 'demo');
  const weights = `weights=${join(run, 'model_final')}`;
  const wider = ['TopDownHRNet.width=16', 'HRNet.width=16', weights];
  answers(
    hrpose('eval', '-c', demoConfig, '-o', ...tiny.options, ...wider),
    3,
    /weights of width 8.*width 16/,
  );
  const scored = hrpose(
    'eval',
    '-c',
    demoConfig,
    '--json',
    '-o',
    ...tiny.options,
    `save_dir=${out}`,
    weights,
  );
  assert.equal(scored.status, 0, scored.stderr);
  assert.match(scored.stdout, /"event":"eval","boxes":"ground truth","AP":/);

  const [checkpoint] = readdirSync(join(run, 'checkpoints'));
  const file = join(run, 'checkpoints', checkpoint!, 'model.safetensors');
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
  answers(
    hrpose(
      'train',
      '-c',
      demoConfig,
      '-r',
      run,
      '-o',
      ...tiny.options,
      'epoch=2',
      `save_dir=${out}`,
    ),
    3,
    /model\.safetensors: damaged/,
  );
});
