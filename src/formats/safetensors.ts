// The safetensors format: an 8-byte header length, a JSON header, then the tensors' bytes without
// gaps. Reading gives views of the bytes it was handed; nothing in a file is trusted before it is
// checked. Reading and writing of files on disk are in train/durable.ts.
import { type HrposeError, inputError } from '../errors.ts';
import { joinBytes } from './joinBytes.ts';
import { type Dtype, dtypeBytes, elementCount, formatShape, type Tensor } from './tensor.ts';

/** Longest JSON header accepted, in bytes; that of an HRNet has about 150 kB. */
export const maxHeaderBytes = 16 * 2 ** 20;
const maxDimensions = 16;

export interface SafetensorsFile {
  /** In the order of their bytes. */
  readonly tensors: Map<string, Tensor>;
  readonly metadata: Map<string, string>;
}

interface Entry extends Omit<Tensor, 'data'> {
  readonly name: string;
  /** Byte span within the data section. */
  readonly begin: number;
  readonly end: number;
}

type Fail = (problem: string) => HrposeError;

/** Reads a whole file; tensors are views of `bytes`. `where` names the file in errors. */
export function parseSafetensors(bytes: Uint8Array, where = 'safetensors'): SafetensorsFile {
  const fail: Fail = (problem) =>
    inputError(`${where}: ${problem}. The file is damaged or no safetensors file; fetch it anew.`);
  const dataStart = 8 + headerLength(bytes, bytes.byteLength, fail);
  const { entries, metadata } = readHeader(bytes.subarray(8, dataStart), fail);
  checkSpans(entries, bytes.byteLength - dataStart, fail);
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    tensors.set(name, {
      dtype,
      shape,
      data: bytes.subarray(dataStart + begin, dataStart + end),
    });
  }
  return { tensors, metadata };
}

/** Length of the JSON header, from the first 8 bytes of a file of `fileBytes` bytes. */
export function headerLength(start: Uint8Array, fileBytes: number, fail: Fail): number {
  if (start.byteLength < 8) {
    throw fail(`expected 8 bytes of header length at offset 0, got ${start.byteLength}`);
  }
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length > maxHeaderBytes) {
    throw fail(`header length ${length} at offset 0 is over the limit of ${maxHeaderBytes} bytes`);
  }
  if (8 + Number(length) > fileBytes) {
    throw fail(`header of ${length} bytes at offset 8 does not fit into ${fileBytes} bytes`);
  }
  return Number(length);
}

function readHeader(bytes: Uint8Array, fail: Fail) {
  const header = parseJsonObject(bytes, fail);
  const metadata = new Map<string, string>();
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') readMetadata(value, metadata, fail);
    else entries.push(readEntry(name, value, fail));
  }
  return { entries, metadata };
}

function parseJsonObject(bytes: Uint8Array, fail: Fail): object {
  let header: unknown;
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (cause) {
    throw fail(`header at offset 8 is not JSON (${(cause as Error).message})`);
  }
  if (!isObject(header)) throw fail('header at offset 8 is not a JSON object');
  const twice = duplicateKey(text);
  if (twice !== undefined) throw fail(`header names ${say(twice)} twice`);
  return header;
}

/** The first key that an object of this valid JSON text holds twice; JSON.parse keeps the last. */
function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let i = 0; i < json.length; i++) {
    if (json[i] === '{') open.push(new Set());
    else if (json[i] === '}') open.pop();
    if (json[i] !== '"') continue;
    const start = i;
    for (i++; json[i] !== '"'; i++) if (json[i] === '\\') i++;
    let next = i + 1;
    while (' \t\n\r'.includes(json[next] ?? 'end')) next++;
    if (json[next] !== ':') continue;
    const key = JSON.parse(json.slice(start, i + 1)) as string;
    const keys = open.at(-1);
    if (keys?.has(key)) return key;
    keys?.add(key);
  }
  return undefined;
}

function readMetadata(value: unknown, metadata: Map<string, string>, fail: Fail): void {
  if (!isObject(value)) throw fail('__metadata__ is not an object of strings');
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw fail(`__metadata__ ${say(key)} is not a string`);
    metadata.set(key, text);
  }
}

