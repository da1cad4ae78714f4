// PyTorch's .pth files, zip and legacy form: nested data with tensors, read as views of the file's
// bytes where they lie in order. Spec 1.6. Writing is in torchWrite.ts.
import { inputError } from '../errors.ts';
import { gather, storageTypes } from './pickle/rules.ts';
import { unpickle } from './pickle/unpickle.ts';
import { failAt, isKind, type Pickled, type Storage, type StoredTensor } from './pickle/values.ts';
import { type Dtype, dtypeBytes, type Tensor } from './tensor.ts';
import { isZip, readStoredZip } from './zipStored.ts';

/** A storage's key → its bytes. */
type Storages = (storage: Storage) => Uint8Array;

export interface TorchFile {
  readonly format: 'torch-zip' | 'torch-legacy';
  readonly tensors: Map<string, Tensor>;
  /** Names of the dicts that lead to the tensors: 'state_dict'. */
  readonly path: readonly string[];
}

const legacyMagic = 0x1950a86a20f9469cfc6cn;

/** Whether the bytes begin as a legacy file does: PROTO 2, then LONG1 of ten bytes. */
export const isLegacyTorch = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x80 && bytes[2] === 0x8a && bytes[3] === 0x0a && bytes[4] === 0x6c;

/** Tensors are views of `bytes` where they are contiguous. */
export function parseTorch(bytes: Uint8Array, where: string): TorchFile {
  const zip = isZip(bytes);
  const { value, storages } = zip ? readZip(bytes, where) : readLegacy(bytes, where);
  const { dict, path } = findTensors(value, where);
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of dict) tensors.set(name, materialize(tensor, storages, where, name));
  return { format: zip ? 'torch-zip' : 'torch-legacy', tensors, path };
}

function readZip(bytes: Uint8Array, where: string): { value: Pickled; storages: Storages } {
  const members = readStoredZip(bytes, where);
  const pickles = [...members.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) {
    throw inputError(
      `${where}: expected one data.pkl in this zip file, got ${pickles.length}. It is no .pth file of PyTorch.`,
    );
  }
  const folder = pickles[0]!.split('/')[0]!;
  const order = members.get(`${folder}/byteorder`);
  if (order && new TextDecoder().decode(order).trim() === 'big')
    throw inputError(`${where}: big-endian .pth files are not read. Save it on another machine.`);
  const { value } = unpickle(members.get(pickles[0]!)!, `${where}, data.pkl`);
  const storages = ({ key, type, count }: Storage) => {
    const data = members.get(`${folder}/data/${key}`);
    const expected = count * dtypeBytes[storageTypes[type]!];
    if (data === undefined || data.length < expected) {
      throw inputError(
        `${where}: expected ${expected} bytes in ${folder}/data/${key}, got ${data?.length ?? 'no such member'}. The file is damaged; fetch it anew.`,
      );
    }
    return data;
  };
  return { value, storages };
}

