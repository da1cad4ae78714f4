// Files made to do harm: each must be refused with one clear error. Used by tests only.
import {
  array,
  bytes,
  data,
  dict,
  get,
  global,
  int,
  ints,
  type Part,
  pickle,
  put,
  repeat,
  tensor,
  tensorPickle,
  text,
  torchLegacy,
  torchZip,
  tuple,
  u32,
  u64,
  zip,
} from './craft.testing.ts';

export interface HostileFile {
  readonly name: string;
  readonly file: () => Uint8Array;
  /** What the error must say. */
  readonly says: RegExp;
}

const call = (module: string, name: string, argument: Part) =>
  pickle(global(module, name), tuple(argument), 'R');
const refusedName = /expected weights, got .*at byte \d+, opcode (STACK_)?GLOBAL/;

/** What would run a program, if names were looked up. */
const code: readonly HostileFile[] = [
  ['a command for the system', call('os', 'system', text('true'))],
  ['a command, by its other name', call('posix', 'system', text('true'))],
  ['code to evaluate', call('builtins', 'eval', text('1'))],
  ['code to execute, of Python 2', call('__builtin__', 'execfile', text('x'))],
  ['an attribute of a module', call('builtins', 'getattr', text('x'))],
  ['a process', call('subprocess', 'Popen', text('true'))],
  [
    'an allowed name behind a dotted one',
    call('torch._utils', '_rebuild_tensor_v2.__globals__', text('x')),
  ],
  ['a name of Object’s prototype', call('constructor', '__proto__', text('x'))],
  ['a name put together on the stack', bytes(0x80, 4, text('os'), text('system'), 0x93, '.')],
].map(([name, file]) => ({ name, file: () => file, says: refusedName }) as HostileFile);

