// Writes a whole demo data set: drawn in a folder of its own inside the place where it goes, moved
// when complete, and kept as it is when it is there already.
import { mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { environmentError, HrposeError, inputError, interruptedError } from '../../errors.ts';
import type { Skeleton } from '../../pose/skeleton.ts';
import { freeBytes } from '../diskSpace.ts';
import { isRunning } from '../processes.ts';
import type { Size } from '../record.ts';
import { annotationFile, type WrittenPicture } from './cocoFile.ts';
import type { PictureJob } from './pictureWriter.ts';
import { writePictures } from './pool.ts';

export interface SynthOptions {
  readonly out: string;
  readonly train: number;
  readonly val: number;
  readonly seed: number;
  readonly workers: number;
  /** Of every picture; sizes of photographs, mixed, when left out. */
  readonly size?: Size;
  /** Draws again, and writes into a folder that holds something else. */
  readonly force?: boolean;
  readonly skeleton: Skeleton;
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal;
}

export interface SynthSummary {
  readonly out: string;
  /** False when a complete data set with the same settings was found and kept. */
  readonly written: boolean;
  readonly pictures: number;
  readonly persons: number;
}

/** Raised whenever the same settings would give other pictures. */
const drawingVersion = 2;
const splits = ['train', 'val'] as const;
const markerFile = 'synth.json';
/** What a data set consists of; nothing else in its folder is ever touched. */
const entries = [...splits, 'annotations', markerFile];

export const annotationPath = (out: string, split: (typeof splits)[number]): string =>
  join(out, 'annotations', `person_keypoints_${split}.json`);

const settingsOf = ({ train, val, seed, size }: SynthOptions) => ({
  drawingVersion,
  seed,
  train,
  val,
  size: size ? `${size.width}x${size.height}` : 'mixed',
});

interface Marker {
  readonly settings: unknown;
  readonly persons: number;
}

async function readMarker(out: string): Promise<Marker | undefined> {
  try {
    const marker: unknown = JSON.parse(await readFile(join(out, markerFile), 'utf8'));
    return typeof marker === 'object' && marker !== null && 'settings' in marker
      ? (marker as Marker)
      : undefined;
  } catch {
    return undefined;
  }
}

const countPictures = async (folder: string): Promise<number> =>
  (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.jpg')).length;

/** Whether the folder holds exactly what these settings would make. */
async function isComplete(options: SynthOptions, marker: Marker): Promise<boolean> {
  if (JSON.stringify(marker.settings) !== JSON.stringify(settingsOf(options))) return false;
  for (const split of splits) {
    if ((await countPictures(join(options.out, split))) !== options[split]) return false;
    const file = await stat(annotationPath(options.out, split)).catch(() => undefined);
    if (!file?.isFile()) return false;
  }
  return true;
}

/** Parts of a run that is going on, or of one that was killed. */
const partialName = (pid: number) => `.synth-partial-${pid}`;
const partialPattern = /^\.synth-partial-(\d+)$/;

/** Removes what killed runs left behind. */
async function sweep(out: string): Promise<void> {
  for (const name of await readdir(out)) {
    const pid = partialPattern.exec(name)?.[1];
    if (pid && !isRunning(Number(pid))) await rm(join(out, name), { recursive: true, force: true });
  }
}

async function requireRoom(out: string, marker: Marker | undefined, force: boolean): Promise<void> {
  const there = await stat(out).catch(() => undefined);
  if (!there) return;
  if (!there.isDirectory()) {
    throw inputError(
      `data synth: expected ${out} to be a folder, it is a file. Choose another --out.`,
    );
  }
  const foreign = (await readdir(out)).filter((name) => !partialPattern.test(name));
  if (marker || force || foreign.length === 0) return;
  throw inputError(
    `data synth: ${out} holds files that are no earlier demo data set (${foreign[0]}). Choose an ` +
      `empty folder, or pass --force to put ${entries.join(', ')} there in place of any so named.`,
  );
}

/**
 * Moves the finished parts to their place. The marker says first that what is there is ours but not
 * complete, and last what it is, so that a run that is killed here is known for what it was.
 */
async function install(from: string, out: string): Promise<void> {
  const unfinished: Marker = { settings: null, persons: 0 };
  await writeFile(join(out, markerFile), JSON.stringify(unfinished));
  for (const entry of entries) {
    if (entry !== markerFile) await rm(join(out, entry), { recursive: true, force: true });
    await rename(join(from, entry), join(out, entry));
  }
}

async function drawInto(folder: string, options: SynthOptions): Promise<number> {
  const { seed, size, skeleton, workers, signal, onProgress } = options;
  const pictures: [WrittenPicture[], WrittenPicture[]] = [[], []];
  const jobs = splits.flatMap((name, split) =>
    Array.from({ length: options[name] }, (_, index) => ({ split, index }) as PictureJob),
  );
  for (const name of [...splits, 'annotations'])
    await mkdir(join(folder, name), { recursive: true });
  const folders = [join(folder, 'train'), join(folder, 'val')] as const;
  let done = 0;
  const keep = ({ split, index }: PictureJob, picture: WrittenPicture) => {
    pictures[split][index] = picture;
    onProgress?.(++done);
  };
  await writePictures(jobs, { seed, folders, ...(size && { size }) }, workers, keep, signal);
  for (const [split, name] of splits.entries()) {
    const about = `Drawn people for trying out hrpose, ${name}, seed ${seed}`;
    const text = annotationFile(pictures[split as 0 | 1], skeleton, about);
    await writeFile(annotationPath(folder, name), text);
  }
  const persons = pictures.flat().reduce((sum, picture) => sum + picture.persons.length, 0);
  const marker: Marker = { settings: settingsOf(options), persons };
  await writeFile(join(folder, markerFile), `${JSON.stringify(marker, null, 2)}\n`);
  return persons;
}

async function explained(error: unknown, options: SynthOptions): Promise<unknown> {
  const { out, train, val } = options;
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (error instanceof HrposeError) return error;
  if (options.signal?.aborted)
    return interruptedError('data synth: interrupted, nothing was kept.');
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const free = await freeBytes(dirname(out)).catch(() => 0);
    const needed = Math.ceil(((train + val) * 75) / 1024);
    return environmentError(
      `data synth: no space left for ${train + val} pictures (about ${needed} MiB) at ${out}; ` +
        `${Math.floor(free / 2 ** 20)} MiB are free. Free some or choose another folder.`,
    );
  }
  if (syscall === undefined) return error;
  return environmentError(`data synth: cannot write ${out} (${message}). Choose another --out.`);
}

export async function writeDataset(given: SynthOptions): Promise<SynthSummary> {
  const options = { ...given, out: resolve(given.out) };
  const { out, train, val, force = false } = options;
  const marker = await readMarker(out);
  const pictures = train + val;
  if (marker && !force && (await isComplete(options, marker))) {
    return { out, written: false, pictures, persons: marker.persons };
  }
  await requireRoom(out, marker, force);
  const partial = join(out, partialName(process.pid));
  try {
    await mkdir(partial, { recursive: true });
    await sweep(out);
    const persons = await drawInto(partial, options);
    await install(partial, out);
    return { out, written: true, pictures, persons };
  } catch (error) {
    throw await explained(error, options);
  } finally {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    // Goes only if it is empty, which it is after a first run that failed.
    await rmdir(out).catch(() => undefined);
  }
}
