// Reads YAML as PyYAML's full loader does (YAML 1.1: yes/no/on/off, octal 0o7 as 07, anchors, merge
// keys, !Tags), with two mends: `5e-4` is a number although it has no dot, and every node keeps its
// line. js-yaml finds the structure; values are made here. The reader is bounded in size, depth
// and alias expansion, and a tag never builds anything but a map with a name.
import {
  EVENT_ID,
  type Event,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  YAMLException,
} from 'js-yaml';
import { inputError } from '../../errors.ts';
import { type ConfigNode, type Place, placeText, type Scalar } from './node.ts';
import { plainScalar } from './scalar.ts';

/** Bounds: characters of a text, depth of nesting, nodes after aliases are expanded. */
export const yamlLimits = { characters: 1 << 20, depth: 64, nodes: 100_000 };

/** Mutable state of one reading. */
interface Reading {
  readonly source: string;
  readonly events: readonly Event[];
  readonly placeAt: (offset: number) => Place;
  readonly anchors: Map<string, { node: ConfigNode; size: number }>;
  readonly warnings: string[];
  next: number;
  /** Nodes built so far, with aliases counted as often as they are expanded. */
  size: number;
}

function fail(place: Place, problem: string): never {
  throw inputError(`${placeText(place)}: ${problem}`);
}

function grow(reading: Reading, by: number, place: Place): void {
  reading.size += by;
  if (reading.size > yamlLimits.nodes)
    fail(
      place,
      `more than ${yamlLimits.nodes} values after aliases are expanded. Use fewer aliases.`,
    );
}

type TaggedEvent = Extract<Event, { tagStart: number }>;

function tagOf(reading: Reading, event: TaggedEvent): string | undefined {
  return event.tagStart < 0 ? undefined : reading.source.slice(event.tagStart, event.tagEnd);
}

const coreTags: Readonly<Record<string, (text: string) => Scalar | undefined>> = {
  '!': (text) => text,
  '!!str': (text) => text,
  '!!null': () => null,
  '!!bool': (text) => ofType('boolean', plainScalar(text)),
  '!!int': (text) => ofType('number', plainScalar(text)),
  '!!float': (text) => ofType('number', plainScalar(text)),
};

const ofType = (type: string, value: Scalar) => (typeof value === type ? value : undefined);

/** `!Name` gives Name; !!map and !!seq give nothing; every other tag is refused. */
function classTag(tag: string | undefined, place: Place): { tag?: string } {
  if (tag === undefined || tag === '!!map' || tag === '!!seq') return {};
  if (!/^![A-Za-z_]\w{0,63}$/.test(tag))
    fail(
      place,
      `the tag '${tag.slice(0, 60)}' is not allowed here. Expected a class name like !PiecewiseDecay.`,
    );
  return { tag: tag.slice(1) };
}

function readScalar(reading: Reading, event: Extract<Event, { valueStart: number }>): ConfigNode {
  const place = reading.placeAt(Math.max(event.valueStart, event.tagStart, 0));
  const text = getScalarValue(reading.source, event);
  const tag = tagOf(reading, event);
  if (tag !== undefined && Object.hasOwn(coreTags, tag)) {
    const value = coreTags[tag]!(text);
    if (value === undefined) fail(place, `'${text.slice(0, 60)}' is no ${tag.slice(2)}.`);
    return { kind: 'scalar', value, place };
  }
  const named = classTag(tag, place);
  // `!ImageFolder` with nothing after it is the class without arguments.
  if (named.tag !== undefined && text === '')
    return { kind: 'map', entries: new Map(), place, ...named };
  if (named.tag !== undefined) fail(place, `!${named.tag} needs its arguments as 'key: value'.`);
  const value = event.style === SCALAR_STYLE.PLAIN ? plainScalar(text) : text;
  return { kind: 'scalar', value, place };
}

function readAlias(
  reading: Reading,
  event: Extract<Event, { type: typeof EVENT_ID.ALIAS }>,
): ConfigNode {
  const place = reading.placeAt(event.anchorStart);
  const name = reading.source.slice(event.anchorStart, event.anchorEnd);
  const found = reading.anchors.get(name);
  if (found === undefined) fail(place, `the alias *${name} has no anchor &${name} before it.`);
  grow(reading, found.size, place);
  const { anchor, ...rest } = found.node;
  return { ...rest, place, ...(anchor !== undefined && { alias: anchor }) };
}

