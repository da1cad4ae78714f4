import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { HrposeError } from '../../errors.ts';
import { packageRoot } from '../../packageRoot.ts';
import { coco17, mpii16 } from '../../pose/skeletons.ts';
import { temporaryFolder } from '../../temporaryFolder.testing.ts';
import type { Settings } from '../settings.ts';
import { loadSettings } from './index.ts';
import { referenceText } from './reference.ts';

const folder = temporaryFolder();

const shipped = (name: string) => join(packageRoot, 'configs/keypoint/hrnet', `${name}.yml`);
const load = (name: string, ...options: string[]) => loadSettings(shipped(name), options);

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const weightsUrl = 'https://paddledet.bj.bcebos.com/models/pretrained/Trunc_HRNet';
const cocoPairs = [
  [1, 2],
  [3, 4],
  [5, 6],
  [7, 8],
  [9, 10],
  [11, 12],
  [13, 14],
  [15, 16],
];

test('the 384x288 config says every key of the recipe', () => {
  const normalize = {
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    is_scale: true,
  };
  const trainsize = [288, 384];
  const { resolved, warnings } = load('hrnet_w32_384x288');
  assert.deepEqual(warnings, []);
  assert.deepEqual(resolved, {
    epoch: 210,
    snapshot_epoch: 10,
    log_iter: 5,
    worker_num: 2,
    use_gpu: true,
    save_dir: 'output',
    weights: 'output/hrnet_w32_384x288/model_final',
    pretrain_weights: `${weightsUrl}_W32_C_pretrained.pdparams`,
    metric: 'KeyPointTopDownCOCOEval',
    num_classes: 1,
    num_joints: 17,
    pixel_std: 200,
    train_height: 384,
    train_width: 288,
    trainsize,
    hmsize: [72, 96],
    flip_perm: cocoPairs,
    architecture: 'TopDownHRNet',
    TopDownHRNet: {
      backbone: 'HRNet',
      post_process: 'HRNetPostProcess',
      loss: 'KeyPointMSELoss',
      width: 32,
      num_joints: 17,
      flip_perm: cocoPairs,
      flip: true,
    },
    HRNet: { width: 32, freeze_at: -1, freeze_norm: false, return_idx: [0] },
    KeyPointMSELoss: { use_target_weight: true },
    LearningRate: {
      base_lr: 0.0005,
      schedulers: [
        { name: 'PiecewiseDecay', milestones: [170, 200], gamma: 0.1 },
        { name: 'LinearWarmup', start_factor: 0.001, steps: 1000 },
      ],
    },
    OptimizerBuilder: { optimizer: { type: 'Adam' }, regularizer: { type: 'L2', factor: 0 } },
    TrainDataset: {
      name: 'KeypointTopDownCocoDataset',
      dataset_dir: 'dataset/coco',
      image_dir: 'train2017',
      anno_path: 'annotations/person_keypoints_train2017.json',
      num_joints: 17,
      trainsize,
      pixel_std: 200,
      use_gt_bbox: true,
    },
    EvalDataset: {
      name: 'KeypointTopDownCocoDataset',
      dataset_dir: 'dataset/coco',
      image_dir: 'val2017',
      anno_path: 'annotations/person_keypoints_val2017.json',
      bbox_file: 'bbox.json',
      num_joints: 17,
      trainsize,
      pixel_std: 200,
      use_gt_bbox: true,
      image_thre: 0,
    },
    TestDataset: { name: 'ImageFolder', anno_path: 'dataset/coco/keypoint_imagelist.txt' },
    global_mean: normalize.mean,
    global_std: normalize.std,
    TrainReader: {
      sample_transforms: [
        {
          RandomFlipHalfBodyTransform: {
            scale: 0.5,
            rot: 40,
            num_joints_half_body: 8,
            prob_half_body: 0.3,
            upper_body_ids: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            flip_pairs: cocoPairs,
            trainsize,
            pixel_std: 200,
          },
        },
        { TopDownAffine: { trainsize } },
        { ToHeatmapsTopDown: { hmsize: [72, 96], sigma: 2 } },
      ],
      batch_transforms: [{ NormalizeImage: normalize }, { Permute: {} }],
      batch_size: 64,
      shuffle: true,
      drop_last: false,
    },
    EvalReader: {
      sample_transforms: [{ TopDownAffine: { trainsize } }],
      batch_transforms: [{ NormalizeImage: normalize }, { Permute: {} }],
      batch_size: 16,
    },
    TestReader: {
      inputs_def: { image_shape: [3, 384, 288] },
      sample_transforms: [
        { Decode: {} },
        { TopDownEvalAffine: { trainsize } },
        { NormalizeImage: normalize },
        { Permute: {} },
      ],
      batch_size: 1,
    },
  });
});

