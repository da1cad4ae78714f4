import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BufferRequest, planMemory } from './planMemory.ts';

const steps = 20;
const request = fc
  .record({
    bytes: fc.integer({ min: 0, max: 5000 }),
    from: fc.nat(steps),
    length: fc.nat(steps),
  })
  .map(({ bytes, from, length }): BufferRequest => ({ bytes, first: from, last: from + length }));

const meet = (a: BufferRequest, b: BufferRequest) => a.first <= b.last && b.first <= a.last;
const occupied = (bytes: number) => Math.ceil(bytes / 64) * 64;

test('buffers that live at the same time never overlap, whatever they are', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 40 }), (requests) => {
      const { offsets, arenaBytes, lowerBound } = planMemory(requests);
      assert.equal(offsets.length, requests.length);
      assert.ok(arenaBytes >= lowerBound);
      const most = Math.max(
        0,
        ...Array.from({ length: 2 * steps + 1 }, (_, step) =>
          requests
            .filter((r) => r.first <= step && step <= r.last)
            .reduce((sum, r) => sum + occupied(r.bytes), 0),
        ),
      );
      assert.equal(lowerBound, most);
      requests.forEach((a, i) => {
        assert.equal(offsets[i]! % 64, 0);
        assert.ok(offsets[i]! + a.bytes <= arenaBytes);
        for (let j = 0; j < i; j++) {
          const b = requests[j]!;
          if (!meet(a, b)) continue;
          const apart =
            offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!;
          assert.ok(apart || a.bytes === 0 || b.bytes === 0, `buffers ${i} and ${j} overlap`);
        }
      });
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('no buffer lies in two segments, and those of one time still never overlap', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 40 }), (requests) => {
      const segment = 5056;
      const { offsets } = planMemory(requests, segment);
      requests.forEach((a, i) => {
        const first = Math.floor(offsets[i]! / segment);
        assert.ok(offsets[i]! + occupied(a.bytes) <= (first + 1) * segment);
        for (let j = 0; j < i; j++) {
          const b = requests[j]!;
          if (!meet(a, b) || a.bytes === 0 || b.bytes === 0) continue;
          assert.ok(
            offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!,
            `buffers ${i} and ${j} overlap`,
          );
        }
      });
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('a chain of buffers takes turns in two places', () => {
  const chain = Array.from({ length: 9 }, (_, i) => ({ bytes: 1000, first: i, last: i + 1 }));
  const { arenaBytes, lowerBound } = planMemory(chain);
  assert.equal(arenaBytes, 2048);
  assert.equal(lowerBound, 2048);
});

test('a buffer that lives throughout is put below what comes and goes', () => {
  const { offsets, arenaBytes } = planMemory([
    { bytes: 64, first: 0, last: 0 },
    { bytes: 640, first: 0, last: 9 },
    { bytes: 128, first: 1, last: 2 },
  ]);
  assert.deepEqual(offsets, [640, 0, 640]);
  assert.equal(arenaBytes, 768);
});
