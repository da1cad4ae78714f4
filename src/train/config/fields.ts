// How a table of settings is read from a config tree. A field knows what it expects, what holds when
// it is absent and what it means; the kinds of fields are in values.ts and
// groups.ts, the tables themselves in schema.ts.
import { inputError } from '../../errors.ts';
import { didYouMean } from '../../nearest.ts';
import { type ConfigNode, describeNode, type MapNode, type Place, placeText } from './node.ts';

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

export function readField<T>(
  field: Field<T>,
  node: ConfigNode,
  path: string,
  warnings: string[],
): T {
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

export const scalarOf = (node: ConfigNode) => (node.kind === 'scalar' ? node.value : undefined);
export const listOf = (node: ConfigNode) => (node.kind === 'list' ? node.items : undefined);
