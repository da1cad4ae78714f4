// A data set of a few drawn people and a network that trains in seconds. Used by tests only.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { Backend } from '../backends/backend.ts';
import { writeDataset } from '../data/synth/writeDataset.ts';
import { packageRoot } from '../packageRoot.ts';
import { coco17 } from '../pose/skeletons.ts';
import { loadSettings } from './config/index.ts';
import { createTrainReport, type TrainReport } from './report.ts';
import type { TrainOptions } from './train.ts';

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

/** Reports nothing. */
export const quietReport = (): TrainReport => createTrainReport({ json: false, quiet: true });

/**
 * Options of a quiet run in a folder of its own in the tiny run's, and where it writes.
 * @param more `-o` options behind those of the tiny run
 * @param rest what is not as usual
 */
export function tinyTrain(
  { folder, options }: TinyRun,
  name: string,
  backend: Backend,
  more: readonly string[] = [],
  rest: Partial<TrainOptions> = {},
): { readonly options: TrainOptions; readonly runDir: string } {
  const out = join(folder, name);
  const { settings, resolved } = settingsOf([...options, `save_dir=${out}`, ...more]);
  const usual: TrainOptions = {
    settings,
    config: resolved,
    backend,
    report: quietReport(),
    evaluate: false,
    seed: 1,
    accumulate: 1,
    saveMinutes: 30,
    skipBadImages: false,
  };
  return { options: { ...usual, ...rest }, runDir: join(out, 'demo') };
}

/** A quiet report that calls back when a step is told. */
export function reportOfSteps(told: (step: number) => void): TrainReport {
  const quiet = quietReport();
  const begin: TrainReport['begin'] = (start) => {
    const meter = quiet.begin(start);
    return {
      ...meter,
      step(done) {
        meter.step(done);
        told(done.step);
      },
    };
  };
  return { ...quiet, begin };
}

/** A quiet report that presses Ctrl-C when this step is done. */
export const interruptAfter = (last: number): TrainReport =>
  reportOfSteps((step) => {
    if (step === last) process.emit('SIGINT');
  });