test('the 384x288 config resolves to the settings of the recipe, with the defaults it does not name', () => {
  const dataset = {
    kind: 'coco',
    datasetDir: 'dataset/coco',
    imageThre: 0,
    pixelStd: 200,
  } as const;
  const expected: Settings = {
    name: 'hrnet_w32_384x288',
    skeleton: coco17,
    model: { variant: 'hrnet', width: 32, keypoints: 17 },
    inputSize: { width: 288, height: 384 },
    heatmapSize: { width: 72, height: 96 },
    normalize: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    target: { codec: 'standard', sigma: 2 },
    loss: { useTargetWeight: true, lossScale: 0.5 },
    learningRate: {
      base: 0.0005,
      schedule: { kind: 'piecewise', milestones: [170, 200], gammas: [0.1, 0.01] },
      warmup: { startFactor: 0.001, steps: 1000 },
    },
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, l2: 0 },
    bnMomentum: 0.9,
    train: {
      dataset: {
        ...dataset,
        imageDir: 'dataset/coco/train2017',
        annoPath: 'dataset/coco/annotations/person_keypoints_train2017.json',
        useGtBbox: true,
      },
      batchSize: 64,
      shuffle: true,
      dropLast: false,
      augment: {
        scaleFactor: 0.5,
        rotationFactor: 40,
        rotationProbability: 0.6,
        flip: true,
        halfBodyProbability: 0.3,
        halfBodyKeypoints: 8,
        upperBody: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      },
      udp: false,
    },
    eval: {
      dataset: {
        ...dataset,
        imageDir: 'dataset/coco/val2017',
        annoPath: 'dataset/coco/annotations/person_keypoints_val2017.json',
        useGtBbox: true,
        bboxFile: 'dataset/coco/bbox.json',
      },
      batchSize: 16,
      flipTest: true,
      shiftHeatmap: true,
      useDark: true,
      darkKernel: 3,
      oksThreshold: 0.9,
      visibilityThreshold: 0.2,
      udp: false,
    },
    epochs: 210,
    snapshotEpoch: 10,
    logIter: 5,
    workers: 2,
    useGpu: true,
    saveDir: 'output',
    pretrainWeights: `${weightsUrl}_W32_C_pretrained.pdparams`,
    weights: 'output/hrnet_w32_384x288/model_final',
  };
  assert.deepEqual(load('hrnet_w32_384x288').settings, expected);
});

test('the neighbouring configs differ from it in what they are meant to, and in nothing else', () => {
  const main = load('hrnet_w32_384x288').settings;
  const small = { inputSize: { width: 192, height: 256 }, heatmapSize: { width: 48, height: 64 } };
  const dark = { target: { codec: 'dark', sigma: 2 } } as const;
  const weights = (name: string) => ({ name, weights: `output/${name}/model_final` });
  const expected: Record<string, Partial<Settings>> = {
    hrnet_w32_256x192: small,
    dark_hrnet_w32_384x288: { ...dark, train: { ...main.train, batchSize: 32 } },
    dark_hrnet_w32_256x192: { ...small, ...dark },
    dark_hrnet_w48_256x192: {
      ...small,
      ...dark,
      model: { ...main.model, width: 48 },
      pretrainWeights: `${weightsUrl}_W48_C_pretrained.pdparams`,
    },
  };
  for (const [name, differences] of Object.entries(expected)) {
    const { settings, warnings } = load(name);
    assert.deepEqual(settings, { ...main, ...weights(name), ...differences }, name);
    assert.deepEqual(warnings, [], name);
  }
});

