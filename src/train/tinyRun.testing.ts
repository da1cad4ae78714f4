// A data set of a few drawn people and a network that trains in seconds. Used by tests only.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { writeDataset } from '../data/synth/writeDataset.ts';
import { packageRoot } from '../packageRoot.ts';
import { coco17 } from '../pose/skeletons.ts';
import { loadSettings } from './config/index.ts';

export const demoConfig = join(packageRoot, 'configs', 'demo.yml');

export interface TinyRun {
  readonly folder: string;
  /** `-o` options on configs/demo.yml; more can be added behind them. */
  readonly options: readonly string[];
}

/** Removed when the tests of the file are over. */
export async function tinyRun(): Promise<TinyRun> {
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-train-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, 'data');
  const size = { width: 160, height: 120 };
  await writeDataset({ out: data, train: 10, val: 3, seed: 3, workers: 1, size, skeleton: coco17 });
  const options = [
    `TrainDataset.dataset_dir=${data}`,
    `EvalDataset.dataset_dir=${data}`,
    'trainsize=[32, 64]',
    'hmsize=[8, 16]',
    'TopDownHRNet.width=8',
    'HRNet.width=8',
    'TrainReader.batch_size=4',
    'EvalReader.batch_size=4',
    'worker_num=1',
    'log_iter=1',
  ];
  return { folder, options };
}

export const settingsOf = (options: readonly string[]) => loadSettings(demoConfig, options);