function readList(reading: Reading): readonly ConfigNode[] {
  const items: ConfigNode[] = [];
  while (reading.events[reading.next]!.type !== EVENT_ID.POP) items.push(readNode(reading));
  reading.next++;
  return items;
}

/** `<<: *other` (or a list of them): entries that are not written here are taken from there. */
function mergeInto(entries: Map<string, ConfigNode>, value: ConfigNode): void {
  const maps = value.kind === 'list' ? value.items : [value];
  for (const map of maps) {
    if (map.kind !== 'map') fail(map.place, `expected a map after '<<', got something else.`);
    for (const [key, entry] of map.entries) if (!entries.has(key)) entries.set(key, entry);
  }
}

function readEntries(reading: Reading): ReadonlyMap<string, ConfigNode> {
  const entries = new Map<string, ConfigNode>();
  const merges: ConfigNode[] = [];
  while (reading.events[reading.next]!.type !== EVENT_ID.POP) {
    const key = readNode(reading);
    const value = readNode(reading);
    if (key.kind !== 'scalar' || key.value === null)
      fail(key.place, 'expected text as the key of a map, got a list, a map or nothing.');
    const name = String(key.value);
    if (name === '<<') {
      merges.push(value);
      continue;
    }
    if (entries.has(name))
      reading.warnings.push(
        `${placeText(key.place)}: '${name}' is written twice; the last one counts.`,
      );
    entries.set(name, { ...value, place: key.place });
  }
  reading.next++;
  for (const value of merges) mergeInto(entries, value);
  return entries;
}

function readCollection(reading: Reading, event: Extract<Event, { start: number }>): ConfigNode {
  const place = reading.placeAt(event.tagStart >= 0 ? event.tagStart : event.start);
  const named = classTag(tagOf(reading, event), place);
  return event.type === EVENT_ID.SEQUENCE
    ? { kind: 'list', items: readList(reading), place, ...named }
    : { kind: 'map', entries: readEntries(reading), place, ...named };
}

function readNode(reading: Reading): ConfigNode {
  const event = reading.events[reading.next++]!;
  if (event.type === EVENT_ID.ALIAS) return readAlias(reading, event);
  if (event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT)
    throw new Error('yaml: unexpected event where a value should begin');
  const before = reading.size;
  const node =
    event.type === EVENT_ID.SCALAR ? readScalar(reading, event) : readCollection(reading, event);
  grow(reading, 1, node.place);
  if (event.anchorStart < 0) return node;
  const name = reading.source.slice(event.anchorStart, event.anchorEnd);
  const anchored = { ...node, anchor: Symbol(name) };
  reading.anchors.set(name, { node: anchored, size: reading.size - before });
  return anchored;
}

/** Line numbers by binary search in the offsets at which lines begin. */
function createPlaceAt(source: string, file: string): (offset: number) => Place {
  const starts = [0];
  for (let i = source.indexOf('\n'); i >= 0; i = source.indexOf('\n', i + 1)) starts.push(i + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return { file, line: low + 1 };
  };
}

function eventsOf(source: string, place: (line: number) => Place): Event[] {
  try {
    return parseEvents(source, { maxDepth: yamlLimits.depth });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return fail(place((error.mark?.line ?? 0) + 1), `not valid YAML: ${error.reason}.`);
  }
}

/**
 * The tree of one YAML document. `at` is the file it comes from, or, for a `-o` value, the place that
 * every node gets. Warnings (keys written twice) are added to `warnings`.
 */
export function parseYaml(source: string, at: string | Place, warnings: string[] = []): ConfigNode {
  const place = (line: number): Place => (typeof at === 'string' ? { file: at, line } : at);
  if (source.length > yamlLimits.characters)
    fail(
      place(1),
      `expected at most ${yamlLimits.characters} characters of YAML, got ${source.length}.`,
    );
  const events = eventsOf(source, place);
  const placeAt = typeof at === 'string' ? createPlaceAt(source, at) : () => at;
  if (events.filter((event) => event.type === EVENT_ID.DOCUMENT).length > 1)
    fail(place(1), "expected one YAML document, got several ('---'). Split the file.");
  const reading: Reading = {
    source,
    events,
    placeAt,
    anchors: new Map(),
    warnings,
    next: 1,
    size: 0,
  };
  const isEmpty = events.length === 0 || events[1]?.type === EVENT_ID.POP;
  if (isEmpty) return { kind: 'scalar', value: null, place: place(1) };
  return readNode(reading);
}
