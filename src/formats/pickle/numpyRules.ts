// How numpy's arrays, scalars and element types are pickled, and what they become: tensors with
// row-major little-endian elements. Arrays of objects, records, text and dates are refused. Spec 1.6.
import { columnMajorStrides, gather, swapBytes } from '../gather.ts';
import { type Dtype, dtypeBytes, elementCount, formatShape, halfToNumber } from '../tensor.ts';
import {
  isKind,
  type NumpyArray,
  type NumpyDtype,
  narrow,
  type Pickled,
  type Reading,
  say,
} from './values.ts';

export type Call = (args: readonly Pickled[], reading: Reading) => Pickled;

/** Element types by numpy's code. */
export const numpyTypes: Readonly<Record<string, Dtype>> = {
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

const mostDimensions = 16;
export const isWhole = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** A copy of a list of sizes: the pickle may still append to its own. */
export function wholeNumbers(value: Pickled | undefined): readonly number[] | undefined {
  if (!Array.isArray(value) || value.length > mostDimensions) return undefined;
  const numbers = value.filter(isWhole);
  return numbers.length === value.length ? numbers : undefined;
}

/** `_codecs.encode(text, 'latin1')`: how protocol 2 carries bytes. */
export const encode: Call = ([text, encoding], { fail, spend }) => {
  if (encoding !== 'latin1' && encoding !== 'latin-1')
    throw fail(`expected text encoded as latin1, got ${say(encoding)}`);
  if (isKind(text, 'text')) {
    spend(text.utf8.length);
    return latin1Bytes(text.utf8, fail);
  }
  if (typeof text !== 'string') throw fail(`expected text to encode, got ${say(text)}`);
  spend(2 * text.length);
  return latin1Bytes(new TextEncoder().encode(text), fail);
};

/**
 * UTF-8 of code points up to 255 → those code points as bytes. Half of a network's bytes are above 127 in
 * no order that a processor could foresee, so nothing branches: the lead byte of a pair (0xc2, 0xc3) writes
 * to where its second byte then writes the whole, and faults are gathered.
 */
function latin1Bytes(utf8: Uint8Array, fail: Reading['fail']): Uint8Array {
  const bytes = new Uint8Array(utf8.length);
  let [length, before, leadBefore, faults] = [0, 0, 0, 0];
  for (let i = 0; i < utf8.length; i++) {
    const byte = utf8[i]!;
    const high = byte >> 7;
    const lead = high & (byte >> 6);
    const second = high ^ lead;
    bytes[length] = (byte & (0x7f ^ (high << 6))) | (((before & 3) << 6) & -second);
    length += 1 - lead;
    faults |= (second ^ leadBefore) | ((byte ^ 0x02) & 0x3e & -lead);
    before = byte;
    leadBefore = lead;
  }
  if (faults | leadBefore) throw fail('data that is not latin1 text');
  return bytes.subarray(0, length);
}

/** Bytes as they stand, or text of which each character is a byte (Python 2, protocol 2). */
function bytesOf(value: Pickled | undefined, reading: Reading): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return encode([value ?? null, 'latin1'], reading) as Uint8Array;
}

export const dtype: Call = ([code], { fail }) => {
  const text = typeof code === 'string' ? code.replace(/^[<>=|]/, '') : '';
  if (!Object.hasOwn(numpyTypes, text))
    throw fail(`expected arrays of ${Object.keys(numpyTypes).join(' ')}, got dtype ${say(code)}`);
  return { kind: 'dtype', code: text, bigEndian: String(code).startsWith('>') };
};

/** The state (3, '<', None, …) of a dtype; the rest of it concerns records. */
export function buildDtype(type: NumpyDtype, state: Pickled, { fail }: Reading): void {
  const order = Array.isArray(state) ? state[1] : undefined;
  if (order !== '<' && order !== '>' && order !== '|' && order !== '=')
    throw fail(`expected a byte order, got ${say(order)}`);
  type.bigEndian = order === '>';
}

/** The state (version, shape, dtype, column-major?, data) of an array that was made empty. */
export function buildArray(array: NumpyArray, state: Pickled, reading: Reading): void {
  if (array.tensor) throw reading.fail('an array whose contents come twice');
  const [, shape, type, columns, data] = Array.isArray(state) ? state : [];
  array.tensor = tensorOf(shape, type, columns === true, bytesOf(data, reading), reading);
}

/** `_frombuffer(data, dtype, shape, 'C' or 'F')`: arrays of protocol 5. */
export const fromBuffer: Call = ([data, type, shape, order], reading) => ({
  kind: 'ndarray',
  tensor: tensorOf(shape, type, order === 'F', bytesOf(data, reading), reading),
});

function tensorOf(
  size: Pickled | undefined,
  type: Pickled | undefined,
  columns: boolean,
  bytes: Uint8Array,
  { fail, spend }: Reading,
) {
  const shape = wholeNumbers(size);
  if (!shape || !isKind(type, 'dtype'))
    throw fail('expected the shape and the dtype of an array, each number whole');
  const name = numpyTypes[type.code]!;
  const width = dtypeBytes[name];
  const count = elementCount(shape);
  if (count === undefined || bytes.length !== count * width)
    throw fail(`array ${formatShape(shape)} of ${type.code} with ${bytes.length} bytes`);
  const copies = Number(columns) + Number(type.bigEndian);
  if (copies > 0) spend(copies * bytes.length);
  const little = type.bigEndian ? swapBytes(bytes, width) : bytes;
  const data = columns ? gather(little, shape, columnMajorStrides(shape), 0, width) : little;
  return { dtype: name, shape, data };
}

const scalarReaders: Readonly<Partial<Record<Dtype, (view: DataView) => Pickled>>> = {
  F16: (view) => halfToNumber(view.getUint16(0, true)),
  F32: (view) => view.getFloat32(0, true),
  F64: (view) => view.getFloat64(0, true),
  I8: (view) => view.getInt8(0),
  I16: (view) => view.getInt16(0, true),
  I32: (view) => view.getInt32(0, true),
  I64: (view) => narrow(view.getBigInt64(0, true)),
  U8: (view) => view.getUint8(0),
  BOOL: (view) => view.getUint8(0) !== 0,
};

/** `scalar(dtype, data)`. */
export const scalar: Call = ([type, data], reading) => {
  if (!isKind(type, 'dtype')) throw reading.fail(`expected a dtype, got ${say(type)}`);
  const bytes = bytesOf(data, reading);
  const name = numpyTypes[type.code]!;
  const width = dtypeBytes[name];
  if (bytes.length !== width)
    throw reading.fail(`expected ${width} bytes of a number, got ${bytes.length}`);
  const little = type.bigEndian ? swapBytes(bytes, width) : bytes.slice();
  return scalarReaders[name]!(new DataView(little.buffer));
};
