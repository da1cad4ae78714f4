// Writes zip files without compression, as PyTorch lays out its own: contents aligned, 64-bit fields
// where the number of members or their places need them. The contents are handed on, not copied.
import { inputError } from '../errors.ts';
import { crc32 } from './crc32.ts';
import { joinBytes } from './joinBytes.ts';

export interface ZipMember {
  readonly name: string;
  readonly pieces: readonly Uint8Array[];
}

/** 2^32 − 1 stands for "in the 64-bit field". */
const largest = 0xfffffffe;

/** The file in pieces. Contents begin at multiples of `alignment` bytes. */
export function layoutStoredZip(
  members: readonly ZipMember[],
  alignment: number,
): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  const put = (piece: Uint8Array) => {
    pieces.push(piece);
    offset += piece.length;
  };
  for (const { name, pieces: contents } of members) {
    const title = new TextEncoder().encode(name);
    const size = contents.reduce((sum, { length }) => sum + length, 0);
    if (size > largest)
      throw inputError(
        `zip: expected members of up to ${largest} bytes, got ${size} in '${name}'.`,
      );
    const crc = contents.reduce((value, piece) => crc32(piece, value), 0);
    const local = offset;
    // An extra field of the right length moves the contents to where they shall begin.
    const unpadded = local + 30 + title.length + 4;
    const padding = (alignment - (unpadded % alignment)) % alignment;
    put(header(0x04034b50, title, size, crc, field(0x4246, new Uint8Array(padding))));
    for (const piece of contents) put(piece);
    directory.push(directoryEntry(title, size, crc, local));
  }
  const start = offset;
  for (const entry of directory) put(entry);
  const length = offset - start;
  const wide = offset > largest || members.length > 0xfffe;
  if (wide) put(end64(members.length, length, start, offset));
  put(end(members.length, length, start, wide));
  return pieces;
}

function bytesOf(...parts: readonly (readonly [size: 2 | 4 | 8, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of parts) {
    if (size === 2) view.setUint16(at, value, true);
    else if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += size;
  }
  return bytes;
}

const field = (id: number, contents: Uint8Array) =>
  joinBytes([bytesOf([2, id], [2, contents.length]), contents]);

/** What the header of a member and its directory entry have in common begins after the signature. */
function header(
  signature: number,
  title: Uint8Array,
  size: number,
  crc: number,
  extra: Uint8Array,
): Uint8Array {
  const head = bytesOf([4, signature], [2, 0], [2, 0], [2, 0], [4, 0x00210000], [4, crc]);
  const sizes = bytesOf([4, size], [4, size], [2, title.length], [2, extra.length]);
  return joinBytes([head, sizes, title, extra]);
}

function directoryEntry(title: Uint8Array, size: number, crc: number, local: number): Uint8Array {
  const wide = local > largest;
  const extra = wide ? field(1, bytesOf([8, local])) : new Uint8Array(0);
  const head = bytesOf([4, 0x02014b50], [2, 0], [2, 0], [2, 0], [2, 0], [4, 0x00210000], [4, crc]);
  const sizes = bytesOf([4, size], [4, size], [2, title.length], [2, extra.length], [2, 0]);
  const place = bytesOf([2, 0], [2, 0], [4, 0], [4, wide ? 0xffffffff : local]);
  return joinBytes([head, sizes, place, title, extra]);
}

function end64(count: number, length: number, start: number, at: number): Uint8Array {
  const record = bytesOf([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count]);
  const sizes = bytesOf([8, count], [8, length], [8, start]);
  const locator = bytesOf([4, 0x07064b50], [4, 0], [8, at], [4, 1]);
  return joinBytes([record, sizes, locator]);
}

function end(count: number, length: number, start: number, wide: boolean): Uint8Array {
  const entries = wide ? 0xffff : count;
  const place = wide ? 0xffffffff : start;
  return bytesOf(
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, entries],
    [2, entries],
    [4, length],
    [4, place],
    [2, 0],
  );
}
