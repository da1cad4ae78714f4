// Makes dist/package/, what an installed package runs: the transpiled sources, hrpose/web as one file, and
// type declarations of the public entry points and whatever they mention. npm runs it before it packs
// (`prepack`); with `ignore-scripts`, as .npmrc here has it, run it by hand or pack with --ignore-scripts=false.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { packageBuild, packageFolder, rewriteSpecifiers } from './build.js';
import { ensureReady, root } from './setup.js';
import { bundleLibrary } from './web.js';

/** Modules that package.json's `exports` name, without extension. */
const entryPoints = ['index', 'web/index'].filter((name) =>
  existsSync(join(root, 'src', `${name}.ts`)),
);

/** Type declarations of all sources that the entry points reach, in a folder. */
function emitDeclarations(folder) {
  const options = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly'];
  const places = ['--rootDir', join(root, 'src'), '--outDir', folder];
  const project = join(folder, 'tsconfig.json');
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', project, ...options, ...places],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the sources do not type-check:\n${stdout}`);
}

async function writeProject(folder) {
  const files = entryPoints.map((name) => join(root, 'src', `${name}.ts`));
  const types = [join(root, 'node_modules/@types'), join(root, 'node_modules')];
  const project = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      typeRoots: types,
      lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
    },
    include: [],
    files,
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(project));
}

/** Copies a declaration file and those that it imports; implementation files need none. */
async function copyDeclarations(from, file, done) {
  if (done.has(file)) return;
  done.add(file);
  // Strings of declarations are printed in single quotes; the rewriting expects double ones.
  const text = (await readFile(join(from, `${file}.d.ts`), 'utf8')).replaceAll(
    /(from|import\()(\s*)'([^'\n]+)'/g,
    '$1$2"$3"',
  );
  const target = join(packageFolder, `${file}.d.ts`);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, rewriteSpecifiers(text));
  for (const [, path] of text.matchAll(/"(\.\.?\/[^"\n]+)\.ts"/g)) {
    await copyDeclarations(from, relative(from, join(from, dirname(file), path)), done);
  }
}

ensureReady({ need: ['node_modules'] });
const folder = await mkdtemp(join(tmpdir(), 'hrpose-types-'));
try {
  await packageBuild();
  await bundleLibrary(join(packageFolder, 'web'));
  await writeProject(folder);
  emitDeclarations(folder);
  const done = new Set();
  for (const name of entryPoints) await copyDeclarations(folder, name, done);
} finally {
  await rm(folder, { recursive: true });
}
