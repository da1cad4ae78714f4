// What a published package holds. That it works when installed is tested by `npm run test:package`.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { packageRoot } from '../packageRoot.ts';

test('the package holds the built program, types, configs and docs, and no sources, tests or benches', async () => {
  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', '--dry-run', '--json', '--ignore-scripts=false', '--loglevel=error'],
    { cwd: packageRoot, maxBuffer: 2 ** 24 },
  );
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  for (const wanted of [
    'README.md',
    'LICENSE',
    'bin/hrpose.js',
    'configs/keypoint/hrnet/hrnet_w32_384x288.yml',
    'dist/package/cli/main.js',
    'dist/package/data/loaderWorker.js',
    'dist/package/index.js',
    'dist/package/index.d.ts',
    'dist/package/infer/poseEstimator.d.ts',
    'docs/api.md',
  ]) {
    assert.ok(paths.includes(wanted), `${wanted} is missing`);
  }
  const strange = paths.filter((path) =>
    /^(src|bench|scripts|output|node_modules)\/|test|\.ts$/.test(path),
  );
  assert.deepEqual(
    strange.filter((path) => !path.endsWith('.d.ts')),
    [],
  );
});

test('what the program needs at run time is a dependency, and the compiler is not', () => {
  const { dependencies, devDependencies, exports } = JSON.parse(
    readFileSync(join(packageRoot, 'package.json'), 'utf8'),
  );
  assert.ok('tsx' in devDependencies && !('tsx' in dependencies));
  assert.equal(exports['.'].default, './dist/package/index.js');
});
