// Files of crops in the cache folder: their names, how they are opened, how much they may take.
//
//   0      'hrcrops1', number of people (u32 at 8)
//   64     a row for each person (cropRow.ts); zeros where nothing is kept
//   begin  pixels
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join, resolve } from 'node:path';
import { ROW_BYTES } from './cropRow.ts';
import { freeBytesNow } from './diskSpace.ts';
import { type PackedRecords, recordAt } from './packedRecords.ts';
import type { SampleRules } from './placeSample.ts';

const MAGIC = 'hrcrops1';
const HEADER_BYTES = 64;
const END = '.crops';

export const rowPosition = (person: number): number => HEADER_BYTES + ROW_BYTES * person;

/** Where pixels begin. */
export const pixelsBegin = (people: number): number => Math.ceil(rowPosition(people) / 4096) * 4096;

/** What the parts are cut from and how: people, picture names, rules. Changed pictures are told by stamps. */
export function cropFileName(
  records: PackedRecords,
  { augment, inputSize, udp }: SampleRules,
): string {
  const { boxes, keypoints, visible, images, keypointCount } = records;
  const aspect = inputSize.width / inputSize.height;
  const hash = createHash('sha256').update(JSON.stringify({ augment, aspect, udp, keypointCount }));
  for (const array of [boxes, keypoints, visible, images]) hash.update(array);
  let last = -1;
  images.forEach((picture, index) => {
    if (picture <= last) return;
    last = picture;
    hash.update(`${resolve(recordAt(records, index).imageFile)}\0`);
  });
  return `${hash.digest('hex').slice(0, 32)}${END}`;
}

export function openToAdd(file: string, people: number, begin: number): number {
  const old = openToRead(file, people, 'r+');
  if (old >= 0) {
    fs.futimesSync(old, new Date(), new Date());
    return old;
  }
  const handle = fs.openSync(file, 'w+');
  fs.ftruncateSync(handle, begin);
  fs.writeSync(handle, header(people), 0, 16, 0);
  return handle;
}

export function openToRead(file: string, people: number, flags = 'r'): number {
  let handle: number;
  try {
    handle = fs.openSync(file, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return -1;
    throw error;
  }
  const start = Buffer.alloc(16);
  fs.readSync(handle, start, 0, 16, 0);
  if (start.equals(header(people))) return handle;
  fs.closeSync(handle);
  return -1;
}

function header(people: number): Buffer {
  const start = Buffer.alloc(16);
  start.write(MAGIC, 'latin1');
  start.writeUInt32LE(people, 8);
  return start;
}

/**
 * Bytes of pixels the file may hold: all files of the folder together stay within `bytes` and within half
 * of what was free before them. Files of other sets that nobody uses give way, the oldest first, while
 * they take more than half of that.
 */
export function roomFor(file: string, handle: number, bytes: number): number {
  const folder = join(file, '..');
  const own = fs.fstatSync(handle).blocks * 512;
  const others = fs
    .readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => path.endsWith(END) && path !== file)
    .map((path) => ({ path, stat: fs.statSync(path, { throwIfNoEntry: false }) }))
    .map(({ path, stat }) => ({ path, size: (stat?.blocks ?? 0) * 512, at: stat?.mtimeMs ?? 0 }))
    .sort((a, b) => a.at - b.at);
  let taken = others.reduce((sum, { size }) => sum + size, 0);
  const most = Math.min(bytes, (freeBytesNow(folder) + own + taken) / 2);
  for (const { path, size } of others) {
    if (taken <= most / 2) break;
    if (fs.existsSync(`${path}.lock`)) continue;
    fs.rmSync(path, { force: true });
    taken -= size;
  }
  return Math.max(0, Math.floor(most - taken));
}
