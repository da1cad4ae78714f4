// `_BASE_`: a config file that builds on others. Maps are merged into maps key by key; everything else,
// lists too, is replaced as a whole. The including file wins over its bases, a later base over an earlier.
import { existsSync, readFileSync, type Stats, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { inputError } from '../../errors.ts';
import { packageRoot } from '../../packageRoot.ts';
import { type ConfigNode, describeNode, type MapNode, placeText } from './node.ts';
import { parseYaml, yamlLimits } from './yaml.ts';

/** Bound on bases of bases, and on all files together. */
const maxDepth = 16;
const maxFiles = 64;

/**
 * `over` laid upon `base`. A tagged map is one object: it replaces and is replaced as a whole, except
 * that an untagged map without a `name` adds to the arguments of a tagged one.
 */
export function mergeNodes(base: ConfigNode, over: ConfigNode): ConfigNode {
  if (base.kind !== 'map' || over.kind !== 'map') return over;
  if (over.tag !== undefined || (base.tag !== undefined && over.entries.has('name'))) return over;
  const entries = new Map(base.entries);
  for (const [key, value] of over.entries) {
    const present = entries.get(key);
    entries.set(key, present === undefined ? value : mergeNodes(present, value));
  }
  return { ...base, entries };
}

/** Where the package has a file that was looked for in the working directory. */
function shipped(file: string): string | undefined {
  const path = join(packageRoot, file);
  if (isAbsolute(file) || !existsSync(path)) return undefined;
  return `It comes with hrpose: -c ${relative(process.cwd(), path)}`;
}

function statConfig(file: string, from: string): Stats {
  try {
    return statSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'no such file' : message;
    throw inputError(
      `${from}cannot read the config file '${file}': ${reason}. ${shipped(file) ?? 'Check the path after -c or in _BASE_.'}`,
    );
  }
}

function readConfigText(file: string, from: string): string {
  const found = statConfig(file, from);
  if (!found.isFile())
    throw inputError(`${from}'${file}' is not a file. Expected a YAML config file.`);
  // A character is at most four bytes; the exact bound is the reader's.
  if (found.size > 4 * yamlLimits.characters)
    throw inputError(
      `${from}'${file}' has ${found.size} bytes; a config file has at most ${yamlLimits.characters}.`,
    );
  return readFileSync(file, 'utf8');
}

/** Paths named by `_BASE_`: a list, or a single one. */
function basePaths(node: ConfigNode, file: string): readonly string[] {
  const items = node.kind === 'list' ? node.items : [node];
  return items.map((item) => {
    if (item.kind !== 'scalar' || typeof item.value !== 'string')
      throw inputError(
        `${placeText(item.place)}: _BASE_: expected paths of config files, got ${describeNode(item)}.`,
      );
    const path = item.value.replace(/^~(?=\/)/, homedir());
    return resolve(dirname(file), path);
  });
}

interface Loading {
  readonly warnings: string[];
  /** Files on the way from the first to this one. */
  readonly chain: readonly string[];
  readonly count: { files: number };
}

function loadInto(file: string, from: string, loading: Loading): MapNode {
  const path = resolve(file);
  const chain = [...loading.chain, path];
  if (loading.chain.includes(path))
    throw inputError(`${from}_BASE_ goes in a circle: ${chain.join(' -> ')}.`);
  if (chain.length > maxDepth || ++loading.count.files > maxFiles)
    throw inputError(`${from}_BASE_: more than ${maxDepth} files deep or ${maxFiles} in all.`);
  const tree = parseYaml(readConfigText(file, from), file, loading.warnings);
  if (tree.kind !== 'map' || tree.tag !== undefined)
    throw inputError(`${file}: expected 'key: value' settings, got ${describeNode(tree)}.`);
  const entries = new Map(tree.entries);
  const bases = entries.get('_BASE_');
  entries.delete('_BASE_');
  let merged: ConfigNode | undefined;
  for (const base of bases === undefined ? [] : basePaths(bases, file)) {
    const node = loadInto(base, `${placeText(bases!.place)}: `, { ...loading, chain });
    merged = merged === undefined ? node : mergeNodes(merged, node);
  }
  const own: MapNode = { ...tree, entries };
  return merged === undefined ? own : (mergeNodes(merged, own) as MapNode);
}

/** The tree of a config file with its bases merged in. */
export function loadConfigTree(file: string, warnings: string[]): MapNode {
  return loadInto(file, '', { warnings, chain: [], count: { files: 0 } });
}
