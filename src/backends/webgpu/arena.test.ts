import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tinyGraphs } from '../../models/tinyTraining.testing.ts';
import { planArenas } from './arena.ts';
import type { Dispatch, GpuTensor } from './kernel.ts';
import { loweredDispatches } from './lowered.testing.ts';

const dispatches = loweredDispatches(tinyGraphs({ batch: 2, side: 64 }).slice(0, 1));

/** Blocks of the arena that a dispatch touches. */
const inArena = ({ tensors }: Dispatch) =>
  tensors
    .map((t: GpuTensor) => t.block)
    .filter((b) => b.state === undefined && !b.range && !b.feed);

function expectApart(most: number) {
  const { places, arenas, lowerBound } = planArenas(dispatches, [], most);
  const life = new Map<object, { first: number; last: number; bytes: number }>();
  dispatches.forEach((dispatch, i) => {
    for (const block of inArena(dispatch)) {
      life.set(block, { first: life.get(block)?.first ?? i, last: i, bytes: block.bytes });
    }
  });
  const placed = [...life].map(([block, span]) => ({ ...span, ...places.get(block as never)! }));
  for (const a of placed) {
    assert.equal(a.offset % 256, 0);
    assert.ok(a.offset + a.bytes <= arenas[a.arena]!);
    for (const b of placed) {
      if (a === b || a.arena !== b.arena || a.last < b.first || b.last < a.first) continue;
      assert.ok(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset);
    }
  }
  return { arenas, lowerBound };
}

test('tensors that are alive at once lie apart, in an arena not much larger than they are', () => {
  const { arenas, lowerBound } = expectApart(2 ** 30);
  assert.equal(arenas.length, 1);
  assert.ok(arenas[0]! <= 1.05 * lowerBound, `${arenas[0]} of ${lowerBound}`);
});

test('where buffers are small, tensors go to several', () => {
  const { arenas, lowerBound } = expectApart(2 ** 20);
  assert.ok(arenas.length > 1 && arenas.every((bytes) => bytes <= 2 ** 20), `${arenas}`);
  const total = arenas.reduce((a, b) => a + b, 0);
  assert.ok(total <= 1.05 * lowerBound, `${total} of ${lowerBound}`);
});

test('a tensor that fits no buffer is a bug of the caller, who checks before', () => {
  assert.throws(() => planArenas(dispatches, [], 1024), /larger than 1024 bytes/);
});
