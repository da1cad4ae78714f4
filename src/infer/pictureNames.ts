// What pictures are called in results: a name below their common folder, by which files of the same
// name stay apart, and the image id that COCO's formats know them by.
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { inputError } from '../errors.ts';

/** Each file's path below the folder that all of them have in common, with `/` between folders. */
export function namesBelowCommonFolder(files: readonly string[]): string[] {
  const folders = files.map((file) => dirname(resolve(file)).split(sep));
  const shared = folders.reduce((common, folder) => {
    const end = common.findIndex((part, i) => part !== folder[i]);
    return end < 0 ? common : common.slice(0, end);
  }, folders[0] ?? []);
  const common = shared.join(sep) || sep;
  return files.map((file) => relative(common, resolve(file)).split(sep).join('/'));
}

/** 785 of '000000000785.jpg'; undefined where the name is not a number that ids can be. */
export function numericStem(file: string): number | undefined {
  const stem = basename(file, extname(file));
  return /^\d{1,15}$/.test(stem) ? Number(stem) : undefined;
}

/**
 * The ids that pictures go by: the listed one, else the number that the file name is.
 * @param listed the id that a list of images gives a file
 */
export const knownIds = (
  files: readonly string[],
  listed: (file: string) => number | undefined,
): (number | undefined)[] => files.map((file) => listed(file) ?? numericStem(file));

/** Throws where two pictures go by one id, so that boxes given by id could be those of either. */
export function assertDistinct(ids: readonly (number | undefined)[], files: readonly string[]) {
  const owner = new Map<number, string>();
  for (const [i, id] of ids.entries()) {
    if (id === undefined) continue;
    const other = owner.get(id);
    if (other !== undefined) {
      throw inputError(
        `image id ${id}: both '${other}' and '${files[i]}' go by it, so that their boxes cannot be told apart. Name one of them, or give boxes with 'file_name'.`,
      );
    }
    owner.set(id, files[i]!);
  }
}

/** An id for every picture: the known one unless an earlier picture has it, else the next free from 1. */
export function distinctIds(known: readonly (number | undefined)[]): number[] {
  const taken = new Set<number>();
  const kept = known.map((id) => {
    if (id === undefined || taken.has(id)) return undefined;
    taken.add(id);
    return id;
  });
  let next = 1;
  return kept.map((id) => {
    if (id !== undefined) return id;
    while (taken.has(next)) next++;
    taken.add(next);
    return next;
  });
}

/** Gives out paths in a folder, each once: a second use gets `-2` before its extension. */
export function uniquePaths(folder: string): (name: string) => string {
  const taken = new Set<string>();
  return (name) => {
    const stem = name.slice(0, name.length - extname(name).length);
    for (let i = 1; ; i++) {
      const candidate = join(folder, i === 1 ? name : `${stem}-${i}${extname(name)}`);
      // Some file systems do not tell upper from lower case.
      if (taken.has(candidate.toLowerCase())) continue;
      taken.add(candidate.toLowerCase());
      return candidate;
    }
  };
}
