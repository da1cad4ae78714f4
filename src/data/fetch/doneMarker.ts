// A small file that says which archive a folder was filled from, so that a second run does nothing.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Archive } from './cocoArchives.ts';

const markerSchema = z.object({ md5: z.string(), files: z.number().int().nonnegative() });

const markerPath = (out: string, { folder }: Archive) => join(out, `.${folder}.done.json`);

/** Whether the folder was filled from this archive and has lost no file since. */
export async function isDone(out: string, archive: Archive): Promise<boolean> {
  try {
    const text = await readFile(markerPath(out, archive), 'utf8');
    const { md5, files } = markerSchema.parse(JSON.parse(text));
    return md5 === archive.md5 && (await countFiles(out, archive)) >= files;
  } catch {
    return false;
  }
}

export async function markDone(out: string, archive: Archive): Promise<void> {
  const files = await countFiles(out, archive);
  await writeFile(markerPath(out, archive), `${JSON.stringify({ md5: archive.md5, files })}\n`);
}

/** Whole files of the archive's kind in its folder; 0 where there is no folder. */
export async function countFiles(out: string, { folder, extension }: Archive): Promise<number> {
  const names = await readdir(join(out, folder)).catch(() => []);
  return names.filter((name) => name.endsWith(extension)).length;
}
