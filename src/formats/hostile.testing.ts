// Files made to do harm: each must be refused with one clear error. Used by tests only.
import { crc32 } from './crc32.ts';

type Part = number | string | Uint8Array;

/** Numbers are bytes, text is its characters as bytes. */
export function bytes(...parts: readonly Part[]): Uint8Array {
  const out: number[] = [];
  for (const part of parts) {
    if (typeof part === 'number') out.push(part);
    else if (typeof part === 'string') for (const char of part) out.push(char.charCodeAt(0));
    else for (const byte of part) out.push(byte);
  }
  return Uint8Array.from(out);
}

export const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
const u64 = (value: bigint) => new Uint8Array(BigUint64Array.of(value).buffer);
const proto = bytes(0x80, 2);
const text = (value: string) => bytes('X', u32(value.length), value);
const repeat = (part: Uint8Array, count: number) => {
  const out = new Uint8Array(part.length * count);
  for (let i = 0; i < count; i++) out.set(part, i * part.length);
  return out;
};

/** A zip file of stored members, as it says or lies. */
export function zip(
  members: readonly { name: string; data: Uint8Array; method?: number; claims?: number }[],
  claimedCount = members.length,
): Uint8Array {
  const locals: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, data, method = 0, claims = data.length } of members) {
    const u16 = (value: number) => bytes(value & 255, value >> 8);
    const common = bytes(u16(method), 0, 0, 0, 0, u32(crc32(data)), u32(claims), u32(claims));
    const local = bytes('PK\x03\x04', 0, 0, 0, 0, common, u16(name.length), 0, 0, name, data);
    const rest = bytes(u16(name.length), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, u32(offset), name);
    locals.push(local);
    directory.push(bytes('PK\x01\x02', 0, 0, 0, 0, 0, 0, common, rest));
    offset += local.length;
  }
  const entries = bytes(...directory);
  const count = bytes(claimedCount & 255, (claimedCount >> 8) & 255);
  const end = bytes('PK\x05\x06', 0, 0, 0, 0, count, count, u32(entries.length), u32(offset), 0, 0);
  return bytes(...locals, entries, end);
}

/** data.pkl of one tensor over storage '0'. Small numbers only. */
export function tensorPickle(options: {
  readonly elements: number;
  readonly offset?: number;
  readonly size: readonly number[];
  readonly stride: readonly number[];
}): Uint8Array {
  const { elements, offset = 0, size, stride } = options;
  const whole = (value: number) => bytes('J', new Uint8Array(Int32Array.of(value).buffer));
  const tuple = (values: readonly number[]) => bytes('(', ...values.map(whole), 't');
  const id = bytes('(', text('storage'), 'ctorch\nFloatStorage\n', text('0'), text('cpu'));
  return bytes(
    ...[
      proto,
      '}',
      text('w'),
      'ctorch._utils\n_rebuild_tensor_v2\n(',
      id,
      whole(elements),
      't',
      0x51,
    ],
    ...[whole(offset), tuple(size), tuple(stride), 0x89, '}', 't', 'R', 's', '.'],
  );
}

const torch = (pickle: Uint8Array, data = new Uint8Array(16)) =>
  zip([
    { name: 'a/data.pkl', data: pickle },
    { name: 'a/data/0', data },
  ]);

const array = (shape: Uint8Array, dtype: string, data: Uint8Array) =>
  bytes(
    ...[
      proto,
      '}',
      text('w'),
      'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n',
      'K',
      0,
      0x85,
    ],
    ...[
      text('b'),
      't',
      'R',
      '(',
      'K',
      1,
      shape,
      'cnumpy\ndtype\n(',
      text(dtype),
      0x89,
      0x88,
      't',
      'R',
    ],
    ...[
      '(',
      'K',
      3,
      text('<'),
      'NNN',
      'J',
      u32(0xffffffff),
      'J',
      u32(0xffffffff),
      'K',
      0,
      't',
      'b',
    ],
    ...[0x89, 'C', data.length, data, 't', 'b', 's', '.'],
  );

const call = (module: string, name: string, argument: Uint8Array) =>
  bytes(proto, `c${module}\n${name}\n`, '(', argument, 't', 'R', '.');

/** A list in a list in a list, each twice: 2^n leaves if anything copies them. */
const doubling = bytes(
  proto,
  ...[']', 'q', 0],
  ...Array.from({ length: 200 }, (_, i) => bytes(']', 'q', i + 1, '(', 'h', i, 'h', i, 'e')),
  '.',
);

