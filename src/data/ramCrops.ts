// Parts of pictures in shared memory. Filled until it is full and never emptied, which suits a data set
// that is gone through in random order again and again.
import { availableMemory } from '../availableMemory.ts';
import type { PicturePart, RgbImage } from '../pose/warp.ts';
import { bytesOf, copyRect, type KeptPart } from './cropReach.ts';

/** A part lies whole in one segment; larger ones are not kept. */
const SEGMENT_BYTES = 64 << 20;

const EMPTY = 0;
const CLAIMED = 1;
const READY = 2;

const NOWHERE = -1;

/** Plain data over shared memory: it can be sent to a worker. */
export interface RamCrops {
  readonly place: 'ram';
  /** Together the size of the cache; memory is taken by the system when it is first written. */
  readonly segments: readonly SharedArrayBuffer[];
  /** Bytes used of each segment. */
  readonly used: Int32Array;
  /** [I, 3] state, width, height. */
  readonly pictures: Int32Array;
  /** [P, 6] segment, offset, left, top, right, bottom; to be read when the picture is READY. */
  readonly parts: Int32Array;
}

export function createRamCrops(
  pictures: number,
  people: number,
  bytes = Math.floor(availableMemory() / 4),
): RamCrops {
  const count = Math.ceil(bytes / SEGMENT_BYTES);
  const length = (i: number) => Math.min(SEGMENT_BYTES, bytes - i * SEGMENT_BYTES);
  const int32 = (size: number) => new Int32Array(new SharedArrayBuffer(4 * size));
  return {
    place: 'ram',
    segments: Array.from({ length: count }, (_, i) => new SharedArrayBuffer(length(i))),
    used: int32(count),
    pictures: int32(3 * pictures),
    parts: int32(6 * people),
  };
}

export function ramPart(crops: RamCrops, picture: number, person: number): PicturePart | undefined {
  const { pictures, parts, segments } = crops;
  if (Atomics.load(pictures, 3 * picture) !== READY) return undefined;
  const [segment, offset, left, top, right, bottom] = parts.subarray(6 * person, 6 * person + 6);
  if (segment === NOWHERE) return undefined;
  const [width, height] = pictures.subarray(3 * picture + 1, 3 * picture + 3);
  const rect = { left, top, right, bottom };
  const data = new Uint8Array(segments[segment], offset, bytesOf(rect));
  return { picture: { width, height }, rect, data };
}

/** Parts for which there is no room are left out. */
export function keepInRam(
  crops: RamCrops,
  picture: number,
  image: RgbImage,
  wanted: () => readonly KeptPart[],
): void {
  const { pictures, parts, segments } = crops;
  if (Atomics.compareExchange(pictures, 3 * picture, EMPTY, CLAIMED) !== EMPTY) return;
  pictures.set([image.width, image.height], 3 * picture + 1);
  for (const { rect, people } of wanted()) {
    const place = reserve(crops, bytesOf(rect));
    if (place !== undefined)
      copyRect(image, rect, new Uint8Array(segments[place.segment], place.offset, bytesOf(rect)));
    const { segment, offset } = place ?? { segment: NOWHERE, offset: 0 };
    const row = [segment, offset, rect.left, rect.top, rect.right, rect.bottom];
    for (const person of people) parts.set(row, 6 * person);
  }
  Atomics.store(pictures, 3 * picture, READY);
}

export const ramBytes = ({ used }: RamCrops): number => used.reduce((sum, bytes) => sum + bytes, 0);

function reserve({ segments, used }: RamCrops, bytes: number) {
  for (let segment = 0; segment < segments.length; segment++) {
    let offset = Atomics.load(used, segment);
    while (offset + bytes <= segments[segment].byteLength) {
      const before = Atomics.compareExchange(used, segment, offset, offset + bytes);
      if (before === offset) return { segment, offset };
      offset = before;
    }
  }
  return undefined;
}
