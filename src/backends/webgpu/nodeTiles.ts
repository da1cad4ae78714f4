// The file that keeps measured tiles between processes, by adapter and convolution. A file that cannot
// be read is as good as none; it is written anew. For Node.
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { TileTimes } from './tileSearch.ts';

/** Its name in the folder of what can be made again. */
export const tilesFile = 'gpu-tiles.json';

/** A thousand networks' worth of tiles; what is larger is not ours. */
const mostBytes = 16 * 2 ** 20;

const side = z.int().min(1).max(4096);
const entry = z.object({
  tile: z.object({
    rows: side,
    columns: side,
    depth: side,
    threadRows: side,
    threadColumns: side,
    stages: z.union([z.literal(1), z.literal(2)]),
    splits: z.int().min(1).max(65535).exactOptional(),
  }),
  milliseconds: z.number(),
});
const fileSchema = z.object({
  format: z.literal(1),
  adapters: z.record(z.string(), z.record(z.string(), entry)),
});
type Adapters = z.infer<typeof fileSchema>['adapters'];

/** What was measured on the adapter of this name. */
export function readTiles(file: string, adapter: string): TileTimes {
  const adapters = readAdapters(file);
  return Object.hasOwn(adapters, adapter) ? adapters[adapter]! : {};
}

/** Adds to the file; what it holds of other adapters and convolutions stays. */
export function saveTiles(file: string, adapter: string, times: TileTimes): void {
  const adapters = readAdapters(file);
  const all = { ...adapters, [adapter]: { ...readTiles(file, adapter), ...times } };
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify({ format: 1, adapters: all }, null, 1)}\n`);
  renameSync(temporary, file);
}

function readAdapters(file: string): Adapters {
  try {
    if (statSync(file).size > mostBytes) return {};
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).adapters;
  } catch {
    return {};
  }
}
