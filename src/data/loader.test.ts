import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import { HrposeError } from '../errors.ts';
import { coco17 } from '../pose/skeletons.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { usualAugment } from './augment.ts';
import { madeUpPeople } from './benchPictures.ts';
import { createLoader, type LoaderOptions } from './loader.ts';
import type { Batch, PersonRecord } from './record.ts';
import { epochOrder } from './sampler.ts';

const folder = temporaryFolder();

const pictures = await Promise.all(
  Array.from({ length: 7 }, async (_, i) => {
    const file = join(folder, `${i}.png`);
    const data = Uint8Array.from({ length: 60 * 40 * 3 }, (_, j) => (j * (i + 3)) % 251);
    await sharp(data, { raw: { width: 60, height: 40, channels: 3 } }).toFile(file);
    return file;
  }),
);
const cut = join(folder, 'cut.png');
writeFileSync(cut, '\x89PNG\r\n\x1a\n', 'latin1');

const records = madeUpPeople(pictures, 50, 17, 1);
const augment = usualAugment(coco17.upperBody);
const common: LoaderOptions = {
  records,
  skeleton: coco17,
  inputSize: { width: 24, height: 32 },
  workers: 0,
  augment,
  udp: false,
  seed: 5,
};
const orderOf = (epoch: number) =>
  epochOrder(records.length, { epoch, shuffle: true, batchSize: 8 });

/** One hash for each batch, over everything in it. */
function digest(batch: Batch): string {
  const hash = createHash('sha256').update(String(batch.size));
  const { indices, images, keypoints, visible, centers, scales } = batch;
  for (const array of [indices, images, keypoints, visible, centers, scales]) hash.update(array);
  return hash.digest('hex');
}

async function digests(
  options: Partial<LoaderOptions>,
  epochs: readonly number[],
  order = orderOf,
) {
  const loader = createLoader({ ...common, ...options });
  try {
    const all: string[] = [];
    for (const epoch of epochs)
      for await (const batch of loader.batches(order(epoch), epoch)) all.push(digest(batch));
    return { all, skipped: loader.skipped };
  } finally {
    await loader.close();
  }
}

/** A list of records with some pictures replaced by ones that cannot be read. */
const spoiled = (bad: Readonly<Record<number, string>>): PersonRecord[] =>
  records.map((record, i) => ({ ...record, imageFile: bad[i] ?? record.imageFile }));

const inOrder = () => epochOrder(records.length, { epoch: 0, shuffle: false, batchSize: 8 });

async function failsWith(run: Promise<unknown>, ...parts: string[]): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(error instanceof HrposeError, String(error));
    assert.equal(error.exitCode, 3);
    for (const part of parts) assert.ok(error.message.includes(part), error.message);
    return true;
  });
}

test('batches are the same to the byte for any number of workers, with and without a cache', async () => {
  const expected = await digests({}, [0, 1]);
  assert.equal(expected.all.length, 14);
  assert.equal(new Set(expected.all).size, 14);
  for (const workers of [1, 3]) assert.deepEqual(await digests({ workers }, [0, 1]), expected);
  // Room for everything, then for three of the seven pictures.
  for (const bytes of [1 << 20, 3 * 60 * 40 * 3])
    for (const workers of [0, 2])
      assert.deepEqual(
        await digests({ workers, cache: { place: 'ram', bytes } }, [0, 1]),
        expected,
      );
});

test('another seed or epoch changes the crops, but not which records they are of', async () => {
  const sameOrder = () => inOrder();
  const [first] = (await digests({}, [0], sameOrder)).all;
  const [otherSeed] = (await digests({ seed: 6 }, [0], sameOrder)).all;
  const [otherEpoch] = (await digests({}, [1], sameOrder)).all;
  assert.equal(new Set([first, otherSeed, otherEpoch]).size, 3);
  // A pass is a function of its epoch, not of the passes before it: a run can be resumed.
  const both = await digests({ workers: 2 }, [0, 1], sameOrder);
  assert.equal(both.all[7], otherEpoch);
});

test('without augmentation a crop has the box of its record, and keypoints lie in it', async () => {
  const { augment: _, ...plain } = common;
  const loader = createLoader({ ...plain, workers: 1 });
  for await (const batch of loader.batches(inOrder(), 0))
    batch.indices.forEach((index, i) => {
      const { center, scale, keypoints } = records[index];
      assert.deepEqual([...batch.centers.subarray(2 * i, 2 * i + 2)], [...center]);
      assert.deepEqual([...batch.scales.subarray(2 * i, 2 * i + 2)], [...scale]);
      const x = ((keypoints[0] - center[0]) / (scale[0] * 200) + 0.5) * 24;
      // The matrix is solved from float32 points; crops are 24 px wide.
      assert.ok(Math.abs(batch.keypoints[i * 34] - x) < 1e-3);
    });
  await loader.close();
});

test('a picture that cannot be used stops the pass at its batch and is named', async () => {
  const missing = join(folder, 'missing.png');
  const bad = spoiled({ 21: cut, 19: missing, 30: cut });
  for (const workers of [0, 3]) {
    const loader = createLoader({ ...common, records: bad, workers });
    let batches = 0;
    const run = async () => {
      for await (const _ of loader.batches(inOrder(), 0)) batches++;
    };
    await failsWith(run(), missing);
    assert.equal(batches, 2);
    // The loader can go on with an order that leaves the bad ones out.
    for await (const batch of loader.batches([Int32Array.of(0, 1)], 0)) batches += batch.size;
    assert.equal(batches, 4);
    await loader.close();
  }
});

