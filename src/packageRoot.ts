// Where the package lies, for the files that ship beside the code (configs/, web/). Sources, builds
// (dist/<key>/) and the published dist/ lie at different depths, so the folder is searched for.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function search(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`no package.json above ${import.meta.url}`);
  return search(parent);
}

/** Absolute path of the folder that holds package.json. */
export const packageRoot: string = search(dirname(fileURLToPath(import.meta.url)));

/** Of this program, as package.json has it. */
export function packageVersion(): string {
  const text = readFileSync(join(packageRoot, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
