// Parts of pictures in a file of the cache folder, one file for each set of people and rules. One process
// adds to it, any number read. A row is written after its pixels and both carry a checksum, so that a
// part that was cut off, overwritten or damaged counts as not there.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { cacheFolder } from '../cacheFolder.ts';
import { environmentError } from '../errors.ts';
import type { PicturePart, RgbImage } from '../pose/warp.ts';
import type { CacheOptions } from './cropCache.ts';
import {
  cropFileName,
  openToAdd,
  openToRead,
  pixelsBegin,
  roomFor,
  rowPosition,
} from './cropFile.ts';
import { bytesOf, copyRect, type KeptPart } from './cropReach.ts';
import { ROW_BYTES, readRow, type Stamp, writeRow } from './cropRow.ts';
import { releaseLock, takeLock } from './ownerLock.ts';
import { type PackedRecords, recordAt } from './packedRecords.ts';
import type { SampleRules } from './placeSample.ts';
import { writeAllSync } from './writeAll.ts';

const DEFAULT_BYTES = 20e9;
/** As `end` of a file that takes no more. */
const FULL = BigInt(Number.MAX_SAFE_INTEGER);

/** Plain data; descriptors are valid in all threads of the process. */
export interface DiskCrops {
  readonly place: 'disk';
  /** -1 where there is no file to read yet and another process has it. */
  readonly handle: number;
  /** Set in the process that may add. */
  readonly lock: string | undefined;
  /** Where pixels begin, and where they must end. */
  readonly begin: number;
  readonly limit: number;
  /** [1] where the next part goes; FULL when none is to be written any more. */
  readonly end: BigInt64Array;
  /** [I] 1 when a thread of this process has kept a picture or is at it. */
  readonly claimed: Int32Array;
  /** [I, 2] bytes and time (ms) of the last change of each picture; zeros until it is looked at. */
  readonly stamps: Float64Array;
}

export function openDiskCrops(
  { bytes = DEFAULT_BYTES, folder = cacheFolder() }: CacheOptions,
  records: PackedRecords,
  rules: SampleRules,
): DiskCrops {
  const people = records.images.length;
  const pictures = records.nameStarts.length - 1;
  const begin = pixelsBegin(people);
  const crops = join(folder, 'crops');
  const file = join(crops, cropFileName(records, rules));
  let lock: string | undefined;
  try {
    fs.mkdirSync(crops, { recursive: true });
    if (takeLock(`${file}.lock`)) lock = `${file}.lock`;
    const handle = lock ? openToAdd(file, people, begin) : openToRead(file, people);
    const end = handle < 0 ? begin : Math.max(begin, fs.fstatSync(handle).size);
    const limit = lock ? begin + roomFor(file, handle, bytes) : 0;
    return {
      place: 'disk',
      handle,
      lock,
      begin,
      limit,
      end: new BigInt64Array(new SharedArrayBuffer(8)).fill(BigInt(end)),
      claimed: new Int32Array(new SharedArrayBuffer(4 * pictures)),
      stamps: new Float64Array(new SharedArrayBuffer(16 * pictures)),
    };
  } catch (error) {
    if (lock) releaseLock(lock);
    throw environmentError(
      `cache: expected a folder to keep crops in at ${crops}, got ${(error as Error).message}. ` +
        'Set HRPOSE_CACHE to another folder, or use --cache ram.',
      { cause: error },
    );
  }
}

export function closeDiskCrops({ handle, lock, end }: DiskCrops): void {
  Atomics.store(end, 0, FULL);
  if (handle >= 0) fs.closeSync(handle);
  if (lock) releaseLock(lock);
}

/** Pixels in the file, also those of earlier runs. */
export const diskBytes = ({ handle, begin }: DiskCrops): number =>
  handle < 0 ? 0 : Math.max(0, fs.fstatSync(handle).size - begin);

/** Memory of this thread, used again for every part. */
let pixels = new Uint8Array(0);
const rowBytes = Buffer.alloc(ROW_BYTES);

export function diskPart(
  crops: DiskCrops,
  records: PackedRecords,
  person: number,
): PicturePart | undefined {
  if (crops.handle < 0) return undefined;
  try {
    const stamp = stampOf(crops, records.images[person], recordAt(records, person).imageFile);
    return stamp && readPart(crops, person, stamp);
  } catch {
    // A disk that fails to read costs the time to decode, as a part that is not there.
    return undefined;
  }
}

function readPart(
  { handle, begin }: DiskCrops,
  person: number,
  stamp: Stamp,
): PicturePart | undefined {
  if (fs.readSync(handle, rowBytes, 0, ROW_BYTES, rowPosition(person)) < ROW_BYTES)
    return undefined;
  const row = readRow(rowBytes);
  if (row === undefined || row.offset < begin) return undefined;
  if (row.stamp.bytes !== stamp.bytes || row.stamp.time !== stamp.time) return undefined;
  const size = bytesOf(row.rect);
  if (row.offset + size > fs.fstatSync(handle).size) return undefined;
  if (pixels.length < size) pixels = new Uint8Array(size);
  const data = pixels.subarray(0, size);
  for (let done = 0; done < size; ) {
    const count = fs.readSync(handle, data, done, size - done, row.offset + done);
    if (count === 0) return undefined;
    done += count;
  }
  return crc32(data) === row.checksum ? { picture: row.picture, rect: row.rect, data } : undefined;
}

/** Writes the parts where the process may add and there is room; a disk that fails ends the keeping. */
export function keepOnDisk(
  crops: DiskCrops,
  picture: number,
  image: RgbImage,
  wanted: () => readonly KeptPart[],
): void {
  const { handle, lock, claimed, stamps } = crops;
  const stamp = { bytes: stamps[2 * picture], time: stamps[2 * picture + 1] };
  if (lock === undefined || stamp.bytes === 0 || isFull(crops)) return;
  if (Atomics.exchange(claimed, picture, 1) !== 0) return;
  const { width, height } = image;
  for (const { rect, people } of wanted()) {
    const size = bytesOf(rect);
    const offset = reserve(crops, size);
    if (offset === undefined) return;
    const data = new Uint8Array(size);
    copyRect(image, rect, data);
    const row = { offset, stamp, picture: { width, height }, rect, checksum: crc32(data) };
    try {
      writeAllSync(handle, data, offset);
      for (const person of people) writeAllSync(handle, writeRow(row), rowPosition(person));
    } catch {
      Atomics.store(crops.end, 0, FULL);
      return;
    }
  }
}

const isFull = ({ end, limit }: DiskCrops) => Atomics.load(end, 0) >= BigInt(limit);

function reserve({ end, limit }: DiskCrops, bytes: number): number | undefined {
  let offset = Atomics.load(end, 0);
  while (Number(offset) + bytes <= limit) {
    const before = Atomics.compareExchange(end, 0, offset, offset + BigInt(bytes));
    if (before === offset) return Number(offset);
    offset = before;
  }
  return undefined;
}

/** Looked at once a run, before the picture is decoded; undefined where it cannot be. */
function stampOf({ stamps }: DiskCrops, picture: number, file: string): Stamp | undefined {
  if (stamps[2 * picture] === 0) {
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    stamps[2 * picture + 1] = stat.mtimeMs;
    stamps[2 * picture] = stat.size;
  }
  return { bytes: stamps[2 * picture], time: stamps[2 * picture + 1] };
}
