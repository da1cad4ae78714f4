import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { benchLoader } from './benchLoader.ts';

test('the bench reports rates and parts that fit together, and clears up its pictures', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-bench-test-'));
  const { TMPDIR } = process.env;
  process.env.TMPDIR = folder;
  t.after(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    rmSync(folder, { recursive: true });
  });
  const lines: string[] = [];
  t.mock.method(console, 'log', (line: string) => lines.push(line));
  const size = { width: 72, height: 96 };
  const bench = await benchLoader({
    size,
    workers: 1,
    samples: 16,
    pictures: 2,
    batchSize: 8,
    json: true,
  });
  assert.deepEqual(JSON.parse(lines.join('')), JSON.parse(JSON.stringify(bench)));
  assert.equal(bench.samples, 16);
  // COCO's photos have 100 to 200 kB.
  assert.ok(bench.pictureKilobytes > 100 && bench.pictureKilobytes < 200);
  const { decode, augment, warp } = bench.milliseconds;
  assert.ok(decode > augment && warp > 0);
  assert.ok(bench.samplesPerSecond > 0 && bench.samplesPerCoreSecond > 0);
  assert.ok(!readdirSync(folder).some((name) => name.startsWith('hrpose')));
});
