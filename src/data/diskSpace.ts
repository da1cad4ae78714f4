// Free space on a disk.
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { environmentError } from '../errors.ts';
import { formatBytes } from '../format.ts';

/** Says how many bytes an ordinary user may still write under `path`, which need not exist yet. */
export type FreeBytes = (path: string) => Promise<number>;

export const freeBytes: FreeBytes = async (path) => freeBytesNow(path);

/** Throws what the system says. */
export function freeBytesNow(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    return freeBytesNow(parent);
  }
}

/** Throws before anything is written when `needed` bytes do not fit under `path`. */
export async function requireSpace(
  what: string,
  path: string,
  needed: number,
  free: FreeBytes = freeBytes,
): Promise<void> {
  const available = await free(path);
  if (needed <= available) return;
  throw environmentError(
    `${what}: needs ${formatBytes(needed)} under ${path}, the disk has ${formatBytes(available)} ` +
      `left. Free ${formatBytes(needed - available)} or choose another folder.`,
  );
}
