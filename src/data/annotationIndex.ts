// The annotation table of a large file kept in binary form, so that it is scanned only once.
// The index lies beside the annotation file or, where that cannot be written, in the cache folder.
// It belongs to one size, time and content of that file and is made anew when anything differs.
//   header, 64 bytes: magic, version, CRC-32 of the body, body length, key of the source (SHA-256)
//   body: six counts, then the columns of AnnotationTable one after the other, in the byte order of
//   the machine; file names as lengths and UTF-8 text
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { cacheFolder } from '../cacheFolder.ts';
import type { AnnotationTable } from './annotationTable.ts';
import { scanAnnotations } from './coco.ts';
import { openInput, openSource } from './openInput.ts';
import { writeAllSync } from './writeAll.ts';

const MAGIC = 'hrpose\0A';
const VERSION = 1;
const HEADER_BYTES = 64;
/** Smaller files are scanned every time: that takes a few hundredths of a second. */
const MIN_SOURCE_BYTES = 4 << 20;
const SAMPLE_BYTES = 1 << 16;

/** Reads a COCO keypoint file through its index, which is made when missing, stale or damaged. */
export function loadAnnotations(file: string, keypointCount: number): AnnotationTable {
  const { bytes, key } = sourceKey(file);
  if (bytes < MIN_SOURCE_BYTES) return scanAnnotations(openSource(file), keypointCount);
  const places = [`${resolve(file)}.hrpose-index`, cachePath(file)];
  for (const place of places) {
    const table = readIndex(place, key);
    if (table?.keypointCount === keypointCount) return table;
  }
  const table = scanAnnotations(openSource(file), keypointCount);
  places.some((place) => writeIndex(place, key, table));
  return table;
}

function cachePath(file: string): string {
  const name = createHash('sha256').update(resolve(file)).digest('hex').slice(0, 24);
  return join(cacheFolder(), 'annotations', `${name}.hrpose-index`);
}

/** What an index belongs to: size, time of change, first and last 64 KiB of the annotation file. */
function sourceKey(file: string): { bytes: number; key: Buffer } {
  const descriptor = openInput(file);
  try {
    const { size, mtimeNs } = fstatSync(descriptor, { bigint: true });
    const bytes = Number(size);
    const hash = createHash('sha256').update(`${size} ${mtimeNs}`);
    const sample = Buffer.alloc(SAMPLE_BYTES);
    for (const start of [0, Math.max(0, bytes - SAMPLE_BYTES)])
      hash.update(sample.subarray(0, readSync(descriptor, sample, 0, SAMPLE_BYTES, start)));
    return { bytes, key: hash.digest() };
  } finally {
    closeSync(descriptor);
  }
}

/** Undefined when there is no index, or none that is whole and belongs to `key`. */
export function readIndex(path: string, key: Buffer): AnnotationTable | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    readSync(descriptor, header, 0, HEADER_BYTES, 0);
    const length = fstatSync(descriptor).size - HEADER_BYTES;
    if (length < 0 || !header.equals(indexHeader(key, header.readUInt32LE(12), length)))
      return undefined;
    const body = Buffer.from(new ArrayBuffer(length));
    readWhole(descriptor, body);
    return crc32(body) === header.readUInt32LE(12) ? decode(body) : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** Writes under a temporary name and renames; false where that is not possible. */
export function writeIndex(path: string, key: Buffer, table: AnnotationTable): boolean {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const body = encode(table);
    const descriptor = openSync(temporary, 'wx');
    try {
      writeAllSync(descriptor, indexHeader(key, crc32(body), body.length));
      writeAllSync(descriptor, body);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
    return true;
  } catch {
    rmSync(temporary, { force: true });
    return false;
  }
}

