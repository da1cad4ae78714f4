// npm test: prepares what is missing, then runs every *.test.ts under src, but those that need a GPU
// (npm run test:gpu) or a browser (npm run test:browser).
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTests, sleepingThreads } from './runTests.js';
import { ensureReady } from './setup.js';

ensureReady({ need: ['node_modules', 'dnnl'] });

// What tests measure or download is not the user's: they share the cores and would measure wrong.
const cache = mkdtempSync(join(tmpdir(), 'hrpose-test-cache-'));
runTests({
  picks: (file) => file.endsWith('.test.ts') && !/\.(gpu|browser)\.test\.ts$/.test(file),
  // Two test files share the cores.
  concurrency: Math.min(2, availableParallelism()),
  env: { ...sleepingThreads, HRPOSE_CACHE: cache },
  finish: () => rmSync(cache, { recursive: true, force: true }),
});
