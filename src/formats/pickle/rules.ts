// The classes and functions that weight files name, and what each means here. Anything else is
// refused where its name is read, before any argument of it is looked at.
import { type Dtype, dtypeBytes, elementCount } from '../tensor.ts';
import {
  type Fail,
  isKind,
  type NumpyArray,
  type NumpyDtype,
  type Pickled,
  say,
} from './values.ts';

export interface Rules {
  readonly global: (name: string, fail: Fail) => Pickled;
  readonly call: (callee: Pickled | undefined, args: Pickled[], fail: Fail) => Pickled;
  readonly build: (value: Pickled, state: Pickled, fail: Fail) => void;
  readonly persistent: (id: Pickled, fail: Fail) => Pickled;
}

type Call = (args: Pickled[], fail: Fail) => Pickled;

const encode: Call = ([text, encoding], fail) => {
  if (encoding !== 'latin1' && encoding !== 'latin-1')
    throw fail(`expected text encoded as latin1, got ${say(encoding)}`);
  if (typeof text === 'string') return latin1Bytes(new TextEncoder().encode(text), fail);
  if (isKind(text, 'text')) return latin1Bytes(text.utf8, fail);
  throw fail(`expected text to encode, got ${say(text)}`);
};

/** UTF-8 of code points up to 255 → those code points as bytes. */
function latin1Bytes(utf8: Uint8Array, fail: Fail): Uint8Array {
  const bytes = new Uint8Array(utf8.length);
  let length = 0;
  for (let i = 0; i < utf8.length; i++) {
    const lead = utf8[i]!;
    if (lead < 0x80) bytes[length++] = lead;
    else if ((lead === 0xc2 || lead === 0xc3) && (utf8[i + 1]! & 0xc0) === 0x80)
      bytes[length++] = ((lead & 3) << 6) | (utf8[++i]! & 0x3f);
    else throw fail('data that is not latin1 text');
  }
  return bytes.subarray(0, length);
}

const numpyTypes: Readonly<Record<string, Dtype>> = {
  f2: 'F16',
  f4: 'F32',
  f8: 'F64',
  i1: 'I8',
  i2: 'I16',
  i4: 'I32',
  i8: 'I64',
  u1: 'U8',
  b1: 'BOOL',
};

const dtype: Call = ([code], fail) => {
  const text = typeof code === 'string' ? code.replace(/^[<>=|]/, '') : '';
  if (!Object.hasOwn(numpyTypes, text))
    throw fail(`expected arrays of ${Object.keys(numpyTypes).join(' ')}, got dtype ${say(code)}`);
  return { kind: 'dtype', code: text, bigEndian: String(code).startsWith('>') };
};

const scalar: Call = ([type, data], fail) => {
  if (!isKind(type, 'dtype')) throw fail(`expected a dtype, got ${say(type)}`);
  const bytes = data instanceof Uint8Array ? data : encode([data ?? null, 'latin1'], fail);
  const size = dtypeBytes[numpyTypes[type.code]!];
  if (!(bytes instanceof Uint8Array) || bytes.length !== size)
    throw fail(`expected ${size} bytes of a number, got ${say(bytes)}`);
  const view = new DataView(bytes.slice().buffer);
  const little = !type.bigEndian;
  if (type.code === 'f8') return view.getFloat64(0, little);
  if (type.code === 'f4') return view.getFloat32(0, little);
  if (type.code === 'i8') return Number(view.getBigInt64(0, little));
  if (type.code === 'i4') return view.getInt32(0, little);
  return view.getUint8(0);
};

const isWhole = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const mostDimensions = 16;
const wholeNumbers = (value: Pickled | undefined): value is number[] =>
  Array.isArray(value) && value.length <= mostDimensions && value.every(isWhole);

const rebuildTensor: Call = ([storage, offset, size, stride], fail) => {
  if (!isKind(storage, 'storage')) throw fail(`expected a storage, got ${say(storage)}`);
  if (!isWhole(offset) || !wholeNumbers(size) || !wholeNumbers(stride))
    throw fail('expected a tensor’s offset, sizes and strides to be whole numbers');
  if (size.length !== stride.length)
    throw fail(`${size.length} sizes of a tensor with ${stride.length} strides`);
  const count = elementCount(size);
  const last = size.reduce((sum, side, d) => sum + (side - 1) * stride[d]!, offset);
  // A view may repeat elements; one with more of them than its storage holds is not unfolded.
  if (count === undefined || count > storage.count || (count > 0 && last >= storage.count))
    throw fail(`a tensor [${size}] at ${offset} reaches outside of its ${storage.count} elements`);
  return { kind: 'tensor', storage, offset, size, stride };
};

const first: Call = ([value]) => value ?? null;
const listOf: Call = ([items], fail) => {
  if (items === undefined) return [];
  if (!Array.isArray(items)) throw fail(`expected a list, got ${say(items)}`);
  return items;
};

/** OrderedDict() is filled later; OrderedDict([[key, value], …]) at once (protocols 0 and 1). */
const dict: Call = ([items], fail) => {
  const made = new Map<Pickled, Pickled>();
  for (const pair of listOf(items === undefined ? [] : [items], fail) as Pickled[]) {
    if (!Array.isArray(pair) || pair.length !== 2) throw fail('expected pairs of a dict');
    made.set(pair[0]!, pair[1]!);
  }
  return made;
};

