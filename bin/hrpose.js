#!/usr/bin/env node
// Starts the command line. In a checkout the TypeScript sources are transpiled first when they have
// changed (scripts/build.js); an installed package has no src/ and runs its dist/package/ as it is.
import { existsSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `error: hrpose needs Node 20.19 or later, this is ${process.versions.node}. Install a newer Node from https://nodejs.org.\n`,
  );
  process.exit(4);
}

async function mainModule() {
  if (!existsSync(new URL('../src/cli/main.ts', import.meta.url)))
    return '../dist/package/cli/main.js';
  const { freshBuild } = await import('../scripts/build.js');
  return new URL('cli/main.js', await freshBuild()).href;
}

try {
  const { run } = await import(await mainModule());
  await run(process.argv.slice(2));
} catch (error) {
  const packages =
    error?.code === 'ERR_MODULE_NOT_FOUND' && /node_modules|package/.test(error.message);
  const text = packages
    ? `${error.message.split('\n')[0]}. Run 'npm ci' in the folder of hrpose.`
    : (error?.stack ?? String(error));
  process.stderr.write(`error: ${text}\n`);
  process.exit(packages ? 4 : 1);
}
