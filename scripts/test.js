// npm test: prepares what is missing, then runs every *.test.ts under src with Node's test runner, but
// those that need a GPU (npm run test:gpu) or a browser (npm run test:browser).
// Extra arguments go to the runner; names of test files among them replace the whole list:
//   npm test -- src/pose/affine.test.ts --test-name-pattern=rotation
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureReady, root } from './setup.js';

ensureReady({ need: ['node_modules', 'dnnl'] });

const given = process.argv.slice(2);
const named = given.filter((argument) => argument.endsWith('.test.ts'));
const all = readdirSync(join(root, 'src'), { recursive: true })
  .filter((file) => file.endsWith('.test.ts') && !/\.(gpu|browser)\.test\.ts$/.test(file))
  .sort()
  .map((file) => join('src', file));
const files = named.length > 0 ? named : all;
process.stdout.write(`Running ${files.length} test files ...\n`);

// What tests measure or download is not the user's: they share the cores and would measure wrong.
const cache = mkdtempSync(join(tmpdir(), 'hrpose-test-cache-'));
const { status, signal } = spawnSync(
  process.execPath,
  [
    '--import',
    'tsx',
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${Math.min(2, availableParallelism())}`,
    ...given.filter((argument) => !named.includes(argument)),
    ...files,
  ],
  {
    cwd: root,
    stdio: 'inherit',
    // Two test files share the cores: oneDNN's threads should sleep, not spin, while they wait.
    env: { OMP_WAIT_POLICY: 'passive', ...process.env, HRPOSE_CACHE: cache },
  },
);
rmSync(cache, { recursive: true, force: true });
if (signal !== null) process.stderr.write(`error: the test runner was ended by ${signal}.\n`);
process.exit(status ?? 1);
