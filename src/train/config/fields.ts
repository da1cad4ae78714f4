// How a table of settings is read from a config tree. A field knows what it expects, what holds when
// it is absent and what it means; the tables themselves are in schema.ts.
import { inputError } from '../../errors.ts';
import { didYouMean } from '../../nearest.ts';
import {
  type ConfigNode,
  className,
  describeNode,
  type MapNode,
  type Place,
  placeText,
} from './node.ts';

/** Value of a node, or undefined when the node is not of the expected kind. */
type Read<T> = (node: ConfigNode, path: string, warnings: string[]) => T | undefined;

export interface Field<T> {
  /** What is expected, as a noun: "a number of at least 0". */
  readonly expected: string;
  readonly read: Read<T>;
  /** Holds when the setting is absent. */
  readonly fallback: T;
  /** Meaning and unit, one line; an empty line for what is accepted and not used. */
  readonly doc: string;
  /** The table below, for a section. */
  readonly fields?: Fields;
  /** The tables of the classes or operations that may stand here. */
  readonly choices?: Readonly<Record<string, Fields>>;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds fields of every type.
export type Fields = Readonly<Record<string, Field<any>>>;

/** What a table is read into; `$node` is where it stands in the config, for complaints. */
export type Values<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
} & { readonly $node: MapNode | undefined };

export const failAt = (place: Place, text: string): never => {
  throw inputError(`${placeText(place)}: ${text}`);
};

/** `key:` with nothing after it; that is as good as no key where a setting is optional or text. */
const isAbsent = <T>(node: ConfigNode | undefined, field: Field<T>): boolean =>
  node === undefined ||
  (node.kind === 'scalar' &&
    node.value === null &&
    (field.fallback === undefined || typeof field.fallback === 'string'));

/** The nearest key of the table, or, for a key at the wrong level, `Section.key`. */
function suggestion(key: string, fields: Fields): string {
  const near = didYouMean(key, Object.keys(fields));
  if (near !== '') return near;
  for (const [section, { fields: inner = {} }] of Object.entries(fields)) {
    if (Object.hasOwn(inner, key)) return ` Did you mean '${section}.${key}'?`;
  }
  return '';
}

function readField<T>(field: Field<T>, node: ConfigNode, path: string, warnings: string[]): T {
  const value = field.read(node, path, warnings);
  if (value !== undefined) return value;
  return failAt(node.place, `${path}: expected ${field.expected}, got ${describeNode(node)}.`);
}

/**
 * The values of a table. Keys that the table does not have give a warning with the nearest one that
 * it has; a key with an `&anchor` is there for its aliases and needs no reader.
 */
export function readFields<F extends Fields>(
  fields: F,
  node: MapNode | undefined,
  path: string,
  warnings: string[],
): Values<F> {
  const name = (key: string) => (path === '' ? key : `${path}.${key}`);
  for (const [key, entry] of node?.entries ?? []) {
    if (Object.hasOwn(fields, key) || entry.anchor !== undefined) continue;
    const near = suggestion(key, fields);
    warnings.push(
      `${placeText(entry.place)}: unknown setting '${name(key)}'.${near} It has no effect.`,
    );
  }
  const values = Object.entries(fields).map(([key, field]) => {
    const entry = node?.entries.get(key);
    return [
      key,
      isAbsent(entry, field) ? field.fallback : readField(field, entry!, name(key), warnings),
    ] as const;
  });
  return { ...Object.fromEntries(values), $node: node } as Values<F>;
}

/** Where `key` of a table's values stands; where its section stands if the key is absent. */
export function placeOf(values: { readonly $node: MapNode | undefined }, key: string): Place {
  const node = values.$node;
  return node?.entries.get(key)?.place ?? node?.place ?? { file: 'config', line: 0 };
}

const scalarOf = (node: ConfigNode) => (node.kind === 'scalar' ? node.value : undefined);
const listOf = (node: ConfigNode) => (node.kind === 'list' ? node.items : undefined);

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