test('the MPII config has the skeleton, the size and the data of MPII', () => {
  const { settings, warnings } = load('hrnet_w32_256x256_mpii');
  assert.deepEqual(warnings, []);
  assert.deepEqual(settings.skeleton, mpii16);
  assert.equal(settings.model.keypoints, 16);
  assert.deepEqual(settings.inputSize, { width: 256, height: 256 });
  assert.deepEqual(settings.heatmapSize, { width: 64, height: 64 });
  assert.equal(settings.workers, 4);
  assert.deepEqual(settings.train.augment.upperBody, [7, 8, 9, 10, 11, 12, 13, 14, 15]);
  assert.equal(settings.train.dataset.kind, 'mpii');
  assert.equal(settings.train.dataset.imageDir, 'dataset/mpii/images');
});

test('the demo config resolves without a warning', () => {
  const { settings, warnings } = loadSettings(join(packageRoot, 'configs/demo.yml'), []);
  assert.deepEqual(warnings, []);
  assert.equal(settings.model.variant, 'hrnet-small');
});

test('one option changes the input size everywhere', () => {
  const { settings } = load('hrnet_w32_384x288', 'trainsize=[192,256]', 'hmsize=[48,64]');
  assert.deepEqual(settings.inputSize, { width: 192, height: 256 });
  assert.deepEqual(settings.heatmapSize, { width: 48, height: 64 });
});

test('options reach datasets, schedulers and transforms, and keep their neighbours', () => {
  const { settings, warnings } = load(
    'hrnet_w32_384x288',
    'TrainDataset.dataset_dir=/data/coco',
    'EvalDataset.use_gt_bbox=False',
    'LearningRate.schedulers.PiecewiseDecay.milestones=[90,120,130]',
    'LearningRate.schedulers.LinearWarmup.epochs=2',
    'TrainReader.sample_transforms.RandomFlipHalfBodyTransform.scale=0.35',
    'TopDownHRNet.width=48',
    'pretrain_weights=',
    'TopDownHRNet.use_dark=false',
  );
  assert.deepEqual(warnings, []);
  assert.equal(settings.train.dataset.imageDir, '/data/coco/train2017');
  assert.equal(settings.eval.dataset.useGtBbox, false);
  const { schedule, warmup } = settings.learningRate;
  assert.equal(schedule.kind, 'piecewise');
  assert.deepEqual(schedule.kind === 'piecewise' && schedule.milestones, [90, 120, 130]);
  assert.deepEqual(schedule.kind === 'piecewise' && schedule.gammas, [0.1, 0.01, 0.001]);
  assert.deepEqual(warmup, { startFactor: 0.001, steps: 1000, epochs: 2 });
  assert.equal(settings.train.augment.scaleFactor, 0.35);
  assert.equal(settings.train.augment.rotationFactor, 40);
  assert.equal(settings.model.width, 48);
  assert.equal(settings.pretrainWeights, undefined);
  assert.equal(settings.eval.useDark, false);
});

test('other schedules: cosine, gamma as a list, no warm-up', () => {
  const schedule = (text: string) =>
    load('hrnet_w32_384x288', `LearningRate.schedulers=${text}`).settings.learningRate;
  assert.deepEqual(
    schedule(
      '[!CosineDecay {max_epochs: 210, min_lr_ratio: 0.01}, {name: LinearWarmup, steps: 5}]',
    ),
    {
      base: 0.0005,
      schedule: { kind: 'cosine', maxEpochs: 210, minLrRatio: 0.01 },
      warmup: { startFactor: 1 / 3, steps: 5 },
    },
  );
  const list = '!PiecewiseDecay {milestones: [1, 2], gamma: [0.5, 0.1], use_warmup: false}';
  assert.deepEqual(schedule(`[${list}, !LinearWarmup {steps: 5}]`), {
    base: 0.0005,
    schedule: { kind: 'piecewise', milestones: [1, 2], gammas: [0.5, 0.1] },
    warmup: { startFactor: 1, steps: 0 },
  });
});

