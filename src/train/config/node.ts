// A config file as a tree that remembers where everything stands, so that every complaint can name
// file and line. Trees are never changed: merging and overriding build new ones.

/** Where something was written; `line` counts from 1, 0 stands for a `-o` option. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export type Scalar = string | number | boolean | null;

interface Common {
  readonly place: Place;
  /** Class name of `!Name`, without the exclamation mark. */
  readonly tag?: string;
  /** Identity of the `&anchor` that stands here. */
  readonly anchor?: symbol;
  /** Identity of the anchor that an `*alias` written here refers to. */
  readonly alias?: symbol;
}

export interface ScalarNode extends Common {
  readonly kind: 'scalar';
  readonly value: Scalar;
}

export interface ListNode extends Common {
  readonly kind: 'list';
  readonly items: readonly ConfigNode[];
}

/** The place of an entry is that of its key. */
export interface MapNode extends Common {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, ConfigNode>;
}

export type ConfigNode = ScalarNode | ListNode | MapNode;

/** `file:line` or the `-o` option itself. */
export const placeText = ({ file, line }: Place): string => (line > 0 ? `${file}:${line}` : file);

/** Which class a map is written for: its tag, or its `name` entry. */
export function className(node: ConfigNode): string | undefined {
  if (node.tag !== undefined) return node.tag;
  const name = node.kind === 'map' ? node.entries.get('name') : undefined;
  return name?.kind === 'scalar' && typeof name.value === 'string' ? name.value : undefined;
}

/** How a node is described in an error: "a list", "text 'abc'", "PiecewiseDecay {...}". */
export function describeNode(node: ConfigNode): string {
  if (node.kind === 'list') return `a list of ${node.items.length}`;
  if (node.kind === 'map') return node.tag === undefined ? 'a map' : `a map tagged !${node.tag}`;
  if (node.value === null) return 'nothing';
  if (typeof node.value === 'string') return `the text '${node.value.slice(0, 60)}'`;
  return String(node.value);
}

/** Plain data of a tree; a tagged map becomes the equal form with a `name` entry. */
export function toPlain(node: ConfigNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(toPlain);
  const entries = [...node.entries].map(([key, value]) => [key, toPlain(value)] as const);
  const named = node.tag !== undefined ? [['name', node.tag] as const, ...entries] : entries;
  return Object.fromEntries(named);
}
