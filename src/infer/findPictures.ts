// The picture files that a person means by files, folders and patterns.
import { readdirSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { inputError } from '../errors.ts';
import { glob, hasMagic } from './glob.ts';

/** What counts as a picture in a folder. BMP is listed so that one is named, not passed over. */
const extensions = ['.jpg', '.jpeg', '.png', '.webp', '.tif', '.tiff', '.bmp'];
const isPicture = (name: string) => extensions.includes(extname(name).toLowerCase());

/** Not folders, nor pipes and devices, whose reading may never end. A link to nowhere is named later. */
const canEnd = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;

/**
 * Files in the order of the arguments, each once. A folder stands for the pictures that lie
 * directly in it, by name; a pattern for what it matches.
 */
export function findPictures(args: readonly string[]): string[] {
  const byPath = new Map<string, string>();
  for (const file of args.flatMap(picturesOf)) {
    const path = resolve(file);
    if (!byPath.has(path)) byPath.set(path, file);
  }
  return [...byPath.values()];
}

function picturesOf(arg: string): string[] {
  const found = statSync(arg, { throwIfNoEntry: false });
  if (found?.isDirectory()) return picturesIn(arg);
  if (found?.isFile()) return [arg];
  if (found) {
    throw inputError(
      `--image: expected a file or a folder, '${arg}' is a pipe or a device. Save the picture to a file.`,
    );
  }
  if (!hasMagic(arg)) {
    throw inputError(`--image: no such file or folder '${arg}'. Check the path.`);
  }
  const matches = glob(arg).filter((path) => isPicture(path) && canEnd(path));
  if (matches.length > 0) return matches;
  throw inputError(`--image: no picture matches '${arg}'. ${lookedFor}`);
}

const lookedFor = `Pictures end in ${extensions.slice(0, -1).join(', ')}.`;

function picturesIn(folder: string): string[] {
  const names = readdirSync(folder)
    .filter((name) => isPicture(name) && canEnd(join(folder, name)))
    .sort();
  if (names.length > 0) return names.map((name) => join(folder, name));
  throw inputError(
    `--image: no picture lies in '${folder}'. ${lookedFor} For folders below it: '${join(folder, '**', '*.jpg')}'.`,
  );
}