export const hostileFiles: readonly { readonly name: string; readonly file: Uint8Array }[] = [
  { name: 'a command for the system', file: call('os', 'system', text('true')) },
  { name: 'a command, by its other name', file: call('posix', 'system', text('true')) },
  { name: 'code to evaluate', file: call('builtins', 'eval', text('1')) },
  { name: 'an attribute of a module', file: call('builtins', 'getattr', text('x')) },
  {
    name: 'a name put together on the stack',
    file: bytes(0x80, 4, text('os'), text('system'), 0x93, '.'),
  },
  { name: 'a process', file: call('subprocess', 'Popen', text('true')) },
  { name: 'an extension code', file: bytes(proto, 0x82, 1, '.') },
  { name: 'a call of what is no function', file: bytes(proto, text('x'), ')', 'R', '.') },
  { name: 'an object with attributes', file: bytes(proto, 'K', 1, '}', 'b', '.') },
  { name: 'text of 4 GB', file: bytes(proto, 'X', u32(0xffffffff), 'a') },
  { name: 'text of 2^63 bytes', file: bytes(0x80, 4, 0x8d, u64(2n ** 63n), 'a') },
  { name: 'bytes of 4 GB', file: bytes(0x80, 3, 'B', u32(0xfffffff0), 'a') },
  { name: 'an integer of 2 GB', file: bytes(proto, 0x8b, u32(0x7fffffff), 1) },
  {
    name: 'an integer of a million digits',
    file: bytes(proto, 'I', repeat(bytes('9'), 1e6), '\n', '.'),
  },
  { name: 'a frame larger than the file', file: bytes(0x80, 4, 0x95, u64(2n ** 40n), 'N.') },
  { name: 'a memo bomb', file: doubling },
  {
    name: 'a million nested lists',
    file: bytes(proto, repeat(bytes(']'), 1e6), repeat(bytes('a'), 999_999), '.'),
  },
  { name: 'ten million empty lists', file: bytes(proto, repeat(bytes(']0'), 5e6), '.') },
  {
    name: 'the keys __proto__ and constructor',
    file: bytes(proto, '}', '(', text('__proto__'), '}', text('constructor'), '}', 'u', '.'),
  },
  {
    name: 'a dict that holds itself',
    file: bytes(proto, '}', 'q', 0, text('w'), 'h', 0, 's', '.'),
  },
  { name: 'a memo that was never filled', file: bytes(proto, 'j', u32(0xfffffff0), '.') },
  { name: 'a stack that runs empty', file: bytes(proto, 'Rt.') },
  { name: 'an array of objects', file: array(bytes('K', 1, 0x85), 'O8', new Uint8Array(8)) },
  {
    name: 'an array whose size overflows',
    file: array(
      bytes('J', u32(0x7fffffff), 'J', u32(0x7fffffff), 'J', u32(0x7fffffff), 0x87),
      'f4',
      new Uint8Array(4),
    ),
  },
  {
    name: 'an array of negative size',
    file: array(bytes('J', u32(0xffffffff), 0x85), 'f4', new Uint8Array(4)),
  },
  {
    name: 'a storage larger than its member',
    file: torch(tensorPickle({ elements: 1 << 30, size: [4], stride: [1] })),
  },
  {
    name: 'a tensor beyond its storage',
    file: torch(tensorPickle({ elements: 4, offset: 2, size: [4], stride: [1] })),
  },
  {
    name: 'a tensor with negative strides',
    file: torch(tensorPickle({ elements: 4, size: [4], stride: [-1] })),
  },
  {
    name: 'a tensor unfolded from one element',
    file: torch(tensorPickle({ elements: 4, size: [1 << 20, 1 << 20], stride: [0, 0] })),
  },
  {
    name: 'a zip member of another size',
    file: zip([{ name: 'a/data.pkl', data: bytes(proto, '}.'), claims: 1 << 30 }]),
  },
  {
    name: 'a compressed zip member',
    file: zip([{ name: 'a/data.pkl', data: bytes(proto, '}.'), method: 8 }]),
  },
  {
    name: 'a zip file of 65,535 members',
    file: zip([{ name: 'a/data.pkl', data: bytes(proto, '}.') }], 65_535),
  },
  {
    name: 'a zip member outside of its folder',
    file: zip([{ name: '../../data.pkl', data: bytes(proto, '}.') }]),
  },
  { name: 'a zip file without its end', file: bytes('PK\x03\x04', new Uint8Array(100)) },
];
