// Builds files of weights byte by byte, right or wrong as asked: pickles, zip and legacy .pth files.
// Used by tests only.
import { crc32 } from './crc32.ts';
import { joinBytes } from './joinBytes.ts';

export type Part = number | string | Uint8Array;

/** Numbers are bytes, text is its characters as bytes. */
export function bytes(...parts: readonly Part[]): Uint8Array {
  return joinBytes(
    parts.map((part) => {
      if (typeof part === 'number') return Uint8Array.of(part);
      return typeof part === 'string' ? new Uint8Array(Buffer.from(part, 'latin1')) : part;
    }),
  );
}

export const u16 = (value: number) => bytes(value & 255, (value >> 8) & 255);
export const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
export const u64 = (value: bigint) => new Uint8Array(BigUint64Array.of(value).buffer);

export function repeat(part: Uint8Array, count: number): Uint8Array {
  const out = new Uint8Array(part.length * count);
  for (let i = 0; i < count; i++) out.set(part, i * part.length);
  return out;
}

/** A pickle of protocol 2, its STOP included. */
export const pickle = (...parts: readonly Part[]) => bytes(0x80, 2, ...parts, '.');
export const text = (value: string) => bytes('X', u32(value.length), value);
export const int = (value: number) => bytes('J', new Uint8Array(Int32Array.of(value).buffer));
export const tuple = (...items: readonly Part[]) => bytes('(', ...items, 't');
export const ints = (values: readonly number[]) => tuple(...values.map(int));
export const global = (module: string, name: string) => bytes(`c${module}\n${name}\n`);
export const put = (index: number) => bytes('r', u32(index));
export const get = (index: number) => bytes('j', u32(index));
/** A dict of one entry. */
export const dict = (key: Part, value: Part) => bytes('}', key, value, 's');
const [none, newTrue, newFalse, persistent] = ['N', 0x88, 0x89, 'Q'];

export interface CraftedTensor {
  /** Of the storage. */
  readonly elements: number;
  readonly size: readonly number[] | Part;
  readonly stride: readonly number[] | Part;
  readonly offset?: number;
  readonly key?: string;
}

const sizes = (value: readonly number[] | Part) =>
  Array.isArray(value) ? ints(value) : (value as Part);

/** A float32 tensor over a storage, as torch pickles it. */
export function tensor(of: CraftedTensor, legacy = false): Uint8Array {
  const { elements, offset = 0, size, stride, key = '0' } = of;
  const id = tuple(
    ...[text('storage'), global('torch', 'FloatStorage'), text(key), text('cpu')],
    ...(legacy ? [int(elements), none] : [int(elements)]),
  );
  const hooks = bytes(global('collections', 'OrderedDict'), ')R');
  return bytes(
    global('torch._utils', '_rebuild_tensor_v2'),
    tuple(id, persistent, int(offset), sizes(size), sizes(stride), newFalse, hooks),
    'R',
  );
}

/** data.pkl of the tensor 'w'. */
export const tensorPickle = (of: CraftedTensor, legacy = false) =>
  pickle(dict(text('w'), tensor(of, legacy)));

/** A dtype of numpy: 'f4'. */
export const dtype = (code: string, order = '<') =>
  bytes(
    ...[global('numpy', 'dtype'), tuple(text(code), newFalse, newTrue), 'R'],
    ...[tuple('K', 3, text(order), 'NNN', int(-1), int(-1), 'K', 0), 'b'],
  );

/** An array of numpy, with its data as bytes. */
export const array = (shape: Part, code: string, data: Part, order = '<', columns = false) =>
  bytes(
    global('numpy.core.multiarray', '_reconstruct'),
    tuple(global('numpy', 'ndarray'), 'K', 0, 0x85, text('b')),
    'R',
    tuple('K', 1, shape, dtype(code, order), columns ? newTrue : newFalse, data),
    'b',
  );

export const data = (contents: Uint8Array) => bytes('B', u32(contents.length), contents);

export interface CraftedMember {
  readonly name: string;
  readonly data: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  /** Size and checksum that the directory tells, where they are not the true ones. */
  readonly claims?: number;
  readonly crc?: number;
  /** Where the directory says it begins. */
  readonly at?: number;
}

export interface CraftedEnd {
  readonly count?: number;
  readonly start?: number;
  readonly length?: number;
  /** 64-bit end record. */
  readonly wide?: boolean;
}

/** A zip file. */
export function zip(members: readonly CraftedMember[], claims: CraftedEnd = {}): Uint8Array {
  const locals: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const member of members) {
    const { name, data, method = 0, flags = 0, claims = data.length, at = offset } = member;
    const crc = member.crc ?? crc32(data);
    const common = bytes(u16(flags), u16(method), u32(0), u32(crc), u32(claims), u32(claims));
    const local = bytes('PK\x03\x04', 0, 0, common, u16(name.length), 0, 0, name, data);
    const rest = bytes(u16(name.length), new Uint8Array(12), u32(at), name);
    locals.push(local);
    directory.push(bytes('PK\x01\x02', 0, 0, 0, 0, common, rest));
    offset += local.length;
  }
  const entries = bytes(...directory);
  const { count = members.length, start = offset, length = entries.length, wide = false } = claims;
  const contents = bytes(...locals, entries);
  const wideEnd = bytes(
    ...['PK\x06\x06', u64(44n), new Uint8Array(12), u64(BigInt(count)), u64(BigInt(count))],
    ...[u64(BigInt(length)), u64(BigInt(start))],
    ...['PK\x06\x07', u32(0), u64(BigInt(contents.length)), u32(1)],
  );
  const end = ['PK\x05\x06', u32(0), u16(count), u16(count), u32(length), u32(start), u16(0)];
  return bytes(contents, ...(wide ? [wideEnd] : []), ...end);
}

/** A .pth file with this data.pkl and this storage. */
export const torchZip = (pkl: Uint8Array, storage = new Uint8Array(16)) =>
  zip([
    { name: 'a/data.pkl', data: pkl },
    { name: 'a/data/0', data: storage },
  ]);

export interface CraftedLegacy {
  readonly value: Uint8Array;
  readonly keys?: Uint8Array;
  readonly system?: Uint8Array;
  readonly version?: number;
  /** What follows the pickles: for each key a length and its data. */
  readonly storages: Uint8Array;
}

/** A legacy .pth file. */
export const torchLegacy = (of: CraftedLegacy) => {
  const { value, storages, version = 1001 } = of;
  const { keys = pickle(']', text('0'), 'a'), system = pickle('}') } = of;
  const magic = Uint8Array.of(0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19);
  return bytes(pickle(0x8a, 10, magic), pickle(int(version)), system, value, keys, storages);
};
