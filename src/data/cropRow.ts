// The row of one person in a file of crops: where its part lies, what it was cut from, checksums.
// Little-endian: three f64 (offset, stamp), seven u32 (sizes, rectangle, checksum), the CRC-32 of all that.
import { crc32 } from 'node:zlib';
import type { PixelRect } from '../pose/warp.ts';
import type { Size } from './record.ts';

export const ROW_BYTES = 64;

/** Tells a picture file that has changed. */
export interface Stamp {
  readonly bytes: number;
  /** Of the last change, ms. */
  readonly time: number;
}

export interface Row {
  readonly offset: number;
  readonly stamp: Stamp;
  readonly picture: Size;
  readonly rect: PixelRect;
  /** CRC-32 of the pixels. */
  readonly checksum: number;
}

export function writeRow({ offset, stamp, picture, rect, checksum }: Row): Buffer {
  const row = Buffer.alloc(ROW_BYTES);
  [offset, stamp.bytes, stamp.time].forEach((value, i) => {
    row.writeDoubleLE(value, 8 * i);
  });
  const { width, height } = picture;
  const { left, top, right, bottom } = rect;
  [width, height, left, top, right, bottom, checksum].forEach((value, i) => {
    row.writeUInt32LE(value, 24 + 4 * i);
  });
  row.writeUInt32LE(crc32(row.subarray(0, 52)), 52);
  return row;
}

/** Undefined where nothing has been written, or not all of it. */
export function readRow(row: Buffer): Row | undefined {
  if (row.readUInt32LE(52) !== crc32(row.subarray(0, 52))) return undefined;
  const [offset, bytes, time] = [0, 8, 16].map((at) => row.readDoubleLE(at));
  const word = (i: number) => row.readUInt32LE(24 + 4 * i);
  const picture = { width: word(0), height: word(1) };
  const rect = { left: word(2), top: word(3), right: word(4), bottom: word(5) };
  if (rect.left > rect.right || rect.right > picture.width) return undefined;
  if (rect.top > rect.bottom || rect.bottom > picture.height) return undefined;
  return { offset, stamp: { bytes, time }, picture, rect, checksum: word(6) };
}
