// The examples of the documentation that use the library, as a strict TypeScript project sees them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from './packageRoot.ts';

/** What examples take from the text around them. */
const around: Readonly<Record<string, string>> = {
  estimator: "import('hrpose').PoseEstimator",
  person: "import('hrpose').EstimatedPose",
  pixels: "import('hrpose').RgbImage",
  file: 'File',
};

const isDeclared = (code: string, name: string) =>
  new RegExp(`(const|let) \\[?${name}\\b`).test(code);

/** The blocks of a Markdown file that import the library. */
function examplesOf(path: string): string[] {
  const blocks = readFileSync(path, 'utf8').matchAll(/^```(?:ts|js)\n([\s\S]*?)^```/gm);
  return [...blocks].map(([, code]) => code!).filter((code) => /from 'hrpose/.test(code));
}

test('the examples of README and docs are right TypeScript', (t) => {
  const docs = join(packageRoot, 'docs');
  const pages = [
    join(packageRoot, 'README.md'),
    ...readdirSync(docs).map((name) => join(docs, name)),
  ];
  const examples = pages.filter((page) => page.endsWith('.md')).flatMap(examplesOf);
  assert.ok(examples.length >= 4, `${examples.length} examples`);
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-docs-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [i, code] of examples.entries()) {
    const missing = Object.entries(around).filter(([name]) => !isDeclared(code, name));
    const preamble = missing.map(([name, type]) => `declare const ${name}: ${type};\n`);
    writeFileSync(join(folder, `example${i}.mts`), preamble.join('') + code);
  }
  const source = (name: string) => [join(packageRoot, 'src', name)];
  const project = {
    extends: join(packageRoot, 'tsconfig.json'),
    compilerOptions: {
      lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
      typeRoots: [join(packageRoot, 'node_modules/@types'), join(packageRoot, 'node_modules')],
      paths: { hrpose: source('index.ts'), 'hrpose/web': source('web/index.ts') },
      noUnusedLocals: false,
    },
    include: ['*.mts'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project));
  const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  assert.equal(stdout, '');
});
