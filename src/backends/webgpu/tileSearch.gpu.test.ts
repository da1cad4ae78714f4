import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { dimsOfCase } from './conv/cases.testing.ts';
import { convTiles } from './conv/tile.ts';
import { openNodeGpu } from './nodeDevice.ts';
import { searchTile } from './tileSearch.ts';

const gpu = await openNodeGpu();
after(() => gpu.close());

const searches = (['forward', 'gradInput', 'gradWeight'] as const).flatMap((kind) =>
  (['f32', 'f16'] as const).map((activations) => [kind, activations] as const),
);

for (const [kind, activations] of searches) {
  test(`a search for ${kind} on ${activations} times every tile, and they agree`, async () => {
    const d = dimsOfCase({ n: 2, h: 10, w: 9, cin: 16, cout: 32 });
    const { times, guess, wrong } = await searchTile(gpu, kind, d, activations);
    const tiles = convTiles(kind, d, gpu.features);
    assert.deepEqual(wrong, []);
    assert.equal(times.length, tiles.length);
    assert.deepEqual(guess.tile, tiles[0]);
    assert.ok(times.every(({ milliseconds }) => milliseconds > 0));
    assert.ok(times[0]!.milliseconds <= guess.milliseconds);
    assert.equal(gpu.liveBuffers, 0);
  });
}
