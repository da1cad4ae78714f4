// What an unpickled file consists of here: plain data. No object is ever made by the name of its
// class; the few constructors that weight files use are rules in a table (rules.ts).
import { inputError } from '../../errors.ts';
import type { Tensor } from '../tensor.ts';

export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | LongText
  | Pickled[]
  | Map<Pickled, Pickled>
  | Global
  | NumpyDtype
  | NumpyArray
  | Storage
  | StoredTensor;

/** Text too long to be a name: its UTF-8 bytes, decoded by who needs it. Protocol 2 carries arrays so. */
export interface LongText {
  readonly kind: 'text';
  readonly utf8: Uint8Array;
}

/** A class or function by its name, of those that the table allows. */
export interface Global {
  readonly kind: 'global';
  readonly name: string;
}

export interface NumpyDtype {
  readonly kind: 'dtype';
  /** 'f4', 'i8', … */
  readonly code: string;
  bigEndian: boolean;
}

/** An array whose contents come with BUILD. */
export interface NumpyArray {
  readonly kind: 'ndarray';
  tensor: Tensor | undefined;
}

/** A torch storage, named by a persistent id; its bytes lie elsewhere in the file. */
export interface Storage {
  readonly kind: 'storage';
  /** FloatStorage, HalfStorage, … */
  readonly type: string;
  readonly key: string;
  /** Elements. */
  readonly count: number;
}

/** A torch tensor: a strided view of a storage, inside of it. Sizes, strides and offset in elements. */
export interface StoredTensor {
  readonly kind: 'tensor';
  readonly storage: Storage;
  readonly offset: number;
  readonly size: readonly number[];
  readonly stride: readonly number[];
}

/** Makes the one kind of error that reading a pickle has: what was wrong, and at which byte. */
export type Fail = (problem: string) => Error;

export const failAt =
  (where: string, place: () => string): Fail =>
  (problem) =>
    inputError(
      `${where}: ${problem} (at ${place()}). The file is damaged or holds more than weights; fetch it anew or convert it to safetensors.`,
    );

/** What a rule may ask of the machine that reads. */
export interface Reading {
  readonly fail: Fail;
  /** Before that many bytes are copied: throws where it is more than the file may come to. */
  readonly spend: (bytes: number) => void;
}

export const isKind = <
  K extends Exclude<
    Pickled,
    null | boolean | number | bigint | string | Uint8Array | Pickled[] | Map<Pickled, Pickled>
  >['kind'],
>(
  value: Pickled | undefined,
  kind: K,
): value is Extract<Pickled, { readonly kind: K }> =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;

/** A value as it may stand in a message: without control characters, not endless. */
export function say(value: Pickled | undefined): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Map) return `a dict of ${value.size}`;
  return value.kind === 'global' ? value.name : `a ${value.kind}`;
}

export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return `'${short.replace(/\p{C}/gu, '\u{fffd}')}'`;
}

/** A number where that is exact. */
export const narrow = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;