/** A nested table. */
export const section = <F extends Fields>(fields: F): Field<Values<F>> => ({
  expected: "a map of 'key: value'",
  read: (node, path, warnings) => {
    if (node.kind === 'map') return readFields(fields, node, path, warnings);
    // `Section:` with nothing below is an empty section.
    return scalarOf(node) === null ? readFields(fields, undefined, path, warnings) : undefined;
  },
  fallback: readFields(fields, undefined, '', []),
  doc: '',
  fields,
});

/** A section that `false` or nothing switches off. */
export const optionalSection = <F extends Fields>(fields: F): Field<Values<F> | undefined> => {
  const inner = section(fields);
  return {
    ...inner,
    expected: `${inner.expected}, or false`,
    read: (node, path, warnings) =>
      scalarOf(node) === false ? inner.fallback : inner.read(node, path, warnings),
  };
};

type Named<T extends Readonly<Record<string, Fields>>> = {
  readonly [K in keyof T & string]: {
    readonly name: K;
    readonly args: Values<T[K]>;
    readonly place: Place;
  };
}[keyof T & string];

function readNamed<T extends Readonly<Record<string, Fields>>>(
  table: T,
  name: string,
  args: MapNode,
  path: string,
  warnings: string[],
): Named<T> {
  if (!Object.hasOwn(table, name)) {
    const known = Object.keys(table);
    failAt(
      args.place,
      `${path}: '${name}' is not supported here.${didYouMean(name, known)} Expected one of ${known.join(', ')}.`,
    );
  }
  const values = readFields(table[name]!, args, `${path}.${name}`, warnings);
  return { name, args: values, place: args.place } as Named<T>;
}

const emptyMap = (place: Place): MapNode => ({ kind: 'map', entries: new Map(), place });

/** An object of a class in the table: `!Class {...}` or `{name: Class, ...}`. */
export const object = <T extends Readonly<Record<string, Fields>>>(
  table: T,
  doc: string,
): Field<Named<T> | undefined> => ({
  expected: `one of ${Object.keys(table)
    .map((name) => `!${name}`)
    .join(', ')}`,
  read: (node, path, warnings) => {
    const name = className(node);
    if (name === undefined || node.kind !== 'map') return undefined;
    const args = new Map(node.entries);
    if (node.tag === undefined) args.delete('name');
    return readNamed(table, name, { ...node, entries: args }, path, warnings);
  },
  fallback: undefined,
  doc,
  choices: table,
});

/** A list of objects. */
export const objects = <T extends Readonly<Record<string, Fields>>>(
  table: T,
  doc: string,
): Field<readonly Named<T>[]> => {
  const single = object(table, doc);
  return {
    expected: `a list of ${Object.keys(table)
      .map((name) => `!${name}`)
      .join(', ')}`,
    read: (node, path, warnings) =>
      listOf(node)?.map((item, i) => readField(single, item, `${path}.${i}`, warnings)!),
    fallback: [],
    doc,
    choices: table,
  };
};

/** A list of one-key maps `- Operation: {arguments}`. */
export const operations = <T extends Readonly<Record<string, Fields>>>(
  table: T,
  doc: string,
): Field<readonly Named<T>[]> => ({
  expected: "a list of operations '- Name: {arguments}'",
  read: (node, path, warnings) =>
    listOf(node)?.map((item) => {
      const entries = item.kind === 'map' ? [...item.entries] : [];
      const [name, args] = entries[0] ?? ['', item];
      const given = args.kind === 'map' ? args : emptyMap(item.place);
      const empty = args.kind === 'scalar' && args.value === null;
      if (entries.length !== 1 || (args.kind !== 'map' && !empty))
        failAt(item.place, `${path}: expected '- Name: {arguments}', got ${describeNode(item)}.`);
      return readNamed(table, name, { ...given, place: item.place }, path, warnings);
    }),
  fallback: [],
  doc,
  choices: table,
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
