// Decoded pixels kept between epochs, in memory or in a file. A picture is decoded once, for all people in
// it, by whichever worker needs one of them first. Results do not depend on it: what is not kept, is
// damaged or does not reach far enough is decoded again.

import type { PicturePart, RgbImage } from '../pose/warp.ts';
import type { CachePlace } from './cachePlaces.ts';
import { partsToKeep } from './cropReach.ts';
import {
  closeDiskCrops,
  type DiskCrops,
  diskBytes,
  diskPart,
  keepOnDisk,
  openDiskCrops,
} from './diskCrops.ts';
import { type PackedRecords, recordAt } from './packedRecords.ts';
import type { SampleRules } from './placeSample.ts';
import { createRamCrops, keepInRam, type RamCrops, ramBytes, ramPart } from './ramCrops.ts';

export interface CacheOptions {
  readonly place: CachePlace;
  /** At most this many; a quarter of the available memory, or 20 GB on disk, unless told. */
  readonly bytes?: number | undefined;
  /** Where the cache folder is, for `disk`; the user's unless told. */
  readonly folder?: string | undefined;
}

/** Plain data, shared by workers. */
export interface CropCache {
  readonly store: RamCrops | DiskCrops;
  /** [I + 1] where the people of each picture start in `people`. */
  readonly starts: Int32Array;
  /** [P] positions in the records. */
  readonly people: Int32Array;
}

export function openCropCache(
  options: CacheOptions,
  records: PackedRecords,
  rules: SampleRules,
): CropCache {
  const { starts, people } = peopleByPicture(records);
  const pictures = starts.length - 1;
  const store =
    options.place === 'ram'
      ? createRamCrops(pictures, people.length, options.bytes)
      : openDiskCrops(options, records, rules);
  return { store, starts, people };
}

/** The part of record `index`, valid until this thread asks for the next one. */
export function keptPart(
  { store }: CropCache,
  records: PackedRecords,
  index: number,
): PicturePart | undefined {
  return store.place === 'ram'
    ? ramPart(store, records.images[index], index)
    : diskPart(store, records, index);
}

/** Keeps what the people in a picture may need, if there is room and nobody else does it already. */
export function keepParts(
  { store, starts, people }: CropCache,
  records: PackedRecords,
  rules: SampleRules,
  picture: number,
  image: RgbImage,
): void {
  const inPicture = people.subarray(starts[picture], starts[picture + 1]);
  const parts = () =>
    partsToKeep(
      rules,
      Array.from(inPicture, (index) => recordAt(records, index)),
      image,
    ).map((part) => ({ ...part, people: part.people.map((i) => inPicture[i]) }));
  if (store.place === 'ram') keepInRam(store, picture, image, parts);
  else keepOnDisk(store, picture, image, parts);
}

/** Bytes of pixels kept so far. */
export const keptBytes = ({ store }: CropCache): number =>
  store.place === 'ram' ? ramBytes(store) : diskBytes(store);

export function closeCropCache({ store }: CropCache): void {
  if (store.place === 'disk') closeDiskCrops(store);
}

function peopleByPicture({ images, nameStarts }: PackedRecords) {
  const starts = new Int32Array(new SharedArrayBuffer(4 * nameStarts.length));
  const people = new Int32Array(new SharedArrayBuffer(4 * images.length));
  for (const picture of images) starts[picture + 1]++;
  for (let i = 1; i < starts.length; i++) starts[i] += starts[i - 1];
  const next = starts.slice();
  images.forEach((picture, index) => {
    people[next[picture]++] = index;
  });
  return { starts, people };
}