function readLegacy(bytes: Uint8Array, where: string): { value: Pickled; storages: Storages } {
  let at = 0;
  const next = () => {
    const { value, end } = unpickle(bytes, where, at);
    at = end;
    return value;
  };
  const fail = failAt(where, () => at);
  const [magic, version] = [next(), next()];
  if (magic !== legacyMagic || version !== 1001)
    throw fail('expected the magic number and version 1001 of a legacy .pth file');
  next(); // Facts about the machine that wrote it.
  const value = next();
  const keys = next();
  if (!Array.isArray(keys)) throw fail('expected the list of storage keys');
  const counted = countStorages(value);
  const found = new Map<string, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const key of keys) {
    const storage = counted.get(String(key));
    if (!storage) throw fail(`storage ${String(key)} belongs to no tensor`);
    if (bytes.length - at < 8) throw fail('expected 8 bytes of a storage’s length');
    const count = Number(view.getBigInt64(at, true));
    const length = storage.count * dtypeBytes[storageTypes[storage.type]!];
    if (count !== storage.count || length > bytes.length - at - 8)
      throw fail(`storage ${String(key)} of ${count} elements, expected ${storage.count}`);
    found.set(storage.key, bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  const storages = ({ key }: Storage) => {
    const data = found.get(key);
    if (!data) throw fail(`storage ${key} is missing`);
    return data;
  };
  return { value, storages };
}

/** Every storage that the value's tensors lie in, by key. */
function countStorages(value: Pickled): Map<string, Storage> {
  const storages = new Map<string, Storage>();
  walk(value, (found) => {
    if (isKind(found, 'tensor')) storages.set(found.storage.key, found.storage);
  });
  return storages;
}

/** Calls `visit` once for every container and tensor in the value, whatever is shared or circular. */
function walk(value: Pickled, visit: (value: Pickled) => void): void {
  const seen = new Set<Pickled>();
  const open: Pickled[] = [value];
  while (open.length > 0) {
    const next = open.pop()!;
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    seen.add(next);
    visit(next);
    if (Array.isArray(next)) for (const item of next) open.push(item);
    else if (next instanceof Map) for (const item of next.values()) open.push(item);
  }
}

/** Wrappers in the order in which they are looked into, where a file holds several. */
const preferred = ['state_dict', 'model_state_dict', 'model', 'net', 'network', 'weights'];

/** The dict of tensors: the file's own, or the one that a training script put into another dict. */
function findTensors(value: Pickled, where: string) {
  const found: { dict: [string, StoredTensor][]; path: string[] }[] = [];
  const look = (dict: Pickled | undefined, path: string[]) => {
    if (!(dict instanceof Map)) return;
    const tensors = [...dict].filter(
      (entry): entry is [string, StoredTensor] =>
        typeof entry[0] === 'string' && isKind(entry[1], 'tensor'),
    );
    if (tensors.length > 0) found.push({ dict: tensors, path });
    else if (path.length < 3)
      for (const [key, inner] of dict) if (typeof key === 'string') look(inner, [...path, key]);
  };
  look(value, []);
  const rank = ({ path }: { path: string[] }) => {
    const at = preferred.indexOf(path.at(-1) ?? preferred[0]!);
    return at < 0 ? preferred.length : at;
  };
  const best = found.sort((a, b) => a.path.length - b.path.length || rank(a) - rank(b))[0];
  if (!best) {
    throw inputError(
      `${where}: expected a state dict (names and tensors), found none. Save one with torch.save(model.state_dict(), …).`,
    );
  }
  const rivals = found.filter((other) => rank(other) === rank(best) && other !== best);
  if (rank(best) === preferred.length && rivals.length > 0) {
    const names = [best, ...rivals].map(({ path }) => path.join('.')).slice(0, 8);
    throw inputError(
      `${where}: expected one state dict, found ${names.length}: ${names.join(', ')}. Save the one that is meant on its own.`,
    );
  }
  return best;
}

function materialize(
  tensor: StoredTensor,
  storages: Storages,
  where: string,
  name: string,
): Tensor {
  const { storage, offset, size, stride } = tensor;
  const dtype: Dtype = storageTypes[storage.type]!;
  const bytes = dtypeBytes[dtype];
  const data = storages(storage);
  const count = size.reduce((a, b) => a * b, 1);
  if (data.length < storage.count * bytes)
    throw inputError(`${where}: tensor '${name}' lies outside of the file.`);
  if (isRowMajor(size, stride)) {
    return { dtype, shape: size, data: data.subarray(offset * bytes, (offset + count) * bytes) };
  }
  return { dtype, shape: size, data: gather(data, size, stride, offset, bytes) };
}

function isRowMajor(size: readonly number[], stride: readonly number[]): boolean {
  let expected = 1;
  for (let d = size.length - 1; d >= 0; d--) {
    if (size[d] !== 1 && stride[d] !== expected) return false;
    expected *= size[d]!;
  }
  return true;
}