test('with skipBadImages another sample of the batch takes the place, always the same', async () => {
  const other = join(folder, 'cut too.png');
  copyFileSync(cut, other);
  const bad = { records: spoiled({ 15: cut, 16: cut, 17: other }), skipBadImages: true };
  const expected = await digests(bad, [0], inOrder);
  assert.deepEqual(
    expected.skipped.map(({ file }) => basename(file)),
    ['cut too.png', 'cut.png'],
  );
  assert.match(expected.skipped[1].reason, /cut\.png: expected a complete picture/);
  for (const workers of [1, 3])
    assert.deepEqual(await digests({ ...bad, workers }, [0], inOrder), expected);
  const loader = createLoader({ ...common, ...bad });
  const seen: number[] = [];
  for await (const { indices } of loader.batches(inOrder(), 0)) seen.push(...indices);
  assert.deepEqual(seen.slice(14, 19), [14, 8, 18, 18, 18]);
});

test('a batch without a single usable picture is an error even then', async () => {
  const all = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [i + 8, cut]));
  for (const workers of [0, 2])
    await failsWith(
      digests({ records: spoiled(all), skipBadImages: true, workers }, [0], inOrder),
      'none of the 8 pictures',
      cut,
    );
});

test('a pass can be left early, and the next one is complete', async () => {
  const loader = createLoader({ ...common, workers: 2 });
  const expected = await digests({}, [3]);
  for (let round = 0; round < 5; round++) {
    for await (const _ of loader.batches(orderOf(2), 2)) break;
    const all: string[] = [];
    for await (const batch of loader.batches(orderOf(3), 3)) all.push(digest(batch));
    assert.deepEqual(all, expected.all);
  }
  await loader.close();
});

test('a batch stays as it is while the workers run ahead', async () => {
  const loader = createLoader({ ...common, workers: 2 });
  for await (const batch of loader.batches(orderOf(0), 0)) {
    const before = digest(batch);
    await sleep(10);
    assert.equal(digest(batch), before);
  }
  await loader.close();
});

test('workers run at most two batches each ahead of the consumer', async () => {
  // Bad pictures tell how far they have come: batch 0 is taken, so batches 1 to 4 may be made.
  const bad = spoiled({ 33: join(folder, 'batch 4'), 41: join(folder, 'batch 5') });
  const loader = createLoader({ ...common, records: bad, workers: 2, skipBadImages: true });
  const pass = loader.batches(inOrder(), 0);
  await pass.next();
  while (loader.skipped.length === 0) await sleep(5);
  await sleep(100);
  assert.deepEqual(
    loader.skipped.map(({ file }) => basename(file)),
    ['batch 4'],
  );
  while (!(await pass.next()).done);
  assert.equal(loader.skipped.length, 2);
  await loader.close();
});

/** Runs `act` with the worker threads that it starts. */
async function withWorkers(act: (workers: readonly Worker[]) => Promise<void>): Promise<void> {
  const workers: Worker[] = [];
  const note = (worker: Worker) => workers.push(worker);
  process.on('worker', note);
  try {
    await act(workers);
  } finally {
    process.off('worker', note);
  }
}

test('a worker that dies is an error, not a wait without end', async () => {
  await withWorkers(async (workers) => {
    const loader = createLoader({ ...common, workers: 2 });
    const pass = loader.batches(Array(1000).fill(orderOf(0)[0]), 0);
    await pass.next();
    await workers[0].terminate();
    const rest = async () => {
      for await (const _ of pass);
    };
    await assert.rejects(rest(), /worker thread ended early/);
    await assert.rejects(loader.batches(orderOf(0), 0).next(), /worker thread ended early/);
    await loader.close();
  });
  const broken = { ...augment, upperBody: null as unknown as number[], halfBodyProbability: 1 };
  await assert.rejects(digests({ workers: 2, augment: broken }, [0]), /a worker thread failed/);
});

test('close ends the threads in the middle of a pass, and who waits gets an error', async () => {
  await withWorkers(async (workers) => {
    const loader = createLoader({ ...common, workers: 2 });
    const pass = loader.batches(orderOf(0), 0);
    await pass.next();
    const waiting = assert.rejects(
      (async () => {
        for await (const _ of pass);
      })(),
      /closed/,
    );
    await loader.close();
    await waiting;
    // A thread that has ended has no id any more.
    assert.deepEqual(
      workers.map((worker) => worker.threadId),
      [-1, -1],
    );
    await assert.rejects(loader.batches(orderOf(0), 0).next(), /closed/);
  });
});

test('a second pass at the same time and records that are not there are refused', async () => {
  const loader = createLoader(common);
  await assert.rejects(loader.batches([Int32Array.of(50)], 0).next(), /record 50 was asked for/);
  const first = loader.batches(orderOf(0), 0);
  await first.next();
  await assert.rejects(loader.batches(orderOf(0), 0).next(), /has to end before/);
  await first.return();
  await loader.batches(orderOf(0), 0).next();
});
