// scripts/setup.js decides what a checkout still needs; it is plain JavaScript, as it runs before anything.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../packageRoot.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';

const { packagesReady } = (await import(
  pathToFileURL(join(packageRoot, 'scripts/setup.js')).href
)) as { packagesReady(folder: string): boolean };

const folder = temporaryFolder();

type Packages = Record<string, { version?: string; optional?: boolean }>;

function lock(file: string, packages: Packages): void {
  writeFileSync(join(folder, file), JSON.stringify({ packages }));
}

function install(packages: Packages): void {
  rmSync(join(folder, 'node_modules'), { recursive: true, force: true });
  mkdirSync(join(folder, 'node_modules'));
  for (const path of Object.keys(packages)) mkdirSync(join(folder, path), { recursive: true });
  lock('node_modules/.package-lock.json', packages);
}

const locked: Packages = {
  '': { version: '0.1.0' },
  'node_modules/a': { version: '1.0.0' },
  'node_modules/other-system': { version: '2.0.0', optional: true },
};

test('packages are ready when every locked version is installed, optional ones apart', () => {
  lock('package-lock.json', locked);
  assert.equal(packagesReady(folder), false, 'nothing installed yet');
  install({ 'node_modules/a': { version: '1.0.0' } });
  assert.equal(packagesReady(folder), true);
  install({ 'node_modules/a': { version: '0.9.0' } });
  assert.equal(packagesReady(folder), false, 'another version');
  install({});
  assert.equal(packagesReady(folder), false, 'a package is missing');
  install({
    'node_modules/a': { version: '1.0.0' },
    'node_modules/other-system': { version: '1.0.0' },
  });
  assert.equal(packagesReady(folder), false, 'another version of an optional package');
});

test('a folder that was deleted under node_modules is noticed', () => {
  lock('package-lock.json', locked);
  install({ 'node_modules/a': { version: '1.0.0' } });
  rmSync(join(folder, 'node_modules/a'), { recursive: true });
  assert.equal(packagesReady(folder), false);
});

test('this checkout is ready', () => {
  assert.equal(packagesReady(packageRoot), true);
});
