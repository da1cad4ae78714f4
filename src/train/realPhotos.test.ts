// Real photos end to end: a network that learns twelve people by heart must find them again.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import { packageRoot } from '../packageRoot.ts';
import { loadSettings } from './config/index.ts';
import { createTrainReport } from './report.ts';
import { train } from './train.ts';

const shared = process.env.HRPOSE_SHARED ?? join(packageRoot, '..', 'shared');
const sample = join(shared, 'data', 'coco-sample');
const skip = existsSync(sample) ? false : `no photos at ${sample}`;

/** The published config on the sample, with a small network and no augmentation. */
function overfitOptions(saveDir: string): string[] {
  const augment = 'TrainReader.sample_transforms.RandomFlipHalfBodyTransform';
  return [
    ...['TrainDataset', 'EvalDataset'].flatMap((dataset) => [
      `${dataset}.dataset_dir=${sample}`,
      `${dataset}.image_dir=images`,
      `${dataset}.anno_path=person_keypoints.json`,
    ]),
    'epoch=120',
    'snapshot_epoch=120',
    'TrainReader.batch_size=12',
    'LearningRate.base_lr=0.001',
    'LearningRate.schedulers.1.steps=5',
    'LearningRate.schedulers.0.milestones=[84, 102]',
    'trainsize=[160, 192]',
    'hmsize=[40, 48]',
    'pretrain_weights=',
    'TopDownHRNet.width=18',
    'HRNet.width=18',
    'HRNet.variant=small',
    `${augment}.scale=0`,
    `${augment}.rot=0`,
    `${augment}.prob_half_body=0`,
    `${augment}.flip=false`,
    'worker_num=1',
    `save_dir=${saveDir}`,
  ];
}

test('a small HRNet trained on the people of four photos finds them with AP of at least 0.9', {
  skip,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-photos-'));
  const backend = createDnnlBackend();
  try {
    const config = join(packageRoot, 'configs/keypoint/hrnet/hrnet_w32_384x288.yml');
    const { settings, resolved } = loadSettings(config, overfitOptions(folder));
    const { score } = await train({
      settings,
      config: resolved,
      backend,
      report: createTrainReport({ json: false, quiet: true }),
      evaluate: true,
      seed: 0,
      accumulate: 1,
      saveMinutes: 60,
      skipBadImages: false,
      cache: { place: 'ram', bytes: 2 ** 24 },
    });
    // 0.94 was seen after 100 steps.
    assert.ok(score!.stats[0]! >= 0.9, `AP ${score!.stats[0]}`);
    assert.equal(score!.predictions.length, 12);
  } finally {
    backend.close();
    rmSync(folder, { recursive: true });
  }
});
