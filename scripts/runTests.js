// Runs test files under src with Node's test runner and ends the process as it ends. Extra arguments of
// the command go to the runner; names of test files among them replace the whole list:
//   npm test -- src/pose/affine.test.ts --test-name-pattern=rotation
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.js';

/**
 * @param picks which files belong to the command, by their names
 * @param where the rest of the line that says what runs: ' on the GPU'
 * @param concurrency test files at a time
 * @param env what is added to the environment
 * @param finish called before the process ends
 */
export function runTests({ picks, where = '', concurrency, env, finish = () => {} }) {
  const given = process.argv.slice(2);
  const named = given.filter((argument) => argument.endsWith('.test.ts'));
  const all = readdirSync(join(root, 'src'), { recursive: true })
    .filter(picks)
    .sort()
    .map((file) => join('src', file));
  const files = named.length > 0 ? named : all;
  process.stdout.write(`Running ${files.length} test files${where} ...\n`);
  const { status, signal } = spawnSync(
    process.execPath,
    [
      '--import',
      'tsx',
      '--test',
      '--test-reporter=spec',
      `--test-concurrency=${concurrency}`,
      ...given.filter((argument) => !named.includes(argument)),
      ...files,
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } },
  );
  finish();
  if (signal !== null) process.stderr.write(`error: the test runner was ended by ${signal}.\n`);
  process.exit(status ?? 1);
}

/** oneDNN's threads should sleep, not spin, while they wait for cores that others use. */
export const sleepingThreads = { OMP_WAIT_POLICY: process.env.OMP_WAIT_POLICY ?? 'passive' };
