// The file that keeps measured tiles between processes, by adapter and convolution. For Node.
import { join } from 'node:path';
import { z } from 'zod';
import { cacheFolder } from '../../cacheFolder.ts';
import { readKept, writeKept } from '../../keptFile.ts';
import type { TileTimes } from './tileSearch.ts';

/** Where it lies unless told. */
const tilesFile = () => join(cacheFolder(), 'gpu-tiles.json');

const side = z.int().min(1).max(4096);
const entry = z.object({
  tile: z.object({
    rows: side,
    columns: side,
    depth: side,
    threadRows: side,
    threadColumns: side,
    stages: z.union([z.literal(0), z.literal(1), z.literal(2)]),
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
export function readTiles(adapter: string, file = tilesFile()): TileTimes {
  const adapters = readAdapters(file);
  return Object.hasOwn(adapters, adapter) ? adapters[adapter]! : {};
}

/** Adds to the file; what it holds of other adapters and convolutions stays. */
export function saveTiles(adapter: string, times: TileTimes, file = tilesFile()): void {
  const adapters = readAdapters(file);
  const all = { ...adapters, [adapter]: { ...readTiles(adapter, file), ...times } };
  writeKept(file, { format: 1, adapters: all });
}

const readAdapters = (file: string): Adapters => readKept(file, fileSchema)?.adapters ?? {};
