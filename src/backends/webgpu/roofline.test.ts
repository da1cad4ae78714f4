import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConvDims } from './conv/dims.ts';
import type { Tile } from './conv/tile.ts';
import { computedFlops, limitOf, tileIntensity, workgroupBytesOf } from './roofline.ts';

const device = { flops: 1000, memory: 100, workgroupMemory: 500, launch: 0.5 };

test('the slowest of what works side by side decides, and starting comes on top', () => {
  const work = { flops: 1000, bytes: 100, workgroupBytes: 500 };
  assert.deepEqual(limitOf({ ...work, flops: 2000 }, device), {
    seconds: 2.5,
    bound: 'arithmetic',
  });
  assert.deepEqual(limitOf({ ...work, bytes: 300 }, device), { seconds: 3.5, bound: 'memory' });
  assert.deepEqual(limitOf({ ...work, workgroupBytes: 2000 }, device), {
    seconds: 4.5,
    bound: 'workgroup memory',
  });
  assert.deepEqual(limitOf({ flops: 0, bytes: 10, workgroupBytes: 0 }, device), {
    seconds: 0.6,
    bound: 'launch',
  });
});

const tile: Tile = { rows: 64, columns: 32, depth: 16, threadRows: 8, threadColumns: 4, stages: 1 };

test('a tile of 64 × 32 by pieces of 8 × 4: 4 · 12 / 32 bytes a multiply-add, 2 · 2048 FLOP for 4 · 96 bytes', () => {
  assert.equal(workgroupBytesOf(tile), 1.5);
  assert.equal(tileIntensity(tile), 4096 / 384);
});

const dims = (d: Partial<ConvDims>): ConvDims => ({
  ...{ n: 1, h: 8, w: 8, cin: 16, cout: 32, kh: 3, kw: 3, stride: 1, padding: 1, outH: 8, outW: 8 },
  ...d,
});

test('a convolution that its tiles fill computes what it has; else whole tiles', () => {
  const d = dims({});
  const exact = 2 * 64 * 32 * 9 * 16;
  assert.equal(computedFlops('forward', d, tile), exact);
  // 16 columns are half of a tile.
  assert.equal(computedFlops('gradInput', d, tile), exact * 2);
  // 144 rows take three tiles of 64; 64 pixels are 4 steps.
  assert.equal(computedFlops('gradWeight', d, tile), 2 * 192 * 32 * 64);
  // 65 pixels take two tiles of 64; 9 · 4 are 3 steps of 16.
  assert.equal(
    computedFlops('forward', dims({ h: 5, w: 13, outH: 5, outW: 13, cin: 3 }), tile),
    2 * 128 * 32 * 48,
  );
});

test('with a stride of 2 the pixels of dx have a quarter of the taps each', () => {
  const d = dims({ h: 16, w: 16, cin: 32, stride: 2 });
  assert.equal(computedFlops('gradInput', d, tile), 2 * 64 * 32 * 9 * 32);
});
