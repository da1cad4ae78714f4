// npm run test:browser: runs every *.browser.test.ts under src in headless Chromium, whose WebGPU
// computes on the CPU (SwiftShader), so that the tests run and mean the same anywhere.
// Extra arguments go to the runner; names of test files among them replace the whole list.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureReady, root } from './setup.js';

ensureReady({ need: ['node_modules', 'dnnl', 'swiftshader'] });

const given = process.argv.slice(2);
const named = given.filter((argument) => argument.endsWith('.test.ts'));
const all = readdirSync(join(root, 'src'), { recursive: true })
  .filter((file) => file.endsWith('.browser.test.ts'))
  .sort()
  .map((file) => join('src', file));
const files = named.length > 0 ? named : all;
process.stdout.write(`Running ${files.length} test files in Chromium ...\n`);

const { status, signal } = spawnSync(
  process.execPath,
  [
    '--import',
    'tsx',
    '--test',
    '--test-reporter=spec',
    // SwiftShader takes all cores; two files at once would only wait for each other.
    '--test-concurrency=1',
    ...given.filter((argument) => !named.includes(argument)),
    ...files,
  ],
  // Node computes beside the browser: oneDNN's threads should sleep, not spin, while they wait.
  { cwd: root, stdio: 'inherit', env: { OMP_WAIT_POLICY: 'passive', ...process.env } },
);
if (signal !== null) process.stderr.write(`error: the test runner was ended by ${signal}.\n`);
process.exit(status ?? 1);
