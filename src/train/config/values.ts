// Fields that hold one value or a list of numbers, and the fields that take no part.
import { type Field, listOf, scalarOf } from './fields.ts';
import { type ConfigNode, placeText } from './node.ts';

interface Range {
  readonly min?: number;
  readonly max?: number;
}

function rangeText({ min, max }: Range): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? '' : ` of at most ${max}`;
}

function numberIn({ min = -Infinity, max = Infinity }: Range, whole: boolean) {
  return (node: ConfigNode): number | undefined => {
    const value = scalarOf(node);
    if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
    return value >= min && value <= max && (!whole || Number.isSafeInteger(value))
      ? value
      : undefined;
  };
}

export const number = <T = number>(
  fallback: T,
  doc: string,
  range: Range = {},
): Field<number | T> => ({
  expected: `a number${rangeText(range)}`,
  read: numberIn(range, false),
  fallback,
  doc,
});

export const whole = <T = number>(
  fallback: T,
  doc: string,
  range: Range = {},
): Field<number | T> => ({
  expected: `a whole number${rangeText(range)}`,
  read: numberIn(range, true),
  fallback,
  doc,
});

export const flag = (fallback: boolean, doc: string): Field<boolean> => ({
  expected: 'true or false',
  read: (node) => (typeof scalarOf(node) === 'boolean' ? (scalarOf(node) as boolean) : undefined),
  fallback,
  doc,
});

export const text = <T = string>(fallback: T, doc: string): Field<string | T> => ({
  expected: 'text',
  read: (node) => {
    const value = scalarOf(node);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  },
  fallback,
  doc,
});

export const oneOf = <const T extends string>(
  choices: readonly T[],
  fallback: NoInfer<T>,
  doc: string,
): Field<T> => ({
  expected: `one of ${choices.join(', ')}`,
  read: (node) => choices.find((choice) => choice === scalarOf(node)),
  fallback,
  doc,
});

/** A number or a list of numbers; `single` says whether a lone number is allowed. */
function numbersOf(node: ConfigNode, range: Range, integers: boolean): number[] | undefined {
  const values = listOf(node)?.map(numberIn(range, integers));
  return values?.every((value) => value !== undefined) ? (values as number[]) : undefined;
}

export const numbers = <T = readonly number[]>(
  fallback: T,
  doc: string,
  { length, integers = false, ...range }: Range & { length?: number; integers?: boolean } = {},
): Field<readonly number[] | T> => ({
  expected: `a list of ${length ?? ''}${length === undefined ? '' : ' '}${integers ? 'whole ' : ''}numbers${rangeText(range)}`,
  read: (node) => {
    const values = numbersOf(node, range, integers);
    return length === undefined || values?.length === length ? values : undefined;
  },
  fallback,
  doc,
});

/** A number, or a list of them (which is kept as a list). */
export const numberOrNumbers = (
  fallback: number | readonly number[],
  doc: string,
  range: Range,
): Field<number | readonly number[]> => ({
  expected: `a number${rangeText(range)} or a list of such`,
  read: (node) => numberIn(range, false)(node) ?? numbersOf(node, range, false),
  fallback,
  doc,
});

/** `[width, height]` in pixels. */
export const size = (doc: string): Field<readonly [number, number] | undefined> => ({
  expected: '[width, height] in whole pixels',
  read: (node) => {
    const values = numbersOf(node, { min: 1, max: 8192 }, true);
    return values?.length === 2 ? [values[0]!, values[1]!] : undefined;
  },
  fallback: undefined,
  doc,
});

type Pair = readonly [number, number];

export const pairs = (doc: string): Field<readonly Pair[] | undefined> => ({
  expected: 'a list of pairs [left, right] of keypoint indices',
  read: (node) => {
    const values = listOf(node)?.map((item) => numbersOf(item, { min: 0 }, true));
    return values?.every((value) => value?.length === 2)
      ? (values as unknown as Pair[])
      : undefined;
  },
  fallback: undefined,
  doc,
});

/** Only one value is supported; another is an error, because training would differ. */
export const only = <T extends string | number | boolean>(value: T, doc: string): Field<T> => ({
  expected: `${value}, the only value that is supported`,
  read: (node) => {
    const single = node.kind === 'list' && node.items.length === 1 ? node.items[0]! : node;
    return scalarOf(single) === value ? value : undefined;
  },
  fallback: value,
  doc,
});

/** Accepted so that files of PaddleDetection work unchanged; has no effect here and needs none. */
export const unused: Field<null> = {
  expected: 'anything',
  read: () => null,
  fallback: null,
  doc: '',
};

/** Something that is left out: silent while it is off, a warning that says what holds instead otherwise. */
export const leftOut = (instead: string): Field<null> => ({
  expected: 'anything',
  read: (node, path, warnings) => {
    const value = scalarOf(node);
    if (value !== null && value !== false && value !== 0)
      warnings.push(`${placeText(node.place)}: ${path} has no effect: ${instead}.`);
    return null;
  },
  fallback: null,
  doc: '',
});
