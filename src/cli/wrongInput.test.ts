// Wrong input to the commands that train and score, from outside: one clear answer and the exit code.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
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

test('options that contradict each other are usage errors', () => {
  const weights = ['-o', 'weights=none'];
  for (const [args, message] of [
    [['infer', ...weights, '--image', data, '--fps', '5'], /--fps is for videos/],
    [['infer', ...weights, '--image', data, '--no-track'], /--no-track is for videos/],
    [['infer', ...weights, '--video', 'x.mp4', '--heatmaps'], /--heatmaps is for pictures/],
    [
      ['infer', ...weights, '--image', data, '--detector-kind', 'yolox'],
      /--detector as well|--detector is/,
    ],
    [
      ['infer', ...weights, '--image', data, '--sheet', 'x.gif'],
      /--sheet: .*\.png or \.jpg, got 'x\.gif'/,
    ],
    [['eval', '-c', demoConfig, '--calibrate', '9'], /--calibrate is for 8 bits/],
    [['eval', '-c', demoConfig, '--int8', '--save_prediction_only'], /--int8 compares scores/],
    [
      ['export', ...weights, '--output', 'x.safetensors'],
      /--output: .*\.onnx.*--format safetensors/,
    ],
    [['bench', 'kernels', '--job', 'train', '--int8'], /--int8 is for inference/],
    [['bench', 'kernels', '--job', 'infer', '--recompute'], /--recompute is for training/],
  ] as [string[], RegExp][])
    answers(hrpose(...args), 2, message);
});

test('a training whose output nobody reads any more ends as by Ctrl-C, with a checkpoint', async () => {
  const out = join(tiny.folder, 'unread');
  const args = [
    'train',
    '-c',
    demoConfig,
    '-o',
    ...tiny.options,
    'epoch=100000',
    `save_dir=${out}`,
  ];
  const child = spawn(process.execPath, [join(packageRoot, 'bin/hrpose.js'), ...args]);
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  child.stdout.on('data', (chunk) => {
    if (/Epoch: /.test(String(chunk))) child.stdout.destroy();
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.equal(code, 130, err);
  assert.match(err, /interrupted after step \d+\. To go on/);
  assert.ok(readdirSync(join(out, 'demo', 'checkpoints')).length >= 1);
});

test('places that cannot be written are told before the work', async () => {
  const file = join(tiny.folder, 'a-file');
  writeFileSync(file, '');
  const { run } = await trained();
  const weights = `weights=${join(run, 'model_final')}`;
  const inTheWay = /cannot be written: part of the path is a file, not a folder/;
  answers(trainWith(`save_dir=${file}`), 4, inTheWay);
  const evaluate = ['eval', '-c', demoConfig, '-o', ...tiny.options, weights];
  const scored = hrpose(...evaluate, `save_dir=${file}`);
  answers(scored, 4, inTheWay);
  assert.doesNotMatch(scored.stdout, /scoring/);
  const pictures = join(data, 'val');
  answers(hrpose('infer', '-o', weights, '--image', pictures, '--output', file), 4, inTheWay);
  answers(hrpose('export', '-o', weights, '--output', join(file, 'x.onnx')), 4, inTheWay);
  answers(hrpose('data', 'synth', '--out', join(file, 'x'), '--train', '1'), 4, /cannot write/);
});

test('a box beyond all pictures is bad input, not a fault of the network', async () => {
  const boxes = join(tiny.folder, 'far.json');
  writeFileSync(boxes, '[{"image_id":1,"category_id":1,"bbox":[1,2,1e300,4],"score":1}]');
  const { run } = await trained();
  const options = ['--image', join(data, 'val'), '--boxes', boxes, '--output', tiny.folder];
  answers(
    hrpose('infer', '-o', `weights=${join(run, 'model_final')}`, ...options),
    3,
    /far\.json: entry 0: .*a million px/,
  );
});

test('a network whose heatmaps are not finite gets no score', async () => {
  const { run } = await trained();
  const bytes = readFileSync(join(run, 'model_final.safetensors'));
  const header = Number(bytes.readBigUInt64LE(0));
  const layer = JSON.parse(bytes.toString('utf8', 8, 8 + header))['final_layer.weight'];
  const [from, to] = layer.data_offsets;
  for (let at = from; at < to; at += 4) bytes.writeFloatLE(3e38, 8 + header + at);
  const file = join(tiny.folder, 'beyond.safetensors');
  writeFileSync(file, bytes);
  const options = [...tiny.options, `save_dir=${join(tiny.folder, 'beyond')}`];
  const scored = hrpose('eval', '-c', demoConfig, '-o', ...options, `weights=${file}`);
  answers(scored, 5, /network: its output is not finite/);
});

test('boxes of which none is a person are bad input, not an AP of 0', async () => {
  const { run } = await trained();
  const boxes = join(tiny.folder, 'nobody.json');
  writeFileSync(boxes, '[{"image_id":1,"category_id":2,"bbox":[1,2,30,40],"score":1}]');
  const options = [
    ...tiny.options,
    'EvalDataset.use_gt_bbox=false',
    `EvalDataset.bbox_file=${boxes}`,
  ];
  const weights = `weights=${join(run, 'model_final')}`;
  const scored = hrpose('eval', '-c', demoConfig, '-o', ...options, weights);
  answers(scored, 3, /nobody\.json: expected people with a score/);
});

test('work that leaves nothing behind says so', async () => {
  const { out, run } = await trained();
  const options = [...tiny.options, 'epoch=1', `save_dir=${out}`];
  const again = hrpose('train', '-c', demoConfig, '-r', run, '-o', ...options);
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stdout, /Nothing is left to train: (\d+) of \1 steps are done/);
  const weights = `weights=${join(run, 'model_final')}`;
  const looked = hrpose('infer', '-o', weights, '--image', join(data, 'val'), '--no-draw');
  assert.equal(looked.status, 0, looked.stderr);
  assert.match(looked.stderr, /^note: nothing of what is found is kept/);
});

let trainedOnce: Promise<{ out: string; run: string }> | undefined;

/** A run of one epoch: its save_dir, and its folder. */
function trained() {
  trainedOnce ??= trainOnce();
  return trainedOnce;
}

async function trainOnce() {
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
  return { out, run: join(out, 'demo') };
}

test('weights of another width and damaged checkpoints are refused', async () => {
  const { out, run } = await trained();
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
