// Are the pictures there, can they be decoded, and are they as large as the annotations say?
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { createProgress } from '../../progress.ts';
import { decodeImage } from '../image.ts';
import type { Size } from '../record.ts';
import type { Problems } from './problems.ts';

/** Pictures decoded without `thorough`, evenly spread over the list. */
const sampleCount = 200;
/** Pictures decoded at a time. */
const lanes = 4;

export interface ListedPicture {
  readonly file: string;
  /** Somebody in it is trained or scored on. */
  readonly used: boolean;
  /** As the annotations say; undefined where they do not. */
  readonly size?: Size;
}

export interface PictureOptions {
  readonly thorough: boolean;
  readonly json: boolean;
}

/** Returns how many pictures were decoded. */
export async function checkPictures(
  pictures: readonly ListedPicture[],
  { thorough, json }: PictureOptions,
  problems: Problems,
): Promise<number> {
  const present = await findPresent(pictures, problems);
  const chosen = thorough ? present : spread(present, sampleCount);
  const total = chosen.length;
  const progress = thorough
    ? createProgress({ label: 'decoding', total, unit: 'pictures', json })
    : undefined;
  const queue = chosen.values();
  let done = 0;
  const lane = async () => {
    for (const picture of queue) {
      await checkPicture(picture, problems);
      progress?.update(++done);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  progress?.end();
  return total;
}

/** One listing a folder instead of one question a picture. */
async function findPresent(pictures: readonly ListedPicture[], problems: Problems) {
  const folders = new Map<string, Set<string>>();
  const present: ListedPicture[] = [];
  for (const picture of pictures) {
    const folder = dirname(picture.file);
    let names = folders.get(folder);
    if (names === undefined) {
      names = new Set(await readdir(folder).catch(() => []));
      folders.set(folder, names);
    }
    if (names.has(basename(picture.file))) present.push(picture);
    else problems.add(picture.used ? 'missingPicture' : 'missingUnused', picture.file);
  }
  return present;
}

async function checkPicture({ file, size }: ListedPicture, problems: Problems): Promise<void> {
  try {
    const { width, height } = await decodeImage(file);
    if (size === undefined || (width === size.width && height === size.height)) return;
    const turned = width === size.height && height === size.width;
    problems.add(
      'pictureSize',
      `${file}: ${width} × ${height}, annotated ${size.width} × ${size.height}` +
        (turned ? ' (training does not turn pictures by EXIF)' : ''),
    );
  } catch (error) {
    problems.add('brokenPicture', (error as Error).message);
  }
}

/** At most `count` of the list, at even distances. */
export function spread<T>(list: readonly T[], count: number): readonly T[] {
  if (list.length <= count) return list;
  return Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)]!);
}
