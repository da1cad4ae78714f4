// Paddle's .pdparams and .pdopt files: a pickled dict of arrays. Spec 1.6.
import { inputError } from '../errors.ts';
import { type Budget, budgetFor } from './budget.ts';
import { joinBytes } from './joinBytes.ts';
import { wholeNumbers } from './pickle/numpyRules.ts';
import { unpickle } from './pickle/unpickle.ts';
import { isKind, type Pickled, say } from './pickle/values.ts';
import { writePickle } from './pickle/write.ts';
import { dtypeBytes, elementCount, formatShape, type Tensor } from './tensor.ts';

/** Key of the dict from structured names to those inside of Paddle. */
export const nameTableKey = 'StructuredToParameterName@@';
const slicesKey = 'UnpackBigParamInfor@@';

export interface PaddleFile {
  readonly tensors: Map<string, Tensor>;
  /** Structured name → unique name; empty in a .pdopt. */
  readonly nameTable: Map<string, string>;
  /** Keys of what is no tensor: 'LR_Scheduler', 'last_epoch'. */
  readonly others: readonly string[];
}

export function parsePaddle(bytes: Uint8Array, where: string): PaddleFile {
  const budget = budgetFor(bytes.length);
  const { value } = unpickle(bytes, { where, budget });
  if (!(value instanceof Map)) {
    throw inputError(
      `${where}: expected a dict of arrays, as .pdparams files hold, got ${say(value)}.`,
    );
  }
  const tensors = new Map<string, Tensor>();
  const others: string[] = [];
  for (const [name, entry] of value) {
    if (typeof name !== 'string' || name === nameTableKey || name === slicesKey) continue;
    const tensor = arrayOf(entry);
    if (tensor) tensors.set(name, tensor);
    else others.push(name);
  }
  checkTotal(tensors, budget, where);
  joinSlices(tensors, value.get(slicesKey), where);
  return { tensors, nameTable: readNameTable(value.get(nameTableKey)), others };
}

/** One array can stand under any number of names. */
function checkTotal(tensors: ReadonlyMap<string, Tensor>, budget: Budget, where: string): void {
  for (const { data } of tensors.values()) {
    if (!budget.copy(data.length)) {
      throw inputError(
        `${where}: arrays of together over four times the size of the file. Save them without shared arrays.`,
      );
    }
  }
}

/**
 * Protocols 2 and 3 cut an array of 2^30 bytes and more into flat slices 'name@@.0', 'name@@.1', … and
 * keep its shape and their names apart. Each slice serves once, so that the whole stays within the file.
 */
function joinSlices(tensors: Map<string, Tensor>, table: Pickled | undefined, where: string): void {
  if (!(table instanceof Map)) return;
  for (const [name, about] of table) {
    const wrong = (what: string) =>
      inputError(
        `${where}: slices of array ${say(name)}: ${what}. The file is damaged; fetch it anew.`,
      );
    if (typeof name !== 'string' || !(about instanceof Map))
      throw wrong('expected a shape and names');
    const shape = wholeNumbers(about.get('OriginShape'));
    const names = about.get('slices');
    if (!shape || !Array.isArray(names)) throw wrong('expected a shape and names');
    const parts = names.map((part) => {
      const tensor = typeof part === 'string' ? tensors.get(part) : undefined;
      if (!tensor) throw wrong(`expected an array ${say(part)}`);
      tensors.delete(part as string);
      return tensor;
    });
    const dtype = parts[0]?.dtype ?? 'F32';
    const bytes = parts.reduce((sum, { data }) => sum + data.length, 0);
    if (
      parts.some((part) => part.dtype !== dtype) ||
      bytes !== (elementCount(shape) ?? -1) * dtypeBytes[dtype]
    )
      throw wrong(`${bytes} bytes do not make ${dtype} ${formatShape(shape)}`);
    tensors.set(name, { dtype, shape, data: joinBytes(parts.map(({ data }) => data)) });
  }
}

/** A bare array, or the pair of a name and an array that optimizer states are written as. */
function arrayOf(entry: Pickled): Tensor | undefined {
  const array = Array.isArray(entry) && entry.length === 2 ? entry[1] : entry;
  return isKind(array, 'ndarray') ? array.tensor : undefined;
}

function readNameTable(table: Pickled | undefined): Map<string, string> {
  const names = new Map<string, string>();
  if (!(table instanceof Map)) return names;
  for (const [structured, unique] of table)
    if (typeof structured === 'string' && typeof unique === 'string') names.set(structured, unique);
  return names;
}

/** A .pdparams file in pieces: protocol 4, as Paddle writes it, names in the order given. */
export function layoutPaddle(
  tensors: ReadonlyMap<string, Tensor>,
  nameTable: ReadonlyMap<string, string>,
): readonly Uint8Array[] {
  return writePickle((out) => {
    out.dict([
      ...Array.from(tensors, ([name, tensor]) => [name, () => out.array(tensor)] as const),
      [
        nameTableKey,
        () =>
          out.dict(
            Array.from(nameTable, ([name, unique]) => [name, () => out.text(unique)] as const),
          ),
      ],
    ]);
  });
}
