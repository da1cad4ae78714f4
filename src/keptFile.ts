// JSON files that keep between processes what can be measured again. One that cannot be read counts as
// none and is written anew; writing replaces it in one step, so that readers see it whole.
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { z } from 'zod';

/** What is larger is not ours. */
const mostBytes = 16 * 2 ** 20;

/** The contents as the schema has them; undefined where there is no such file. */
export function readKept<T>(file: string, schema: z.ZodType<T>): T | undefined {
  try {
    if (statSync(file).size > mostBytes) return undefined;
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Throws what the system says where it cannot be written. */
export function writeKept(file: string, contents: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(contents, null, 1)}\n`);
  renameSync(temporary, file);
}