const numpyModules = ['numpy.core.multiarray', 'numpy._core.multiarray'];
const calls: ReadonlyMap<string, Call> = new Map<string, Call>([
  ['_codecs.encode', encode],
  ['numpy.dtype', dtype],
  ...numpyModules.flatMap((module): [string, Call][] => [
    [`${module}._reconstruct`, () => ({ kind: 'ndarray', tensor: undefined })],
    [`${module}.scalar`, scalar],
  ]),
  ['collections.OrderedDict', dict],
  ['collections.defaultdict', () => new Map()],
  ...['builtins', '__builtin__'].flatMap((module): [string, Call][] => [
    [`${module}.tuple`, listOf],
    [`${module}.list`, listOf],
    [`${module}.set`, listOf],
    [`${module}.dict`, dict],
    [`${module}.bytearray`, first],
  ]),
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_parameter', first],
  ['torch._utils._rebuild_parameter_with_state', first],
  ['torch.Size', listOf],
  ['torch.device', first],
]);

/** Element type of each class of storage. */
export const storageTypes: Readonly<Record<string, Dtype>> = {
  FloatStorage: 'F32',
  DoubleStorage: 'F64',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

/** Names that stand for themselves: classes as arguments, and torch's element types. */
const inert = new Set([
  'numpy.ndarray',
  'torch.Tensor',
  'torch.nn.parameter.Parameter',
  ...Object.keys(storageTypes).map((type) => `torch.${type}`),
  ...['float32', 'float64', 'float16', 'bfloat16', 'int64', 'int32', 'uint8', 'bool'].map(
    (type) => `torch.${type}`,
  ),
  'torch.strided',
]);

function applyArrayState(array: NumpyArray, state: Pickled, fail: Fail): void {
  if (array.tensor) throw fail('an array whose contents come twice');
  const [, shape, type, fortran, data] = Array.isArray(state) ? state : [];
  if (!wholeNumbers(shape) || !isKind(type, 'dtype'))
    throw fail('expected the state of an array: version, shape, dtype, order, data');
  const bytes = data instanceof Uint8Array ? data : encode([data ?? null, 'latin1'], fail);
  const name = numpyTypes[type.code]!;
  const size = dtypeBytes[name];
  const count = elementCount(shape);
  if (!(bytes instanceof Uint8Array) || count === undefined || bytes.length !== count * size)
    throw fail(`array [${shape}] of ${type.code} with ${say(bytes)}`);
  const ordered = fortran === true ? rowMajor(bytes, shape, size) : bytes;
  array.tensor = { dtype: name, shape, data: type.bigEndian ? swapped(ordered, size) : ordered };
}

/** Column-major elements in row-major order. */
function rowMajor(bytes: Uint8Array, shape: readonly number[], size: number): Uint8Array {
  const strides = shape.map((_, d) => shape.slice(0, d).reduce((a, b) => a * b, 1));
  return gather(bytes, shape, strides, 0, size);
}

/** Elements of a strided view, in row-major order. Strides and offset in elements. */
export function gather(
  bytes: Uint8Array,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  size: number,
): Uint8Array {
  const count = elementCount(shape)!;
  const result = new Uint8Array(count * size);
  const place = shape.map(() => 0);
  let from = offset;
  for (let i = 0; i < count; i++) {
    for (let b = 0; b < size; b++) result[i * size + b] = bytes[from * size + b]!;
    for (let d = shape.length - 1; d >= 0; d--) {
      from += strides[d]!;
      if (++place[d]! < shape[d]!) break;
      from -= place[d]! * strides[d]!;
      place[d] = 0;
    }
  }
  return result;
}

function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) result[i] = bytes[i - (i % size) + size - 1 - (i % size)]!;
  return result;
}

function applyDtypeState(dtype: NumpyDtype, state: Pickled, fail: Fail): void {
  const order = Array.isArray(state) ? state[1] : undefined;
  if (order !== '<' && order !== '>' && order !== '|' && order !== '=')
    throw fail(`expected a byte order, got ${say(order)}`);
  dtype.bigEndian = order === '>';
}

export const rules: Rules = {
  global(name, fail) {
    if (calls.has(name) || inert.has(name)) return { kind: 'global', name };
    throw fail(`expected weights, got ${say(name)}, which this reader does not make`);
  },
  call(callee, args, fail) {
    const rule = isKind(callee, 'global') ? calls.get(callee.name) : undefined;
    if (!rule) throw fail(`expected a function of weight files, got ${say(callee)}`);
    return rule(args, fail);
  },
  build(value, state, fail) {
    if (isKind(value, 'ndarray')) applyArrayState(value, state, fail);
    else if (isKind(value, 'dtype')) applyDtypeState(value, state, fail);
    // An OrderedDict's attributes (torch's _metadata) are of no use here.
    else if (!(value instanceof Map)) throw fail(`${say(value)} with attributes`);
  },
  persistent(id, fail) {
    const [tag, type, key, , count] = Array.isArray(id) ? id : [];
    const name = isKind(type, 'global') ? type.name.replace(/^torch\./, '') : '';
    if (tag !== 'storage' || !Object.hasOwn(storageTypes, name))
      throw fail(`expected the id of a storage, got ${say(id)}`);
    if ((typeof key !== 'string' && typeof key !== 'number') || !isWhole(count))
      throw fail('expected a storage to have a key and a number of elements');
    // The legacy form adds a view of another storage; torch has not written any since 2018.
    if (Array.isArray(id) && id.length > 5 && id[5] !== null)
      throw fail('views of storages are not read');
    return { kind: 'storage', type: name, key: String(key), count };
  },
};
