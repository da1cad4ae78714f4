// PyTorch's .pth files, zip and legacy form: nested data with tensors, read as views of the file's
// bytes where they lie in order. Spec 1.6. Writing is in torchWrite.ts.
import { inputError } from '../errors.ts';
import { type Budget, budgetFor } from './budget.ts';
import { gather, rowMajorStrides } from './gather.ts';
import { type Rules, rules } from './pickle/rules.ts';
import { storageTypes } from './pickle/torchRules.ts';
import { unpickle } from './pickle/unpickle.ts';
import {
  failAt,
  type Pickled,
  quote,
  type Storage,
  type StoredTensor,
  say,
} from './pickle/values.ts';
import { findStateDict, type StateDict } from './stateDict.ts';
import { dtypeBytes, elementCount, type Tensor } from './tensor.ts';
import { isZip, readStoredZip } from './zipStored.ts';

export interface TorchFile {
  readonly format: 'torch-zip' | 'torch-legacy';
  /** What was saved; tensors in it stand for themselves until `tensor` reads them. */
  readonly value: Pickled;
  readonly tensor: (stored: StoredTensor) => Tensor;
}

/** The bytes of a storage. */
type Storages = (storage: Storage) => Uint8Array;

interface Saved {
  readonly value: Pickled;
  readonly storages: Storages;
}

export function parseTorch(bytes: Uint8Array, where: string): TorchFile {
  const zip = isZip(bytes);
  const budget = budgetFor(bytes.length);
  const { value, storages } = (zip ? readZip : readLegacy)(bytes, where, budget);
  const tensor = (stored: StoredTensor) => readTensor(stored, storages, budget, where);
  return { format: zip ? 'torch-zip' : 'torch-legacy', value, tensor };
}

export interface TorchTensors extends Omit<StateDict, 'tensors'> {
  readonly tensors: Map<string, Tensor>;
}

/** The tensors of the state dict, names as they stand. */
export function torchTensors({ value, tensor }: TorchFile, where: string): TorchTensors {
  const { tensors, ...found } = findStateDict(value, where);
  return { ...found, tensors: new Map(Array.from(tensors, ([name, t]) => [name, tensor(t)])) };
}

const storageBytes = ({ type, count }: Storage) => count * dtypeBytes[storageTypes[type]!];

function readZip(bytes: Uint8Array, where: string, budget: Budget): Saved {
  const { names, read } = readStoredZip(bytes, where);
  const pickles = names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) {
    throw inputError(
      `${where}: expected one data.pkl in this zip file, got ${pickles.length}. It is no .pth file of PyTorch.`,
    );
  }
  const folder = pickles[0]!.split('/')[0]!;
  const order = read(`${folder}/byteorder`);
  if (order && new TextDecoder().decode(order.subarray(0, 8)).trim() === 'big')
    throw bigEndian(where);
  const { value } = unpickle(read(pickles[0]!)!, { where: `${where}, data.pkl`, budget });
  const storages = (storage: Storage) => {
    const data = read(`${folder}/data/${storage.key}`);
    const expected = storageBytes(storage);
    if (data === undefined || data.length < expected) {
      const got = data ? `${data.length} bytes` : 'no such member';
      throw inputError(
        `${where}: expected ${expected} bytes in ${quote(`data/${storage.key}`)}, got ${got}. The file is damaged; fetch it anew.`,
      );
    }
    return data;
  };
  return { value, storages };
}

const bigEndian = (where: string) =>
  inputError(
    `${where}: expected little-endian tensors, these are big-endian. Save them on another machine.`,
  );

const legacyMagic = 0x1950a86a20f9469cfc6cn;
const legacyVersion = 1001;

/** Whether the bytes begin as a legacy file does: PROTO 2, then LONG1 of ten bytes. */
export const isLegacyTorch = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x80 && bytes[2] === 0x8a && bytes[3] === 0x0a && bytes[4] === 0x6c;

/** Five pickles (magic number, version, system, what was saved, storage keys), then the storages. */
function readLegacy(bytes: Uint8Array, where: string, budget: Budget): Saved {
  let at = 0;
  const fail = failAt(where, () => `byte ${at}`);
  const named = new Map<string, Storage>();
  const noting: Rules = {
    ...rules,
    persistent(id, reading) {
      const storage = rules.persistent(id, reading);
      named.set(storage.key, storage);
      return storage;
    },
  };
  const next = () => {
    const { value, end } = unpickle(bytes, { where, start: at, rules: noting, budget });
    at = end;
    return value;
  };
  if (next() !== legacyMagic || next() !== legacyVersion)
    throw fail('expected the magic number and version 1001 of a legacy .pth file');
  const system = next();
  if (system instanceof Map && system.get('little_endian') === false) throw bigEndian(where);
  const value = next();
  const keys = next();
  if (!Array.isArray(keys)) throw fail('expected the list of storage keys');
  const found = new Map<string, Uint8Array>();
  for (const key of keys) {
    if (typeof key !== 'string' && typeof key !== 'number')
      throw fail(`expected the key of a storage, got ${say(key)}`);
    found.set(String(key), nextStorage(String(key)));
  }
  const storages = (storage: Storage) => {
    const data = found.get(storage.key);
    if (data && data.length >= storageBytes(storage)) return data;
    throw fail(`storage ${quote(storage.key)} is missing or too short`);
  };
  return { value, storages };

  function nextStorage(key: string): Uint8Array {
    const storage = named.get(key);
    if (!storage) throw fail(`storage ${quote(key)} belongs to no tensor`);
    if (bytes.length - at < 8) throw fail('expected 8 bytes with the length of a storage');
    const count = new DataView(bytes.buffer, bytes.byteOffset + at, 8).getBigInt64(0, true);
    const length = storageBytes(storage);
    if (count !== BigInt(storage.count))
      throw fail(`storage ${quote(key)} of ${count} elements, expected ${storage.count}`);
    if (length > bytes.length - at - 8)
      throw fail(`storage of ${length} bytes in a file that has ${bytes.length - at - 8} left`);
    const start = at + 8;
    at = start + length;
    return bytes.subarray(start, at);
  }
}

function readTensor(
  { storage, offset, size, stride }: StoredTensor,
  storages: Storages,
  budget: Budget,
  where: string,
): Tensor {
  const dtype = storageTypes[storage.type]!;
  const width = dtypeBytes[dtype];
  const data = storages(storage);
  const count = elementCount(size)!;
  if (!budget.copy(count * width)) {
    throw inputError(
      `${where}: tensors of together over four times the size of the file. Save them without shared or repeated elements.`,
    );
  }
  const ordered = isRowMajor(size, stride);
  return {
    dtype,
    shape: size,
    data: ordered
      ? data.subarray(offset * width, (offset + count) * width)
      : gather(data, size, stride, offset, width),
  };
}

function isRowMajor(size: readonly number[], stride: readonly number[]): boolean {
  const expected = rowMajorStrides(size);
  return size.includes(0) || stride.every((step, d) => size[d] === 1 || step === expected[d]);
}
