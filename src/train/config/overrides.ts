// `-o a.b.c=value`: changes single settings of a config. The value is YAML. Dots descend into maps,
// into the arguments of tagged objects and into lists, there by position (`schedulers.0.gamma`) or by
// the class or operation that an item is for (`schedulers.PiecewiseDecay.gamma`). Whatever else is
// there stays. Overriding the place of an `&anchor` also changes every `*alias` of it.
import { usageError } from '../../errors.ts';
import { type ConfigNode, className, type ListNode, type MapNode, type Place } from './node.ts';
import { parseYaml } from './yaml.ts';

/** The operation that an item of a transform list is for: `- TopDownAffine: {...}`. */
function operationName(node: ConfigNode): string | undefined {
  return node.kind === 'map' && node.entries.size === 1 ? [...node.entries.keys()][0] : undefined;
}

function itemIndex(list: ListNode, segment: string): { index: number; byOperation: boolean } {
  if (/^\d{1,6}$/.test(segment)) return { index: Number(segment), byOperation: false };
  const classes = list.items.findIndex((item) => className(item) === segment);
  if (classes >= 0) return { index: classes, byOperation: false };
  return {
    index: list.items.findIndex((item) => operationName(item) === segment),
    byOperation: true,
  };
}

function setInList(list: ListNode, path: readonly string[], value: ConfigNode): ConfigNode {
  const { index, byOperation } = itemIndex(list, path[0]!);
  const item = list.items[index];
  if (item === undefined) {
    const names = list.items.map((entry) => className(entry) ?? operationName(entry) ?? '');
    const known = names.some(Boolean) ? ` (${names.filter(Boolean).join(', ')})` : '';
    throw usageError(
      `${value.place.file}: '${path[0]}' is no item of this list of ${list.items.length}${known}. Use a position from 0${known && ' or one of the names'}.`,
    );
  }
  const changed = setAt(item, byOperation ? path : path.slice(1), value);
  return { ...list, items: list.items.with(index, changed) };
}

/** `node` with `value` at `path`; missing maps on the way are made. */
function setAt(
  node: ConfigNode | undefined,
  path: readonly string[],
  value: ConfigNode,
): ConfigNode {
  if (path.length === 0) return value;
  if (node?.kind === 'list') return setInList(node, path, value);
  const [key, ...rest] = path as [string, ...string[]];
  const map: MapNode =
    node?.kind === 'map' ? node : { kind: 'map', entries: new Map(), place: value.place };
  const entries = new Map(map.entries).set(key, setAt(map.entries.get(key), rest, value));
  return { ...map, entries };
}

function nodeAt(node: ConfigNode | undefined, path: readonly string[]): ConfigNode | undefined {
  if (node === undefined || path.length === 0) return node;
  if (node.kind === 'map') return nodeAt(node.entries.get(path[0]!), path.slice(1));
  if (node.kind === 'scalar') return undefined;
  const { index, byOperation } = itemIndex(node, path[0]!);
  return nodeAt(node.items[index], byOperation ? path : path.slice(1));
}

/** Every `*alias` of `anchor` replaced by `value`. */
function replaceAliases(node: ConfigNode, anchor: symbol, value: ConfigNode): ConfigNode {
  if (node.alias === anchor) return { ...value, alias: anchor };
  if (node.kind === 'list')
    return { ...node, items: node.items.map((item) => replaceAliases(item, anchor, value)) };
  if (node.kind === 'scalar') return node;
  const entries = [...node.entries].map(
    ([key, entry]) => [key, replaceAliases(entry, anchor, value)] as const,
  );
  return { ...node, entries: new Map(entries) };
}

/** Deepest path of an override; configs are four levels deep. */
const maxSegments = 16;

function parseOverride(text: string, warnings: string[]): { path: string[]; value: ConfigNode } {
  const equals = text.indexOf('=');
  const path = text.slice(0, Math.max(equals, 0)).trim().split('.');
  if (equals < 1 || path.includes('') || path.length > maxSegments)
    throw usageError(
      `-o: expected key=value with dots between the levels of the key, as in TrainReader.batch_size=32, got '${text.slice(0, 80)}'.`,
    );
  const place: Place = { file: `-o ${text.slice(0, 80)}`, line: 0 };
  return { path, value: parseYaml(text.slice(equals + 1), place, warnings) };
}

/** The tree with all overrides applied, in order. */
export function applyOverrides(
  tree: MapNode,
  overrides: readonly string[],
  warnings: string[],
): MapNode {
  return overrides.reduce((current, text) => {
    const { path, value } = parseOverride(text, warnings);
    const anchor = nodeAt(current, path)?.anchor;
    if (anchor === undefined) return setAt(current, path, value) as MapNode;
    const changed = setAt(current, path, { ...value, anchor });
    return replaceAliases(changed, anchor, value) as MapNode;
  }, tree);
}
