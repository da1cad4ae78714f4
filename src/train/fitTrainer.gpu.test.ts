import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createGpuBackend } from '../backends/webgpu/index.ts';
import { openNodeGpu } from '../backends/webgpu/nodeDevice.ts';
import { tinyRun, tinyTrain } from './tinyRun.testing.ts';
import { train } from './train.ts';

const gpu = await openNodeGpu();
after(() => gpu.close());
const tiny = await tinyRun();

/** An epoch that is scored, in so much memory of the GPU. */
async function run(name: string, memoryBytes: number) {
  const backend = createGpuBackend(gpu, { memoryBytes });
  const more = ['trainsize=[32, 32]', 'hmsize=[8, 8]', 'epoch=1'];
  const { options, runDir } = tinyTrain(tiny, name, backend, more, { evaluate: true });
  const { score } = await train(options);
  return {
    results: score!.results,
    weights: readFileSync(join(runDir, 'model_final.safetensors')),
    log: readFileSync(join(runDir, 'train.log'), 'utf8'),
  };
}

test('a network that is scored in parts beside training finds the same people to the bit', async () => {
  const whole = await run('whole', Number.POSITIVE_INFINITY);
  assert.match(whole.log, /scoring .* at snapshots, 4 at once/);
  // Training takes 11.9 MB, scoring 2.1 and 0.15 for each of up to four people.
  const parts = await run('parts', 14.2e6);
  assert.match(parts.log, /scoring .* at snapshots, 1 at once/);
  assert.ok(parts.weights.equals(whole.weights));
  assert.ok(whole.results.length > 4);
  assert.deepEqual(parts.results, whole.results);
  assert.equal(gpu.liveBuffers, 0);
});
