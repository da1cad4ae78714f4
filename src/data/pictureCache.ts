// Decoded pictures in shared memory: decoded by whichever worker needs one first, read by all.
// Filled until it is full and never emptied, which suits a data set that is gone through in random
// order again and again. Results do not depend on it.
import type { RgbImage } from '../pose/warp.ts';

/** Pictures lie whole in one segment; larger ones are not kept. */
const SEGMENT_BYTES = 64 << 20;

const EMPTY = 0;
const CLAIMED = 1;
const READY = 2;

/** Plain data over shared memory: it can be sent to a worker. */
export interface PictureCache {
  /** Together the size of the cache; memory is taken by the system when it is first written. */
  readonly segments: readonly SharedArrayBuffer[];
  /** Bytes used of each segment. */
  readonly used: Int32Array;
  /** [I, 5] state, segment, offset, width, height. */
  readonly table: Int32Array;
}

export function createPictureCache(bytes: number, pictures: number): PictureCache {
  const count = Math.ceil(bytes / SEGMENT_BYTES);
  const length = (i: number) => Math.min(SEGMENT_BYTES, bytes - i * SEGMENT_BYTES);
  return {
    segments: Array.from({ length: count }, (_, i) => new SharedArrayBuffer(length(i))),
    used: new Int32Array(new SharedArrayBuffer(4 * count)),
    table: new Int32Array(new SharedArrayBuffer(20 * pictures)),
  };
}

export function cachedPicture(cache: PictureCache, picture: number): RgbImage | undefined {
  const { table, segments } = cache;
  const row = 5 * picture;
  if (Atomics.load(table, row) !== READY) return undefined;
  const [segment, offset, width, height] = table.subarray(row + 1, row + 5);
  return { width, height, data: new Uint8Array(segments[segment], offset, width * height * 3) };
}

/** Keeps a copy if there is room and no other worker is keeping it already. */
export function keepPicture(cache: PictureCache, picture: number, image: RgbImage): void {
  const { table, segments } = cache;
  const row = 5 * picture;
  if (Atomics.compareExchange(table, row, EMPTY, CLAIMED) !== EMPTY) return;
  const place = reserve(cache, image.data.length);
  if (place === undefined) return;
  new Uint8Array(segments[place.segment]).set(image.data, place.offset);
  table.set([place.segment, place.offset, image.width, image.height], row + 1);
  Atomics.store(table, row, READY);
}

function reserve({ segments, used }: PictureCache, bytes: number) {
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
