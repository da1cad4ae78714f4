// Transpiles src/**/*.ts (tests apart) file by file, so that a command starts without a compiler.
// A build lies in dist/<key>/, where the key is a digest of every source's name, size and time:
// a finished build never changes, so a running program keeps the files it started from, and several
// processes may build at once. `node scripts/build.js --package` writes dist/package/ for publishing.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = join(root, 'src');
const hour = 3_600_000;

/** Every source that goes into a build, with its size and time of change. */
async function listSources() {
  const entries = await readdir(sources, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !/\.test\.ts$|\.md$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  const stats = await Promise.all(files.map((file) => stat(file)));
  return files.map((file, i) => ({ file, size: stats[i].size, time: stats[i].mtimeMs }));
}

async function keyOf(list) {
  const hash = createHash('sha256').update(await readFile(fileURLToPath(import.meta.url)));
  for (const { file, size, time } of list) hash.update(`${file}\0${size}\0${time}\n`);
  return hash.digest('hex').slice(0, 16);
}

/** esbuild prints every specifier in double quotes; only relative ones that end in .ts are ours. */
export function rewriteSpecifiers(code) {
  return code.replace(
    /((?:\bfrom|\bimport|\bimport\(|\bnew URL\()\s*)"(\.\.?\/[^"\n]+)\.ts"/g,
    '$1"$2.js"',
  );
}

async function transpile(list, folder) {
  const { transform } = await import('esbuild');
  const write = async ({ file }) => {
    const target = join(folder, relative(sources, file)).replace(/\.ts$/, '.js');
    await mkdir(dirname(target), { recursive: true });
    if (!file.endsWith('.ts')) return writeFile(target, await readFile(file));
    const { code } = await transform(await readFile(file, 'utf8'), {
      loader: 'ts',
      format: 'esm',
      target: 'node20',
      sourcefile: relative(root, file).split(sep).join('/'),
    });
    return writeFile(target, rewriteSpecifiers(code));
  };
  // All writes end before a failure is passed on: none may land in a folder that is being removed.
  const results = await Promise.allSettled(list.map(write));
  const failed = results.find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Removes builds that nobody has started from for a day, beyond the eight latest. */
async function removeOldBuilds(dist) {
  const folders = (await readdir(dist)).map((name) => join(dist, name));
  const aged = await Promise.all(
    folders.map(async (path) => ({ path, time: (await stat(path)).mtimeMs })),
  );
  aged.sort((a, b) => b.time - a.time);
  const stale = aged.slice(8).filter(({ time }) => Date.now() - time > 24 * hour);
  await Promise.all(stale.map(({ path }) => rm(path, { recursive: true, force: true })));
}

/** A running program marks its build as used, so that it is not removed under its feet. */
function keepAlive(folder) {
  const touch = () => utimes(folder, new Date(), new Date()).catch(() => {});
  setInterval(touch, hour).unref();
  return touch();
}

async function buildInto(list, target) {
  const temporary = `${target}.${process.pid}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  try {
    await transpile(list, temporary);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!existsSync(target)) throw error; // Otherwise another process finished the same build first.
  }
}

/** The URL of an up-to-date build's folder; transpiles when the sources have changed. */
export async function freshBuild() {
  const list = await listSources();
  const dist = join(root, 'dist');
  const target = join(dist, await keyOf(list));
  if (!existsSync(target)) {
    await mkdir(dist, { recursive: true });
    await buildInto(list, target);
    await removeOldBuilds(dist).catch(() => {}); // Another process may be cleaning as well.
  }
  await keepAlive(target);
  return pathToFileURL(target + sep);
}

/** Where an installed package has its program. */
export const packageFolder = join(root, 'dist/package');

/** Writes the program for publishing, without what only tests use. Builds beside it stay. */
export async function packageBuild() {
  await rm(packageFolder, { recursive: true, force: true });
  const list = await listSources();
  await transpile(
    list.filter(({ file }) => !file.endsWith('.testing.ts')),
    packageFolder,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--package')) await packageBuild();
  else process.stdout.write(`${fileURLToPath(await freshBuild())}\n`);
}
