// Fields that hold other tables: sections, objects of a class, and lists of objects or operations.
import { didYouMean } from '../../nearest.ts';
import {
  type Field,
  type Fields,
  failAt,
  listOf,
  readField,
  readFields,
  scalarOf,
  type Values,
} from './fields.ts';
import { className, describeNode, type MapNode, type Place } from './node.ts';

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
