import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { epochOrder } from './sampler.ts';

const lists = (batches: readonly Int32Array[]) => batches.map((batch) => [...batch]);

test('eleven records on two ranks come in the reference order', () => {
  const options = { epoch: 0, shuffle: true, batchSize: 2, worldSize: 2 };
  assert.deepEqual(lists(epochOrder(11, { ...options, rank: 0 })), [
    [6, 0],
    [2, 8],
    [9, 3],
  ]);
  assert.deepEqual(lists(epochOrder(11, { ...options, rank: 1 })), [
    [4, 10],
    [1, 7],
    [0, 5],
  ]);
});

test('the order depends on the sum of seed and epoch', () => {
  const order = (seed: number, epoch: number) =>
    lists(epochOrder(10, { seed, epoch, shuffle: true, batchSize: 10 }))[0];
  assert.deepEqual(order(0, 0), [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]);
  assert.deepEqual(order(0, 1), [2, 9, 6, 4, 0, 3, 1, 7, 8, 5]);
  assert.deepEqual(order(1, 0), order(0, 1));
});

test('without shuffling, records come in file order and the last batch is what is left', () => {
  const options = { epoch: 3, shuffle: false, batchSize: 4 };
  assert.deepEqual(lists(epochOrder(10, options)), [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9],
  ]);
  assert.deepEqual(lists(epochOrder(10, { ...options, dropLast: true })), [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ]);
  assert.deepEqual(epochOrder(0, options), []);
});

test('COCO train2017 has 2341 batches of 64 on one device and 293 on eight', () => {
  const options = { epoch: 0, shuffle: true, batchSize: 64 };
  const alone = epochOrder(149_813, options);
  assert.equal(alone.length, 2341);
  assert.equal(alone.at(-1)?.length, 53);
  const eighth = epochOrder(149_813, { ...options, worldSize: 8, rank: 5 });
  assert.equal(eighth.length, 293);
  assert.equal(eighth.at(-1)?.length, 39);
});

test('all ranks together see every record, and only the padding twice', () => {
  const cases = fc.record({
    count: fc.integer({ min: 1, max: 60 }),
    worldSize: fc.integer({ min: 1, max: 9 }),
    batchSize: fc.integer({ min: 1, max: 7 }),
    epoch: fc.nat(50),
    shuffle: fc.boolean(),
  });
  fc.assert(
    fc.property(cases, ({ count, ...options }) => {
      const ranks = [...Array(options.worldSize).keys()].map((rank) =>
        epochOrder(count, { ...options, rank }),
      );
      const sizes = ranks.map((batches) => batches.map((batch) => batch.length).join());
      assert.equal(new Set(sizes).size, 1, 'every rank has batches of the same sizes');
      const seen = ranks.flat().flatMap((batch) => [...batch]);
      assert.equal(seen.length, Math.ceil(count / options.worldSize) * options.worldSize);
      assert.equal(new Set(seen).size, count);
    }),
    { seed: 11, numRuns: 200 },
  );
});

test('impossible sizes and ranks are usage errors', () => {
  for (const wrong of [{ batchSize: 0 }, { worldSize: 0 }, { rank: 1 }, { rank: -1 }]) {
    const options = { epoch: 0, shuffle: false, batchSize: 2, ...wrong };
    assert.throws(() => epochOrder(5, options), { exitCode: 2 });
  }
});
