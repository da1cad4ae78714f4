import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Backend } from '../backends/backend.ts';
import { tooLarge } from '../backends/faults.ts';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import { loadCheckpoint } from './checkpoint.ts';
import { tinyRun, tinyTrain } from './tinyRun.testing.ts';
import { type TrainOptions, train } from './train.ts';

const real = createDnnlBackend({ threads: 1 });
const tiny = await tinyRun();

/** An epoch in batches of 4, or as the options say; gives the weights and what was printed. */
async function run(
  name: string,
  backend: Backend,
  { more = [], ...rest }: Partial<TrainOptions> & { more?: readonly string[] } = {},
) {
  const { options, runDir } = tinyTrain(tiny, name, backend, ['epoch=1', ...more], rest);
  const { score } = await train(options);
  return {
    runDir,
    results: score?.results ?? [],
    weights: readFileSync(join(runDir, 'model_final.safetensors')),
    log: readFileSync(join(runDir, 'train.log'), 'utf8'),
    microBatch: loadCheckpoint(runDir).meta!.microBatch,
  };
}

const ofDevice = (availableBytes: number): Backend => ({
  ...real,
  memory: 'device',
  availableBytes: () => availableBytes,
});

/** A device that has room for programs of this many samples, which shows only when they are prepared. */
function withRoomFor(samples: number, when: 'at once' | 'later'): Backend {
  const refusal = () => tooLarge('gpu: out of memory: a test', 'Use a smaller batch.');
  return {
    ...ofDevice(Number.POSITIVE_INFINITY),
    prepare(graph, options) {
      const images = graph.feeds.map((id) => graph.values[id]!).find((v) => v.name === 'images');
      const fits = !images || images.shape[0]! <= samples;
      if (!fits && when === 'at once') throw refusal();
      const program = real.prepare(graph, options);
      const allocated = fits ? Promise.resolve() : Promise.reject(refusal());
      allocated.catch(() => {});
      return Object.assign(program, { allocated });
    },
  };
}

const halves = await run('halves', real, { more: ['TrainReader.batch_size=2'], accumulate: 2 });
const thirds = ['TrainReader.batch_size=6'];

test('a batch that does not fit is computed in parts, with the update of --accumulate', async () => {
  // Four samples at once take 15.2 MB, with recomputation 13.9, and two 13.3.
  const { weights, microBatch, log } = await run('planned', ofDevice(13.5e6));
  assert.equal(microBatch, 2);
  assert.ok(weights.equals(halves.weights));
  assert.match(
    log,
    /The batch of 4 does not fit and is computed as 2 micro-batches of 2\..*2 times/,
  );
});

test('what the plan cannot know shows when the programs are prepared, and less is tried', async () => {
  for (const when of ['at once', 'later'] as const) {
    const { weights, microBatch, log } = await run(`tried ${when}`, withRoomFor(2, when));
    assert.equal(microBatch, 2);
    assert.ok(weights.equals(halves.weights));
    assert.match(log, /gpu: out of memory: a test; trying it with less memory\./);
  }
  await assert.rejects(run('none', withRoomFor(0, 'later')), { exitCode: 4, message: /a smaller/ });
});

test('a run that goes on takes micro-batches of the same size, whatever would fit now', async () => {
  const first = await run('resumed', withRoomFor(2, 'later'), { more: thirds });
  const { runDir, microBatch } = await run('resumed', ofDevice(Number.POSITIVE_INFINITY), {
    more: [...thirds, 'epoch=2'],
    resume: first.runDir,
  });
  assert.equal(microBatch, 2);
  const whole = await run('whole', withRoomFor(2, 'later'), { more: [...thirds, 'epoch=2'] });
  const file = 'model_final.safetensors';
  assert.ok(readFileSync(join(runDir, file)).equals(readFileSync(join(whole.runDir, file))));
});

test('snapshots are scored by as many people at once as training leaves room for, and alike', async () => {
  // Training takes 11.9 MB, scoring 2.1 and 0.3 for each of up to four people.
  const scored = (name: string, backend: Backend) =>
    run(name, backend, { more: ['TrainReader.batch_size=2'], evaluate: true });
  const whole = await scored('scored', ofDevice(Number.POSITIVE_INFINITY));
  assert.match(whole.log, /scoring .* at snapshots, 4 at once/);
  const planned = await scored('scored as planned', ofDevice(14.8e6));
  assert.match(planned.log, /scoring .* at snapshots, 2 at once/);
  const tried = await scored('scored as tried', withRoomFor(2, 'later'));
  assert.match(tried.log, /a test; trying to score fewer people at once\.\n/);
  assert.ok(whole.results.length > 4);
  for (const { weights, results } of [planned, tried]) {
    assert.ok(weights.equals(whole.weights));
    assert.deepEqual(results, whole.results);
  }
});