test('the UDP transforms choose the UDP codec and rule', () => {
  const transforms = (more: string) =>
    `sample_transforms=[TopDownAffine: {use_udp: true, trainsize: [288, 384]}${more}]`;
  const { settings } = load(
    'hrnet_w32_384x288',
    `TrainReader.${transforms(', ToHeatmapsTopDown_UDP: {hmsize: [72, 96], sigma: 3}')}`,
    `EvalReader.${transforms('')}`,
  );
  assert.deepEqual(settings.target, { codec: 'udp', sigma: 3 });
  assert.deepEqual([settings.train.udp, settings.eval.udp], [true, true]);
  assert.equal(
    settings.train.augment.flip,
    false,
    'without the random transform nothing is random',
  );
});

test('a skeleton file replaces the 17 keypoints of COCO', () => {
  const skeleton = {
    name: 'arrow',
    keypoints: ['tip', 'left', 'right'],
    flipPairs: [[1, 2]],
    limbs: [[0, 1]],
    oksSigmas: [0.1, 0.1, 0.1],
    upperBody: [0],
  };
  const file = write('arrow.json', JSON.stringify(skeleton));
  const options = ['num_joints=3', 'flip_perm=[[1,2]]', `skeleton=${file}`];
  const upper = 'TrainReader.sample_transforms.RandomFlipHalfBodyTransform.upper_body_ids=';
  const { settings } = load('hrnet_w32_384x288', ...options, upper);
  assert.deepEqual(settings.skeleton, skeleton);
  assert.equal(settings.model.keypoints, 3);
  assert.deepEqual(settings.train.augment.upperBody, [0]);
  assert.throws(() => load('hrnet_w32_384x288', ...options), {
    message: /upper_body_ids: keypoint 3 does not exist/,
  });
});

test('unknown settings are named with file, line and the nearest known one', () => {
  const file = write(
    'typo.yml',
    `_BASE_: [${shipped('hrnet_w32_384x288')}]\nbatch_size: 3\n\nTrainReader:\n  bach_size: 2\nTrainDataset:\n  image_dirs: x\n`,
  );
  const { warnings, settings } = loadSettings(file, ['snapshot_epochs=1']);
  assert.equal(settings.train.batchSize, 64);
  assert.deepEqual(warnings.sort(), [
    `-o snapshot_epochs=1: unknown setting 'snapshot_epochs'. Did you mean 'snapshot_epoch'? It has no effect.`,
    `${file}:2: unknown setting 'batch_size'. Did you mean 'TrainReader.batch_size'? It has no effect.`,
    `${file}:5: unknown setting 'TrainReader.bach_size'. Did you mean 'batch_size'? It has no effect.`,
    `${file}:7: unknown setting 'TrainDataset.KeypointTopDownCocoDataset.image_dirs'. Did you mean 'image_dir'? It has no effect.`,
  ]);
});

test('what is understood but left out is warned about only when it is on', () => {
  const { warnings } = load(
    'hrnet_w32_384x288',
    'use_ema=true',
    'amp=false',
    'OptimizerBuilder.clip_grad_by_norm=35',
  );
  assert.deepEqual(warnings, [
    '-o OptimizerBuilder.clip_grad_by_norm=35: OptimizerBuilder.clip_grad_by_norm has no effect: gradients are not clipped.',
    '-o use_ema=true: use_ema has no effect: training keeps no moving average of the weights.',
  ]);
});

