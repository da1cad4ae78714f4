// How the program starts: from a build of its sources in a checkout, from dist/ in an installed package.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { packageRoot } from '../packageRoot.ts';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A package of the same layout with a program of a few lines. */
function smallPackage(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'hrpose-build-')));
  folders.push(folder);
  cpSync(join(packageRoot, 'bin'), join(folder, 'bin'), { recursive: true });
  cpSync(join(packageRoot, 'scripts'), join(folder, 'scripts'), { recursive: true });
  symlinkSync(join(packageRoot, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  mkdirSync(join(folder, 'src/cli'), { recursive: true });
  writeFileSync(
    join(folder, 'src/cli/main.ts'),
    `import { word } from '../word.ts';
     import type { Gone } from '../gone.ts';
     export async function run(args: readonly string[]): Promise<Gone | undefined> {
       const { late } = await import('../late.ts');
       const url = new URL('../worker.ts', import.meta.url);
       console.log([word, late, args.join('+'), url.pathname.split('/').at(-1)].join(' '));
       return undefined;
     }`,
  );
  setWord(folder, 'first');
  writeFileSync(join(folder, 'src/late.ts'), `export const late: string = 'late';`);
  writeFileSync(join(folder, 'src/word.test.ts'), 'this is not even TypeScript');
  return folder;
}

let clock = 1_700_000_000;

/** Every change gets a later time, however fast the test runs. */
function setWord(folder: string, word: string): void {
  const file = join(folder, 'src/word.ts');
  writeFileSync(file, `export const word = '${word}' satisfies string;`);
  utimesSync(file, clock, clock++);
}

const run = async (folder: string, ...args: string[]) =>
  (await promisify(execFile)(process.execPath, [join(folder, 'bin/hrpose.js'), ...args])).stdout;

test('a checkout is built on the first start, and again when a source changes', async () => {
  const folder = smallPackage();
  assert.equal(await run(folder, 'a', 'b'), 'first late a+b worker.js\n');
  assert.equal(readdirSync(join(folder, 'dist')).length, 1);
  assert.equal(await run(folder), 'first late  worker.js\n');
  assert.equal(readdirSync(join(folder, 'dist')).length, 1, 'nothing changed, nothing built');
  setWord(folder, 'second');
  assert.equal(await run(folder), 'second late  worker.js\n');
  assert.equal(readdirSync(join(folder, 'dist')).length, 2, 'the running build stays as it is');
});

test('processes that start at once share one build and leave nothing half-done', async () => {
  const folder = smallPackage();
  const outputs = await Promise.all([1, 2, 3].map(() => run(folder)));
  assert.deepEqual(outputs, Array(3).fill('first late  worker.js\n'));
  assert.deepEqual(
    readdirSync(join(folder, 'dist')).filter((name) => !/^[0-9a-f]{16}$/.test(name)),
    [],
  );
});

test('a source that does not compile is reported by name, and nothing is left behind', async () => {
  const folder = smallPackage();
  writeFileSync(join(folder, 'src/late.ts'), 'export const = ;');
  await assert.rejects(run(folder), { code: 1, stderr: /late\.ts/ });
  assert.deepEqual(readdirSync(join(folder, 'dist')), []);
});

test('an installed package runs its dist/package/ without sources or compiler', async () => {
  const folder = smallPackage();
  await promisify(execFile)(process.execPath, [join(folder, 'scripts/build.js'), '--package']);
  for (const name of ['src', 'scripts', 'node_modules'])
    rmSync(join(folder, name), { recursive: true });
  assert.equal(await run(folder, 'x'), 'first late x worker.js\n');
});

test('without npm packages the program says what to run', async () => {
  const folder = smallPackage();
  rmSync(join(folder, 'node_modules'), { recursive: true });
  await assert.rejects(run(folder), { code: 4, stderr: /Run 'npm ci'/ });
});
