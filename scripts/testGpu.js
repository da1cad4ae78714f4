// npm run test:gpu: runs every *.gpu.test.ts under src on a GPU. Without HRPOSE_TEST_GPU=hardware that is
// SwiftShader, which computes on the CPU, so that the tests run and mean the same anywhere.
// Extra arguments go to the runner; names of test files among them replace the whole list.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureReady, root, swiftshaderFile } from './setup.js';

const hardware = process.env.HRPOSE_TEST_GPU === 'hardware';
ensureReady({ need: ['node_modules', 'dnnl', ...(hardware ? [] : ['swiftshader'])] });

const given = process.argv.slice(2);
const named = given.filter((argument) => argument.endsWith('.test.ts'));
const all = readdirSync(join(root, 'src'), { recursive: true })
  .filter((file) => file.endsWith('.gpu.test.ts'))
  .sort()
  .map((file) => join('src', file));
const files = named.length > 0 ? named : all;
process.stdout.write(
  `Running ${files.length} test files on ${hardware ? 'the GPU' : 'SwiftShader'} ...\n`,
);

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
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(hardware ? {} : { VK_ICD_FILENAMES: swiftshaderFile }) },
  },
);
if (signal !== null) process.stderr.write(`error: the test runner was ended by ${signal}.\n`);
process.exit(status ?? 1);