test('wrong types, ranges and contradictions are errors that name place and remedy', () => {
  const cases: [string, RegExp][] = [
    [
      'epoch=abc',
      /^-o epoch=abc: epoch: expected a whole number of at least 1, got the text 'abc'/,
    ],
    ['epoch=1.5', /epoch: expected a whole number/],
    ['TrainReader.batch_size=0', /batch_size: expected a whole number from 1 to 65536, got 0/],
    ['TrainReader.shuffle=maybe', /shuffle: expected true or false/],
    ['TrainReader=3', /TrainReader: expected a map/],
    ['TrainDataset=3', /TrainDataset: expected one of !KeypointTopDownCocoDataset/],
    ['TrainDataset={name: Nope}', /'Nope' is not supported here\. Expected one of/],
    ['TrainReader.sample_transforms=[Flip: {}]', /'Flip' is not supported here/],
    ['TrainReader.sample_transforms=[3]', /expected '- Name: \{arguments\}', got 3/],
    ['TrainReader.sample_transforms=[]', /a target is missing/],
    ['OptimizerBuilder.optimizer.type=SGD', /expected Adam, the only value that is supported/],
    ['HRNet.freeze_at=2', /freeze_at: expected -1/],
    ['HRNet.width=48', /hrnet_w32_384x288\.yml:\d+: width is 32 here but 48 at -o HRNet\.width=48/],
    ['num_joints=18', /num_joints: expected 17, .*skeleton: mine\.json/],
    ['train_height=200', /hrnet_w32_384x288\.yml:\d+: trainsize: expected multiples of 32/],
    ['hmsize=[48,64]', /hmsize: expected a quarter of trainsize \[288,384\], \[72,96\]/],
    ['flip_perm=[[1,17]]', /flip_perm: keypoint 17 does not exist/],
    ['flip_perm=[[1,2],[2,3]]', /more than one pair/],
    ['TopDownHRNet.dark_kernel=4', /dark_kernel: expected an odd number/],
    ['LearningRate.schedulers.PiecewiseDecay.gamma=[0.1]', /gamma: expected 2 numbers/],
    ['LearningRate.schedulers=[!ExpWarmup {}]', /'ExpWarmup' is not supported here/],
    ['LearningRate.base_lr=', /'LearningRate\.base_lr' is missing\. Add it/],
    ['TrainDataset.anno_path=', /TrainDataset\.anno_path is missing/],
    ['skeleton=nowhere.json', /skeleton: cannot read 'nowhere\.json': no such file/],
    ['LearningRate.base_lr=.nan', /base_lr: expected a number of at least 0/],
  ];
  for (const [option, message] of cases) {
    assert.throws(
      () => load('hrnet_w32_384x288', option),
      { name: 'HrposeError', exitCode: 3, message },
      option,
    );
  }
});

/** Option paths of everything in a plain config, lists by position. */
function paths(value: unknown, path = ''): string[] {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const here = path === '' ? [] : [path];
  return [
    ...here,
    ...entries.flatMap(([key, item]) => paths(item, path === '' ? key : `${path}.${key}`)),
  ];
}

test('any value at any place gives settings or an error of ours', () => {
  const everywhere = paths(load('hrnet_w32_384x288').resolved);
  const values = [
    '',
    'x',
    '-1',
    '0',
    '1e99',
    '.inf',
    'yes',
    '[]',
    '[[]]',
    '[1, x]',
    '{}',
    '{name: X}',
    '!X {}',
    '[!X {}]',
  ];
  const option = fc.tuple(fc.constantFrom(...everywhere), fc.constantFrom(...values));
  const property = fc.property(option, ([path, value]) => {
    try {
      load('hrnet_w32_384x288', `${path}=${value}`);
    } catch (error) {
      assert.ok(error instanceof HrposeError, `${path}=${value}: ${(error as Error).stack}`);
      assert.match(
        error.message,
        /expected|missing|not supported|Make them the same|does not exist|pair/,
      );
    }
  });
  fc.assert(property, { seed: 17, numRuns: 400 });
});

test('docs/configuration.md holds the reference as the tables give it', () => {
  const text = readFileSync(join(packageRoot, 'docs/configuration.md'), 'utf8');
  const start = text.indexOf('### Top level');
  // To renew it: replace everything from '### Top level' by what `hrpose config --reference` prints.
  assert.equal(text.slice(start), referenceText());
});

test('an error about a missing setting names the misspelt one that may be meant', () => {
  const text = readFileSync(join(packageRoot, 'configs', 'demo.yml'), 'utf8');
  const file = write('misspelt.yml', text.replace('base_lr', 'base_rl'));
  assert.throws(
    () => loadSettings(file, []),
    /base_lr' is missing(.|\n)*base_rl'\. Did you mean 'base_lr'/,
  );
});

test('paths in a data set are relative to dataset_dir unless they are absolute', () => {
  const { settings } = load(
    'hrnet_w32_384x288',
    'EvalDataset.dataset_dir=/data',
    'EvalDataset.bbox_file=/elsewhere/boxes.json',
  );
  assert.equal(settings.eval.dataset.imageDir, '/data/val2017');
  assert.equal(settings.eval.dataset.bboxFile, '/elsewhere/boxes.json');
});
