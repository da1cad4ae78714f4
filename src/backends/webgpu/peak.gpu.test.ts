import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { dimsOfCase } from './conv/cases.testing.ts';
import { openNodeGpu } from './nodeDevice.ts';
import { measureGpuPeak } from './peak.ts';
import { rateOf, searchTile } from './tileSearch.ts';

const gpu = await openNodeGpu();
after(() => gpu.close());

test('the peak is above what a convolution reaches, and measuring it leaves nothing behind', async () => {
  const before = gpu.liveBuffers;
  const { gflops, gigabytesPerSecond } = await measureGpuPeak(gpu);
  assert.equal(gpu.liveBuffers, before);
  const d = dimsOfCase({ h: 32, w: 32, cin: 32, cout: 32 });
  const { times } = await searchTile(gpu, 'forward', d);
  assert.ok(gflops > rateOf(d, times[0]!.milliseconds), `${gflops} GFLOP/s`);
  assert.ok(gigabytesPerSecond > 0 && gigabytesPerSecond < 1e5, `${gigabytesPerSecond} GB/s`);
});
