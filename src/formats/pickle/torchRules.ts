// How torch's tensors are pickled: a storage named by a persistent id, and a strided view of it that
// must lie inside. Spec 1.6.
import { type Dtype, elementCount, formatShape } from '../tensor.ts';
import { type Call, isWhole, wholeNumbers } from './numpyRules.ts';
import { isKind, type Pickled, type Reading, type Storage, say } from './values.ts';

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

/** The persistent id ('storage', class, key, location, elements[, view]). */
export function storageOf(id: Pickled, { fail }: Reading): Storage {
  const [tag, type, key, , count, view] = Array.isArray(id) ? id : [];
  const name = isKind(type, 'global') ? type.name.replace(/^torch\./, '') : '';
  if (tag !== 'storage' || !Object.hasOwn(storageTypes, name))
    throw fail(`expected the id of a storage, got ${say(id)}`);
  if ((typeof key !== 'string' && typeof key !== 'number') || !isWhole(count))
    throw fail('expected a storage to have a key and a number of elements');
  // The legacy form can say here that the storage is part of another; no torch since 2018 does.
  if (view !== undefined && view !== null) throw fail('views of storages are not read');
  return { kind: 'storage', type: name, key: String(key), count };
}

/** `_rebuild_tensor_v2(storage, offset, size, stride, …)`. */
export const rebuildTensor: Call = ([storage, offset, sides, steps], { fail }) => {
  if (!isKind(storage, 'storage')) throw fail(`expected a storage, got ${say(storage)}`);
  const [size, stride] = [wholeNumbers(sides), wholeNumbers(steps)];
  if (!isWhole(offset) || !size || !stride || size.length !== stride.length)
    throw fail('expected a tensor’s offset, and as many sizes as strides, to be whole numbers');
  const count = elementCount(size);
  const last = size.reduce((sum, side, d) => sum + (side - 1) * stride[d]!, offset);
  // A view may repeat elements; one with more of them than its storage holds is not unfolded.
  if (
    count === undefined ||
    count > storage.count ||
    (count > 0 ? last >= storage.count : offset > storage.count)
  )
    throw fail(
      `a tensor ${formatShape(size)} at ${offset} reaches outside of its ${storage.count} elements`,
    );
  return { kind: 'tensor', storage, offset, size, stride };
};