function readEntry(name: string, value: unknown, fail: Fail): Entry {
  const bad: Fail = (problem) => fail(`tensor ${say(name)}: ${problem}`);
  if (!isObject(value)) throw bad('expected an object with dtype, shape and data_offsets');
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (!isDtype(dtype)) {
    throw bad(
      `expected dtype to be one of ${Object.keys(dtypeBytes).join(' ')}, got ${say(dtype)}`,
    );
  }
  if (!isSizeList(shape) || shape.length > maxDimensions) {
    throw bad(`expected shape to be at most ${maxDimensions} whole numbers, got ${say(shape)}`);
  }
  if (!isSizeList(offsets) || offsets.length !== 2) {
    throw bad(`expected data_offsets to be two whole numbers, got ${say(offsets)}`);
  }
  const [begin, end] = offsets;
  const count = elementCount(shape);
  if (count === undefined || count * dtypeBytes[dtype] !== end - begin) {
    throw bad(`${dtype} ${formatShape(shape)} does not fill its span, offsets ${begin} to ${end}`);
  }
  return { name, dtype, shape, begin, end };
}

/** Sorts the entries by offset and makes sure that together they cover the data exactly once. */
function checkSpans(entries: Entry[], dataBytes: number, fail: Fail): void {
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      const how = begin < covered ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw fail(`tensor ${say(name)} at offset ${begin} ${how}, which ends at ${covered}`);
    }
    if (end > dataBytes) {
      throw fail(`tensor ${say(name)} ends at offset ${end} of ${dataBytes} data bytes`);
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    throw fail(`tensors end at offset ${covered}, the data at offset ${dataBytes}`);
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isDtype = (value: unknown): value is Dtype =>
  typeof value === 'string' && Object.hasOwn(dtypeBytes, value);
const isSizeList = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

/** A name or value of the file as it may stand in a message: quoted, escaped and not endless. */
function say(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

/** What can be written: a Tensor, or a typed array of the dtype's width in place of its bytes. */
export interface WritableTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

/** A file to be written piece by piece. The tensors' pieces are views, not copies. */
export interface SafetensorsImage {
  readonly byteLength: number;
  readonly chunks: readonly Uint8Array[];
}

/**
 * Lays out a file as the reference writer does: wider dtypes first, then by name, so that every
 * tensor is aligned; metadata sorted by key; header padded with spaces to a multiple of 8 bytes.
 * The same tensors give the same bytes in whatever order they come.
 */
export function layoutSafetensors(
  tensors: Iterable<readonly [string, WritableTensor]>,
  metadata: ReadonlyMap<string, string> = new Map(),
): SafetensorsImage {
  const sorted = [...tensors].sort(
    ([a, { dtype: da }], [b, { dtype: db }]) => rank(db) - rank(da) || compare(a, b),
  );
  const about = [...metadata].sort(([a], [b]) => compare(a, b));
  const fields = about.length > 0 ? [`"__metadata__":{${about.map(jsonPair).join(',')}}`] : [];
  const taken = new Set(['__metadata__']);
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const [name, tensor] of sorted) {
    if (taken.has(name))
      throw inputError(`safetensors: the name ${say(name)} is taken. Rename it.`);
    taken.add(name);
    const bytes = checkedBytes(name, tensor);
    const end = offset + bytes.byteLength;
    const { dtype, shape } = tensor;
    fields.push(jsonPair([name, { dtype, shape: [...shape], data_offsets: [offset, end] }]));
    chunks.push(bytes);
    offset = end;
  }
  const header = encodeHeader(`{${fields.join(',')}}`);
  return { byteLength: header.byteLength + offset, chunks: [header, ...chunks] };
}

/** The file as one array; see layoutSafetensors. */
export function writeSafetensors(
  tensors: Iterable<readonly [string, WritableTensor]>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  return joinBytes(layoutSafetensors(tensors, metadata).chunks);
}

const dtypeOrder = Object.keys(dtypeBytes);
const rank = (dtype: Dtype) => dtypeOrder.indexOf(dtype);
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const jsonPair = ([key, value]: readonly [string, unknown]) =>
  `${JSON.stringify(key)}:${JSON.stringify(value)}`;

function checkedBytes(name: string, { dtype, shape, data }: WritableTensor): Uint8Array {
  const count = elementCount(shape);
  if (count === undefined || data.byteLength !== count * dtypeBytes[dtype]) {
    throw inputError(
      `safetensors: tensor ${say(name)}: ${dtype} ${formatShape(shape)} does not match its ` +
        `${data.byteLength} bytes of data. Check its shape.`,
    );
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function encodeHeader(json: string): Uint8Array {
  const unpadded = new TextEncoder().encode(json);
  if (unpadded.byteLength > maxHeaderBytes) {
    throw inputError(
      `safetensors: header of ${unpadded.byteLength} bytes is over the limit of ${maxHeaderBytes}. ` +
        'Write fewer tensors or shorter metadata.',
    );
  }
  const length = Math.ceil(unpadded.byteLength / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(unpadded, 8);
  return bytes;
}
