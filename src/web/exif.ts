// Takes the EXIF block out of a JPEG. Browsers turn pictures as it says and cannot be told not to;
// annotations are made for pictures as they are stored (spec 3.5).
import { joinBytes } from '../formats/joinBytes.ts';

const startOfScan = 0xda;
const app1 = 0xe1;

/** The same bytes where they are no JPEG or hold no EXIF. */
export function withoutExif(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const kept: Uint8Array[] = [];
  let from = 0;
  for (const { start, end } of exifBlocks(bytes)) {
    kept.push(bytes.subarray(from, start));
    from = end;
  }
  kept.push(bytes.subarray(from));
  return joinBytes(kept);
}

/** Segments before the first scan, by their lengths; ends where the bytes are not as they should be. */
function* exifBlocks(bytes: Uint8Array): Generator<{ start: number; end: number }> {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return;
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    const end = at + 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
    if (marker === startOfScan || end < at + 4 || end > bytes.length) return;
    if (marker === app1 && isExif(bytes.subarray(at + 4, at + 8))) yield { start: at, end };
    at = end;
  }
}

const isExif = ([e, x, i, f]: Uint8Array) => e === 0x45 && x === 0x78 && i === 0x69 && f === 0x66;