const opcodes: readonly HostileFile[] = [
  {
    name: 'an extension code',
    file: () => pickle(0x82, 1),
    says: /do not use \(at byte 2, opcode EXT1/,
  },
  { name: 'an instance', file: () => pickle('(ios\nsystem\n'), says: /do not use .*INST/ },
  {
    name: 'a call of what is no function',
    file: () => pickle(text('x'), ')R'),
    says: /expected a function.*REDUCE/,
  },
  {
    name: 'a class that is called',
    file: () => pickle(global('numpy', 'ndarray'), ')R'),
    says: /got numpy\.ndarray/,
  },
  {
    name: 'an object with attributes',
    file: () => pickle('K', 1, '}b'),
    says: /to get attributes, got 1 .*BUILD/,
  },
  {
    name: 'a memo that was never filled',
    file: () => pickle('j', u32(0xfffffff0)),
    says: /memo 4294967280 .*LONG_BINGET/,
  },
  { name: 'a stack that runs empty', file: () => pickle('Rt'), says: /expected 2 values.*REDUCE/ },
  { name: 'a mark that is not there', file: () => pickle('Kat'), says: /expected a mark.*TUPLE/ },
  { name: 'a mark as a value', file: () => pickle('}((s'), says: /got a mark.*SETITEM/ },
  { name: 'a dict without a value', file: () => pickle('}(Nu'), says: /key that has no value/ },
  {
    name: 'a protocol of tomorrow',
    file: () => bytes(0x80, 4, 0x80, 9, 'N.'),
    says: /protocol 0 to 5, got 9/,
  },
  {
    name: 'no end',
    file: () => bytes(0x80, 2, '}'),
    says: /expected 1 more bytes, got 0 \(at byte 3, the end/,
  },
  { name: 'two results', file: () => pickle('NN'), says: /values left over.*STOP/ },
  {
    name: 'text that is not UTF-8',
    file: () => pickle('X', u32(2), 0xc0, 0x80),
    says: /not UTF-8/,
  },
];

/** Declared lengths that the file does not have. */
const lengths: readonly HostileFile[] = [
  ['text of 4 GB', pickle('X', u32(0xffffffff), 'a'), 'BINUNICODE'],
  ['text of 2^63 bytes', bytes(0x80, 4, 0x8d, u64(2n ** 63n), 'a'), 'BINUNICODE8'],
  ['bytes of 4 GB', bytes(0x80, 3, 'B', u32(0xfffffff0), 'a'), 'BINBYTES'],
  ['bytes of 2^64 − 1', bytes(0x80, 4, 0x8e, u64(2n ** 64n - 1n), 'a'), 'BINBYTES8'],
  ['a byte array of 2^40', bytes(0x80, 5, 0x96, u64(2n ** 40n), 'a'), 'BYTEARRAY8'],
  ['a string of −1', pickle('T', u32(0xffffffff), 'a'), 'BINSTRING'],
  ['an integer of 2 GB', pickle(0x8b, u32(0x7fffffff), 1), 'LONG4'],
  ['an integer of a million bytes', pickle(0x8b, u32(1e6), new Uint8Array(1e6)), 'LONG4'],
  ['an integer of a million digits', pickle('I', repeat(bytes('9'), 1e6), '\n'), 'INT'],
  ['a name without an end', bytes(0x80, 2, 'c', repeat(bytes('a'), 1e6)), 'GLOBAL'],
  ['a frame larger than the file', bytes(0x80, 4, 0x95, u64(2n ** 40n), 'N.'), 'FRAME'],
].map(([name, file, opcode]) => ({
  name: name as string,
  file: () => file as Uint8Array,
  says: new RegExp(`at byte 2, opcode ${opcode}\\)`),
}));

/** A list in a list in a list, each twice: 2^200 leaves if anything copies or prints them. */
const doubling = bytes(
  ...[']', put(0)],
  ...Array.from({ length: 200 }, (_, i) => bytes('0]', put(i + 1), '(', get(i), get(i), 'e')),
);

const many = /more (lists, dicts and references|data) than/;
/** Small files that ask for much memory or time. */
const bombs: readonly HostileFile[] = [
  {
    name: 'lists that double 200 times',
    file: () => pickle(doubling),
    says: /expected a dict of arrays, .* got a list of 2/,
  },
  {
    name: 'storage keys that double 200 times',
    file: () => torchLegacy({ value: legacyValue, keys: pickle(doubling), storages: bytes() }),
    says: /expected the key of a storage, got a list of 2/,
  },
  {
    name: 'dicts in dicts, each 1,000 times',
    file: () => {
      const names = Array.from({ length: 1000 }, (_, n) => text(`${n}`));
      const wide = [0, 1, 2, 3, 4].map((i) =>
        bytes('0}', put(i + 1), '(', ...names.map((name) => bytes(name, get(i))), 'u'),
      );
      return torchZip(pickle('}', put(0), ...wide));
    },
    says: /expected a state dict/,
  },
  {
    name: 'a million nested lists',
    file: () => pickle(repeat(bytes(']'), 1e6), repeat(bytes('a'), 999_999)),
    says: many,
  },
  {
    name: 'a million nested tuples',
    file: () => pickle(')', repeat(bytes(0x85), 1e6)),
    says: many,
  },
  {
    name: 'five million lists that are dropped',
    file: () => pickle(repeat(bytes(']0'), 5e6)),
    says: many,
  },
  { name: 'ten million dicts', file: () => pickle(repeat(bytes('}'), 1e7)), says: many },
  { name: 'ten million marks', file: () => pickle(repeat(bytes('('), 1e7)), says: many },
  { name: 'ten million references', file: () => pickle('N', repeat(bytes(0x94), 1e7)), says: many },
  {
    name: 'two million numbers',
    file: () => pickle(repeat(bytes('G', new Uint8Array(8).fill(64)), 2e6)),
    says: many,
  },
  {
    name: 'three million short strings',
    file: () => pickle(repeat(bytes('U', 2, 'xy'), 3e6)),
    says: many,
  },
  {
    name: 'a million large integers',
    file: () => pickle(repeat(bytes(0x8a, 8, new Uint8Array(8).fill(127)), 1e6)),
    says: many,
  },
  {
    name: 'a million entries of a dict',
    file: () => {
      const entries = repeat(bytes('J', u32(0), 'Ns'), 1e6);
      const view = new DataView(entries.buffer);
      for (let i = 0; i < 1e6; i++) view.setUint32(7 * i + 1, i, true);
      return pickle('}', entries);
    },
    says: many,
  },
  {
    name: 'one long text encoded again and again',
    file: () => {
      const again = bytes(get(0), get(1), 'R0');
      return pickle(
        global('_codecs', 'encode'),
        put(0),
        tuple(text('a'.repeat(1e6)), text('latin1')),
        put(1),
        repeat(again, 1e5),
      );
    },
    says: /more data than.*REDUCE/,
  },
  {
    name: 'one list made a dict again and again',
    file: () => {
      const pairs = bytes(']', '(', repeat(bytes('NN', 0x86), 1e4), 'e', 0x85, put(1), '0');
      return pickle(
        pairs,
        global('collections', 'OrderedDict'),
        put(0),
        repeat(bytes(get(0), get(1), 'R0'), 1e5),
      );
    },
    says: many,
  },
  {
    name: 'one array turned again and again',
    file: () => {
      const make = bytes(
        global('numpy.core.multiarray', '_reconstruct'),
        tuple(global('numpy', 'ndarray'), 'K', 0, 0x85, text('b')),
        'R',
      );
      const first = array(
        ints([1000, 1000]),
        'u1',
        bytes(data(new Uint8Array(1e6)), put(1)),
        '|',
        true,
      );
      const state = bytes(
        tuple(
          'K',
          1,
          ints([1000, 1000]),
          bytes(global('numpy', 'dtype'), tuple(text('u1')), 'R'),
          0x88,
          get(1),
        ),
        put(2),
        '0',
      );
      return pickle('}', text('w'), first, 's', state, repeat(bytes(make, get(2), 'b0'), 1e4));
    },
    says: /more data than.*BUILD/,
  },
  {
    name: 'one array under 10,000 names',
    file: () =>
      pickle(
        '}',
        text('w'),
        array(ints([100_000]), 'u1', data(new Uint8Array(1e5)), '|'),
        put(0),
        's',
        ...Array.from({ length: 10_000 }, (_, i) => bytes(text(`n${i}`), get(0), 's')),
      ),
    says: /arrays of together over four times/,
  },
  {
    name: 'one storage turned under 10,000 names',
    file: () => {
      const turned = bytes(
        tensor({ elements: 1e6, size: [1000, 1000], stride: [1, 1000] }),
        put(0),
      );
      const entries = Array.from({ length: 10_000 }, (_, i) => bytes(text(`n${i}`), get(0), 's'));
      return torchZip(pickle('}', text('w'), turned, 's', ...entries), new Uint8Array(4e6));
    },
    says: /tensors of together over four times/,
  },
  {
    name: 'slices that are joined twice',
    file: () => {
      const about = bytes(
        '}(',
        text('OriginShape'),
        ints([4]),
        text('slices'),
        '](',
        text('a'),
        text('a'),
        'eu',
      );
      return pickle(
        '}(',
        text('a'),
        array(ints([2]), 'u1', data(new Uint8Array(2)), '|'),
        text('UnpackBigParamInfor@@'),
        dict(text('b'), about),
        'u',
      );
    },
    says: /slices of array 'b': expected an array 'a'/,
  },
];

const structure: readonly HostileFile[] = [
  {
    name: 'the keys __proto__ and constructor',
    file: () => pickle('}(', text('__proto__'), '}', text('constructor'), '}', 'u'),
    says: /expected arrays in this pickle, found none/,
  },
  {
    name: 'a dict that holds itself',
    file: () => pickle('}', put(0), text('w'), get(0), 's'),
    says: /expected arrays/,
  },
  {
    name: 'a state dict that holds itself',
    file: () => torchZip(pickle('}', put(0), text('state_dict'), get(0), 's')),
    says: /expected a state dict/,
  },
  {
    name: 'two state dicts',
    file: () =>
      torchZip(
        pickle(
          '}(',
          ...['a', 'b'].map((name) =>
            bytes(text(name), dict(text('w'), tensor({ elements: 4, size: [4], stride: [1] }))),
          ),
          'u',
        ),
      ),
    says: /found 2: 'a', 'b'/,
  },
];

const fourBytes = data(new Uint8Array(4));
const arrays: readonly HostileFile[] = [
  ['an array of objects', array(ints([1]), 'O8', data(new Uint8Array(8))), /got dtype 'O8'/],
  ['an array of records', array(ints([1]), 'V8', data(new Uint8Array(8))), /got dtype 'V8'/],
  [
    'an array whose size overflows',
    array(ints([0x7fffffff, 0x7fffffff, 0x7fffffff]), 'f4', fourBytes),
    /with 4 bytes/,
  ],
  ['an array of negative size', array(ints([-1]), 'f4', fourBytes), /each number whole/],
  [
    'an array of 17 dimensions',
    array(ints(Array(17).fill(1)), 'f4', fourBytes),
    /expected the shape/,
  ],
  ['an array of another size', array(ints([2]), 'f4', fourBytes), /array \[2\] of f4 with 4 bytes/],
  ['an array without a shape', array('N', 'f4', fourBytes), /expected the shape/],
  [
    'an array of another byte order',
    array(ints([1]), 'f4', fourBytes, '!'),
    /expected a byte order, got '!'/,
  ],
].map(([name, value, says]) => ({
  name: name as string,
  file: () => pickle(dict(text('w'), value as Uint8Array)),
  says: says as RegExp,
}));

const outside = /reaches outside of its 4 elements .*REDUCE/;
const tensors: readonly HostileFile[] = [
  {
    name: 'a storage larger than its member',
    file: () => torchZip(tensorPickle({ elements: 1 << 30, size: [4], stride: [1] })),
    says: /expected 4294967296 bytes in 'data\/0', got 16 bytes/,
  },
  {
    name: 'a storage that is not there',
    file: () => torchZip(tensorPickle({ elements: 4, size: [4], stride: [1], key: '../0' })),
    says: /no such member/,
  },
  {
    name: 'a tensor beyond its storage',
    file: () => torchZip(tensorPickle({ elements: 4, offset: 2, size: [4], stride: [1] })),
    says: outside,
  },
  {
    name: 'an empty tensor beyond its storage',
    file: () => torchZip(tensorPickle({ elements: 4, offset: 9, size: [0], stride: [1] })),
    says: outside,
  },
  {
    name: 'a tensor with negative strides',
    file: () => torchZip(tensorPickle({ elements: 4, size: [4], stride: [-1] })),
    says: /to be whole numbers/,
  },
  {
    name: 'a tensor with a negative offset',
    file: () => torchZip(tensorPickle({ elements: 4, offset: -4, size: [4], stride: [1] })),
    says: /to be whole numbers/,
  },
  {
    name: 'a tensor with fewer strides',
    file: () => torchZip(tensorPickle({ elements: 4, size: [2, 2], stride: [1] })),
    says: /as many sizes as strides/,
  },
  {
    name: 'a tensor unfolded from one element',
    file: () => torchZip(tensorPickle({ elements: 4, size: [1 << 20, 1 << 20], stride: [0, 0] })),
    says: outside,
  },
  {
    name: 'a tensor whose size overflows',
    file: () =>
      torchZip(
        tensorPickle({ elements: 4, size: Array(16).fill(0x7fffffff), stride: Array(16).fill(1) }),
      ),
    says: outside,
  },
  {
    name: 'a persistent id of another form',
    file: () => torchZip(pickle(text('storage'), 'Q')),
    says: /expected the id of a storage.*BINPERSID/,
  },
  {
    name: 'a persistent id that names a class',
    file: () =>
      torchZip(
        pickle(
          tuple(text('module'), global('torch', 'Tensor'), text('0'), text('cpu'), int(1)),
          'Q',
        ),
      ),
    says: /expected the id of a storage/,
  },
  {
    name: 'a storage within a storage',
    file: () =>
      torchZip(
        pickle(
          tuple(
            text('storage'),
            global('torch', 'FloatStorage'),
            text('0'),
            text('cpu'),
            int(4),
            ints([0, 1, 2]),
          ),
          'Q',
        ),
      ),
    says: /views of storages/,
  },
];

const pkl = tensorPickle({ elements: 4, size: [4], stride: [1] });
const member = { name: 'a/data.pkl', data: pkl };
const storage = { name: 'a/data/0', data: new Uint8Array(16) };
const zips: readonly HostileFile[] = [
  {
    name: 'a zip member of another size',
    file: () => zip([{ ...member, claims: 1 << 30 }]),
    says: /member .* lies outside .*at byte \d+/,
  },
  {
    name: 'a zip member that is smaller than its data',
    file: () => zip([{ ...member, claims: 20 }, storage]),
    says: /checksum/,
  },
  {
    name: 'a compressed zip member',
    file: () => zip([{ ...member, method: 8 }]),
    says: /'a\/data\.pkl' is compressed/,
  },
  {
    name: 'a bomb of zeros',
    file: () =>
      zip([
        member,
        { name: 'a/data/0', data: new Uint8Array(1000), method: 8, claims: 0xfffffff0 },
      ]),
    says: /is compressed/,
  },
  {
    name: 'an encrypted zip member',
    file: () => zip([{ ...member, flags: 1 }]),
    says: /encrypted/,
  },
  {
    name: 'a zip member with other data than its checksum’s',
    file: () => zip([member, { ...storage, crc: 7 }]),
    says: /'a\/data\/0' has the checksum .* expected 00000007 \(at byte \d+/,
  },
  {
    name: 'a zip file that declares 65,535 members',
    file: () => zip([member], { count: 65_535 }),
    says: /expected entry 2 of 65535/,
  },
  {
    name: 'a zip file that declares a million members',
    file: () => zip([member], { count: 1e6, wide: true }),
    says: /1000000 members, expected at most/,
  },
  {
    name: 'a directory beyond the file',
    file: () => zip([member], { start: 2 ** 40, wide: true }),
    says: /directory of \d+ bytes lies outside/,
  },
  {
    name: 'a directory of 2^52 bytes',
    file: () => zip([member], { length: 2 ** 52, wide: true }),
    says: /lies outside/,
  },
  {
    name: 'a member header that is not there',
    file: () => zip([{ ...member, at: 7 }]),
    says: /expected a member header \(at byte 7\)/,
  },
  {
    name: 'members that share their bytes',
    file: () =>
      zip([
        member,
        ...Array.from({ length: 20_000 }, (_, i) => ({
          name: `a/data/${i}`,
          data: new Uint8Array(0),
          claims: 300,
          at: 0,
        })),
      ]),
    says: /members that overlap/,
  },
  {
    name: 'two members of one name',
    file: () => zip([member, member, storage]),
    says: /two members 'a\/data\.pkl'/,
  },
  {
    name: 'a zip member outside of its folder',
    file: () => zip([{ ...member, name: '../../data.pkl' }]),
    says: /expected one data\.pkl in this zip file, got 0/,
  },
  {
    name: 'two data.pkl',
    file: () => zip([member, { ...member, name: 'b/data.pkl' }]),
    says: /got 2/,
  },
  {
    name: 'big-endian tensors',
    file: () => zip([member, storage, { name: 'a/byteorder', data: bytes('big') }]),
    says: /big-endian/,
  },
  {
    name: 'a zip file without its end',
    file: () => bytes('PK\x03\x04', new Uint8Array(100)),
    says: /end record of a zip file/,
  },
];

const legacyValue = tensorPickle({ elements: 4, size: [4], stride: [1] }, true);
const legacy: readonly HostileFile[] = [
  {
    name: 'a legacy storage of 2^62 elements',
    file: () =>
      torchLegacy({ value: legacyValue, storages: bytes(u64(2n ** 62n), new Uint8Array(16)) }),
    says: /4611686018427387904 elements, expected 4/,
  },
  {
    name: 'a legacy storage of −1 elements',
    file: () =>
      torchLegacy({ value: legacyValue, storages: bytes(u64(2n ** 64n - 1n), new Uint8Array(16)) }),
    says: /of -1 elements/,
  },
  {
    name: 'a legacy storage that is cut',
    file: () => torchLegacy({ value: legacyValue, storages: bytes(u64(4n), new Uint8Array(15)) }),
    says: /storage of 16 bytes in a file that has 15 left \(at byte \d+/,
  },
  {
    name: 'a legacy file without storages',
    file: () => torchLegacy({ value: legacyValue, storages: bytes() }),
    says: /expected 8 bytes/,
  },
  {
    name: 'a legacy storage of no tensor',
    file: () =>
      torchLegacy({ value: legacyValue, keys: pickle(']', text('7'), 'a'), storages: bytes() }),
    says: /'7' belongs to no tensor/,
  },
  {
    name: 'a legacy file of another version',
    file: () => torchLegacy({ value: legacyValue, version: 1002, storages: bytes() }),
    says: /version 1001/,
  },
  {
    name: 'a legacy file of bombs below the limit',
    file: () => {
      const bomb = pickle('(', repeat(bytes('}'), 1e5), 'l');
      return torchLegacy({ value: bomb, system: bomb, storages: bytes() });
    },
    says: many,
  },
  {
    name: 'a big-endian legacy file',
    file: () =>
      torchLegacy({
        value: legacyValue,
        system: pickle(dict(text('little_endian'), bytes(0x89))),
        storages: bytes(u64(4n), new Uint8Array(16)),
      }),
    says: /big-endian/,
  },
];

const strangers: readonly HostileFile[] = [
  { name: 'an empty file', file: () => bytes(), says: /got 0 bytes that begin with nothing/ },
  {
    name: 'a web page',
    file: () => bytes('<!DOCTYPE html><html></html>'),
    says: /begin with 3c 21 44/,
  },
];

export const hostileFiles: readonly HostileFile[] = [
  ...[...code, ...opcodes, ...lengths, ...bombs, ...structure],
  ...[...arrays, ...tensors, ...zips, ...legacy, ...strangers],
];
