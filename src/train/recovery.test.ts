import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Backend } from '../backends/backend.ts';
import { DeviceLost } from '../backends/faults.ts';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import { environmentError, inputError } from '../errors.ts';
import { breakable } from './breakable.testing.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { Recovery } from './recovery.ts';
import { interruptAfter, tinyRun, tinyTrain } from './tinyRun.testing.ts';
import { type TrainOptions, train } from './train.ts';

const real = createDnnlBackend({ threads: 1 });
const tiny = await tinyRun();

/** Two epochs, each scored at its end. */
async function run(name: string, backend: Backend) {
  const epochs = ['epoch=2', 'snapshot_epoch=1'];
  const { options, runDir } = tinyTrain(tiny, name, backend, epochs, { evaluate: true });
  await train(options);
  return runDir;
}

const timed = ['images_per_second', 'data_seconds'];

/** The finished weights to the byte, and what metrics.jsonl says but for times. */
function results(runDir: string) {
  const lines = readFileSync(join(runDir, 'metrics.jsonl'), 'utf8').trim().split('\n');
  const metrics = lines.map((line) => Object.entries(JSON.parse(line)));
  return {
    metrics: metrics.map((fields) => fields.filter(([name]) => !timed.includes(name))),
    weights: readFileSync(join(runDir, 'model_final.safetensors')),
    best: readFileSync(join(runDir, 'best_model.safetensors')),
  };
}

let runs = 0;
const whole = results(
  await run(
    'whole',
    breakable(real, (n) => {
      runs = n;
      return false;
    }),
  ),
);
const stepsPerEpoch = (whole.metrics.length - 2) / 2;

test('a run whose device was lost ends in the same bytes, and tells every step once', async (t) => {
  // A step is two runs, gradients and update.
  const scoring = 2 * stepsPerEpoch + 1;
  const cases: [string, readonly number[]][] = [
    ['in the first step', [1]],
    ['between gradients and update', [4]],
    ['in the first evaluation', [scoring]],
    ['in the second epoch', [runs / 2 + 3]],
    ['in the last evaluation', [runs]],
    ['again while steps are done again', [6, 9]],
    ['twice in one evaluation', [scoring, scoring + 1]],
  ];
  for (const [when, lost] of cases) {
    await t.test(when, async () => {
      const backend = breakable(real, (n) => lost.includes(n));
      assert.deepEqual(results(await run(when.replaceAll(' ', '-'), backend)), whole);
    });
  }
});

test('three losses without a new step end the run with what happened', async () => {
  let renewed = 0;
  const backend = breakable(real, (n) => n > 4);
  const counted = {
    ...backend,
    renew: () => {
      renewed++;
      return backend.renew!();
    },
  };
  await assert.rejects(run('given-up', counted), {
    exitCode: 4,
    message: /was lost \(by a test\)/,
  });
  assert.equal(renewed, 2);
});

test('a step whose gradients overflowed says so once, though it is done again', async () => {
  const scaled: Backend = { ...real, halfRange: true };
  const go = (backend: Backend, more: Partial<TrainOptions>) =>
    train(tinyTrain(tiny, 'overflow', backend, ['epoch=1'], more).options);
  await assert.rejects(go(scaled, { report: interruptAfter(1) }), { exitCode: 130 });
  const resume = join(tiny.folder, 'overflow', 'demo');
  const { meta, ...state } = loadCheckpoint(resume);
  // More than a float holds: every step overflows.
  const gradientScale = { scale: 2 ** 140, goodSteps: 0 };
  saveCheckpoint(resume, { ...state, meta: { ...meta!, gradientScale } });
  const { steps } = await go(
    breakable(scaled, (n) => n === 5),
    { resume },
  );
  const log = readFileSync(join(resume, 'train.log'), 'utf8');
  const told = [...log.matchAll(/step (\d+): gradients were beyond/g)].map(([, step]) =>
    Number(step),
  );
  assert.deepEqual(
    told,
    Array.from({ length: steps - 1 }, (_, i) => i + 2),
  );
  assert.match(log, /lost after step 3 .*; going on from step 1/);
});

const lost = environmentError('gpu: lost.', { cause: new DeviceLost('a test') });

test('losses are counted anew from every step that was not there before', async () => {
  const recovery = new Recovery<number>({ ...real, renew: async () => {} });
  recovery.keep(7, 0);
  for (const step of [8, 7, 9, 9, 10]) assert.equal(await recovery.renew(lost, step), 7);
  await recovery.renew(lost, 10);
  await assert.rejects(recovery.renew(lost, 9), lost);
});

test('other errors, and losses on a backend that has one device only, go through', async () => {
  const recovery = new Recovery<number>({ ...real, renew: async () => {} });
  recovery.keep(1, 0);
  const other = inputError('a picture');
  await assert.rejects(recovery.renew(other, 1), other);
  const single = new Recovery<number>(real, { seconds: 0 });
  single.keep(1, 0);
  assert.equal(single.due, false);
  await assert.rejects(single.renew(lost, 1), lost);
});

test('a driver may be away for a while; where no other device can be had the error says both', async () => {
  let away = 2;
  const renew = async () => {
    if (away-- > 0) throw environmentError('gpu: no adapter found.');
  };
  const recovery = new Recovery<number>({ ...real, renew }, { waits: [0, 0, 0] });
  recovery.keep(1, 0);
  assert.equal(await recovery.renew(lost, 1), 1);
  assert.equal(away, -1);
  away = 3;
  await assert.rejects(recovery.renew(lost, 2), {
    exitCode: 4,
    message: 'gpu: lost. No other device could be had: gpu: no adapter found.',
  });
});

test('copies are so far apart that they take a hundredth of the time', () => {
  const backend = { ...real, renew: async () => {} };
  const often = new Recovery<number>(backend, { seconds: 0 });
  assert.equal(often.due, true);
  often.keep(1, 0);
  assert.equal(often.due, true);
  often.keep(1, 1000);
  assert.equal(often.due, false);
  const rarely = new Recovery<number>(backend, { seconds: 3600 });
  rarely.keep(1, 0);
  assert.equal(rarely.due, false);
});
