// The values of a whole config, and what the parts of resolving have in common.
import { failAt, readFields, type Values } from './fields.ts';
import type { MapNode } from './node.ts';
import { rootFields } from './schema.ts';

export type Root = Values<typeof rootFields>;

/** The values of all settings; unknown keys are added to `warnings`. */
export const readRoot = (tree: MapNode, warnings: string[]): Root =>
  readFields(rootFields, tree, '', warnings);

/** A setting that has no default. */
export function required<T>(root: Root, value: T | undefined, what: string, example: string): T {
  if (value !== undefined) return value;
  return failAt(root.$node!.place, `'${what}' is missing. Add it, for example '${example}'.`);
}

/** The item of a list that is for the class or operation `name`. */
export const findOperation = <N extends string, O extends { readonly name: string }>(
  list: readonly O[],
  name: N,
) => list.find((operation): operation is Extract<O, { name: N }> => operation.name === name);