function indexHeader(key: Buffer, crc: number, length: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, 0, 'latin1');
  // In the machine's own order: an index from a machine of the other byte order is not read.
  new Uint32Array(header.buffer, header.byteOffset + 8, 1)[0] = VERSION;
  header.writeUInt32LE(crc, 12);
  header.writeDoubleLE(length, 16);
  key.copy(header, 24);
  return header;
}

type Counts = readonly [
  k: number,
  i: number,
  a: number,
  r: number,
  nameBytes: number,
  wide: number,
];

/** The columns in the order of the body; those with the widest elements first keep all aligned. */
function layout([k, images, annotations, rows, nameBytes, wide]: Counts) {
  const keypoints = rows * k * 3;
  return [
    { name: 'imageIds', type: Float64Array, length: images },
    { name: 'imageSizes', type: Float64Array, length: images * 2 },
    { name: 'ids', type: Float64Array, length: annotations },
    { name: 'areas', type: Float64Array, length: annotations },
    { name: 'boxes', type: Float64Array, length: annotations * 4 },
    { name: 'keypoints', type: wide ? Float64Array : Float32Array, length: keypoints },
    { name: 'imageIndices', type: Int32Array, length: annotations },
    { name: 'numKeypoints', type: Int32Array, length: annotations },
    { name: 'keypointRows', type: Int32Array, length: annotations },
    { name: 'nameLengths', type: Int32Array, length: images },
    { name: 'crowd', type: Uint8Array, length: annotations },
    { name: 'names', type: Uint8Array, length: nameBytes },
  ] as const;
}
const COUNT_BYTES = 6 * 8;

function encode(table: AnnotationTable): Buffer {
  const nameLengths = Int32Array.from(table.fileNames, (name) => Buffer.byteLength(name));
  const names = Buffer.from(table.fileNames.join(''));
  const columns = { ...table, nameLengths, names };
  const counts: Counts = [
    table.keypointCount,
    table.imageIds.length,
    table.ids.length,
    table.keypoints.length / (3 * table.keypointCount),
    names.length,
    table.keypoints instanceof Float64Array ? 1 : 0,
  ];
  return Buffer.concat([
    bytesOf(Float64Array.from(counts)),
    ...layout(counts).map(({ name }) => bytesOf(columns[name])),
  ]);
}

/** `body` begins at the start of its ArrayBuffer and its CRC has been found right. */
function decode(body: Buffer): AnnotationTable | undefined {
  const counts = [...new Float64Array(body.buffer, 0, 6)] as unknown as Counts;
  const columns = layout(counts);
  const expected = columns.reduce(
    (sum, c) => sum + c.length * c.type.BYTES_PER_ELEMENT,
    COUNT_BYTES,
  );
  if (expected !== body.length) return undefined;
  const read: Record<string, unknown> = {};
  let offset = COUNT_BYTES;
  for (const { name, type, length } of columns) {
    read[name] = new type(body.buffer as ArrayBuffer, offset, length);
    offset += length * type.BYTES_PER_ELEMENT;
  }
  const { nameLengths, names, ...table } = read as unknown as AnnotationTable & {
    nameLengths: Int32Array;
    names: Uint8Array;
  };
  const [keypointCount, images, , rows] = counts;
  const fileNames = splitNames(names, nameLengths);
  const inRange =
    table.imageIndices.every((image) => image >= 0 && image < images) &&
    table.keypointRows.every((row) => row >= -1 && row < rows);
  return inRange ? { ...table, keypointCount, fileNames } : undefined;
}

function splitNames(names: Uint8Array, lengths: Int32Array): string[] {
  const text = Buffer.from(names.buffer, names.byteOffset, names.length);
  let end = 0;
  return Array.from(lengths, (length) => {
    end += length;
    return text.toString('utf8', end - length, end);
  });
}

const bytesOf = (array: ArrayBufferView) =>
  Buffer.from(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);

function readWhole(descriptor: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(descriptor, bytes, done, bytes.length - done, HEADER_BYTES + done);
    if (read === 0) throw new Error('short file');
    done += read;
  }
}
