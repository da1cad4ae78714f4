import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { drawnWeights } from '../../models/drawWeights.ts';
import { hrnetConfig } from '../../models/hrnetConfigs.ts';
import { imagenet } from '../../models/usualTraining.ts';
import { HeatmapNetwork } from '../../train/heatmapNetwork.ts';
import { createDnnlBackend, type DnnlOptions } from './index.ts';

const config = hrnetConfig('hrnet', 18, 17);
const inputSize = { width: 64, height: 96 };
const batch = 4;
const images = Uint8Array.from(
  { length: batch * inputSize.width * inputSize.height * 3 },
  (_, i) => (i * 2654435761) >>> 24,
);
const weights = drawnWeights(config, 7);
const open: (() => void)[] = [];
after(() => {
  for (const close of open) close();
});

async function heatmaps(options: DnnlOptions) {
  const backend = createDnnlBackend(options);
  const network = new HeatmapNetwork(backend, { config, inputSize, normalize: imagenet, batch });
  open.push(() => {
    network.close();
    backend.close();
  });
  network.setWeights(weights);
  // Twice: what a run leaves in the memory that parts share must not matter.
  await network.heatmaps(images.slice().reverse(), batch);
  return { values: await network.heatmaps(images, batch), bytes: network.programBytes };
}

const whole = { partElements: Number.POSITIVE_INFINITY };

for (const [name, partElements] of [
  ['picture by picture', 1],
  ['in parts of one, two and four pictures', 2 ** 13],
] as const) {
  test(`a batch ${name} gives what it gives at once`, async () => {
    const [at, once] = [await heatmaps({ partElements }), await heatmaps(whole)];
    const most = once.values.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    // Direct convolutions sum each picture in the same order; only the split among threads may differ.
    once.values.forEach((value, i) => {
      assert.ok(Math.abs(at.values[i]! - value) <= 2e-6 * most, `${i}: ${at.values[i]} ${value}`);
    });
    // Arguments of steps are counted as well: here they are as much as parts of four pictures save.
    if (partElements === 1) assert.ok(at.bytes < once.bytes, `${at.bytes} of ${once.bytes} bytes`);
  });
}
