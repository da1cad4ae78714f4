// Paddle's .pdparams and .pdopt files: a pickled dict of arrays. Spec 1.6.
import { inputError } from '../errors.ts';
import { unpickle } from './pickle/unpickle.ts';
import { isKind, type Pickled, say } from './pickle/values.ts';
import { writePickle } from './pickle/write.ts';
import type { Tensor } from './tensor.ts';

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
  const { value } = unpickle(bytes, where);
  if (!(value instanceof Map)) {
    throw inputError(
      `${where}: expected a dict of arrays, as .pdparams files hold, got ${say(value)}.`,
    );
  }
  if (value.has(slicesKey)) {
    throw inputError(
      `${where}: arrays in several slices (over 2^30 bytes, protocol 2) are not read. Save the file with Paddle 2.1 or later.`,
    );
  }
  const tensors = new Map<string, Tensor>();
  const others: string[] = [];
  for (const [name, entry] of value) {
    if (typeof name !== 'string' || name === nameTableKey) continue;
    const tensor = arrayOf(entry);
    if (tensor) tensors.set(name, tensor);
    else others.push(name);
  }
  return { tensors, nameTable: readNameTable(value.get(nameTableKey)), others };
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
