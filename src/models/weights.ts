// Which tensor of a file serves which of a model: PaddleDetection's partial loading rule, with a
// report of what did and did not fit (spec 1.7). Left out: the rule's exception for a ResNet's
// `backbone.res5`.
import { inputError } from '../errors.ts';
import { formatShape } from '../formats/tensor.ts';
import { isBatchCounter, officialName, paddleName, withoutWrapper } from './weightNames.ts';

export interface Shaped {
  readonly shape: readonly number[];
}

/** What came of matching a file's tensors with those that a model expects. */
export interface MatchReport<T extends Shaped> {
  /** Model's name → the file's tensor. */
  readonly assign: Map<string, T>;
  /** Names of the model that the file has nothing for. */
  readonly missing: string[];
  /** Names of the file that the model has no use for. */
  readonly extra: string[];
  readonly mismatched: ShapeMismatch[];
}

export interface ShapeMismatch {
  readonly name: string;
  readonly fileName: string;
  readonly expected: readonly number[];
  readonly found: readonly number[];
}

/**
 * PaddleDetection's partial loading: a name of the file serves a name of the model that is equal
 * or ends with "." and it; the longest such name wins; another shape is skipped; a tensor that
 * would serve twice is an error. Names are compared in PaddleDetection's scheme, in which no
 * HRNet name is the end of another. `where` names the file in errors.
 */
export function matchWeights<T extends Shaped>(
  expected: ReadonlyMap<string, readonly number[]>,
  file: ReadonlyMap<string, T>,
  where = 'weights',
): MatchReport<T> {
  const available = byPaddleName(file, where);
  const assign = new Map<string, T>();
  const missing: string[] = [];
  const mismatched: ShapeMismatch[] = [];
  const servedBy = new Map<string, string>();
  const used = new Set<string>();
  for (const [name, shape] of expected) {
    const fileName = longestSuffix(paddleName(name) ?? name, available);
    const tensor = fileName === undefined ? undefined : file.get(fileName);
    if (fileName === undefined || tensor === undefined) {
      missing.push(name);
      continue;
    }
    used.add(fileName);
    if (formatShape(shape) !== formatShape(tensor.shape)) {
      mismatched.push({ name, fileName, expected: shape, found: tensor.shape });
      continue;
    }
    const other = servedBy.get(fileName);
    if (other !== undefined) throw ambiguous(where, fileName, [other, name]);
    servedBy.set(fileName, name);
    assign.set(name, tensor);
  }
  const extra = [...available.values()].filter((fileName) => !used.has(fileName));
  return { assign, missing, extra, mismatched };
}

/** PaddleDetection's form of each name of the file → the name itself; batch counters left out. */
function byPaddleName(file: ReadonlyMap<string, Shaped>, where: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const fileName of file.keys()) {
    if (isBatchCounter(fileName)) continue;
    const bare = withoutWrapper(fileName);
    const name = paddleName(bare) ?? bare;
    const other = names.get(name);
    if (other !== undefined) {
      throw inputError(
        `${where}: '${other}' and '${fileName}' both stand for '${officialName(name) ?? name}'. ` +
          'Keep one of them in the file.',
      );
    }
    names.set(name, fileName);
  }
  return names;
}

function longestSuffix(name: string, available: ReadonlyMap<string, string>): string | undefined {
  for (let rest = name; ; rest = rest.slice(rest.indexOf('.') + 1)) {
    const found = available.get(rest);
    if (found !== undefined || !rest.includes('.')) return found;
  }
}

function ambiguous(where: string, fileName: string, names: readonly string[]) {
  return inputError(
    `${where}: '${fileName}' would serve both '${names.join("' and '")}'. ` +
      'Give the tensors of the file their full names.',
  );
}

const headNames = /^final_layer\.(weight|bias)$/;

/** Whether the file filled the head, weights and biases. */
export const hasHead = ({ missing, mismatched }: MatchReport<Shaped>): boolean =>
  ![...missing, ...mismatched.map(({ name }) => name)].some((name) => headNames.test(name));

/**
 * Throws unless every tensor of the model was filled. With `mayMiss: 'head'` the head may be
 * missing or of another shape, as it is in weights from ImageNet or of another skeleton.
 */
export function assertComplete(
  report: MatchReport<Shaped>,
  where: string,
  { mayMiss }: { readonly mayMiss: 'head' | 'nothing' } = { mayMiss: 'nothing' },
): void {
  const counts = (name: string) => mayMiss === 'nothing' || !headNames.test(name);
  if (!report.missing.some(counts) && !report.mismatched.some((m) => counts(m.name))) return;
  throw inputError(`${where}: the weights do not fit the model. ${describeMatch(report)}`);
}

/** A readable listing of a report: counts, a likely cause, and the first few names of each kind. */
export function describeMatch(report: MatchReport<Shaped>): string {
  const { assign, missing, extra, mismatched } = report;
  const expected = assign.size + missing.length + mismatched.length;
  const lines = [`${assign.size} of ${expected} tensors fit.`];
  const cause = likelyCause(report);
  if (cause !== undefined) lines.push(cause);
  const shapes = mismatched.map(
    (m) => `${m.name}: expected ${formatShape(m.expected)}, got ${formatShape(m.found)}`,
  );
  lines.push(...listing('of another shape', shapes));
  lines.push(...listing('missing', missing));
  lines.push(...listing('not used', groups(extra), extra.length));
  return lines.join('\n');
}

/** A name from a file as it may stand on a terminal: without control characters, not endless. */
export function printable(name: string): string {
  const plain = name.replace(/\p{C}/gu, '\u{fffd}');
  return plain.length > 120 ? `${plain.slice(0, 117)}...` : plain;
}

const listed = 5;
function listing(what: string, names: readonly string[], count = names.length): string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, listed).map((name) => `    ${printable(name)}`);
  if (names.length > listed) shown.push(`    … and ${names.length - listed} more`);
  return [`  ${what}: ${count}`, ...shown];
}

/**
 * Names by the part of a network that they are of: a backbone from ImageNet has hundreds for its
 * classifier, and fuse layers for outputs that a pose network leaves out.
 */
function groups(names: readonly string[]): string[] {
  const parts = new Map<string, string[]>();
  for (const name of names) {
    const [part] = /^stage4\.\d+\.fuse_layers/.exec(officialName(name) ?? '') ?? [];
    const key = part ?? name.split('.')[0]!;
    const of = parts.get(key);
    if (of) of.push(name);
    else parts.set(key, [name]);
  }
  return Array.from(parts, ([part, of]) => (of.length === 1 ? of[0]! : `${part}: ${of.length}`));
}

function likelyCause({ assign, missing, extra, mismatched }: MatchReport<Shaped>) {
  const of = (name: string) => mismatched.find((m) => m.name === name);
  const width = of('transition1.0.0.weight');
  if (width) {
    const [found, wanted] = [width.found[0], width.expected[0]];
    return `These look like weights of width ${found}; the model has width ${wanted}. Set the width to ${found} or take other weights.`;
  }
  const head = of('final_layer.weight');
  if (head && mismatched.every((m) => headNames.test(m.name))) {
    return `The file's head is for ${head.found[0]} keypoints; the model has ${head.expected[0]}. Take weights of the same skeleton.`;
  }
  if (missing.length > 0 && missing.every((name) => headNames.test(name)) && !mismatched.length) {
    return 'The file has no head for keypoints: it is a backbone, for training to start from.';
  }
  if (assign.size === 0 && mismatched.length === 0) {
    return 'No name of the file is known: these are not weights of an HRNet.';
  }
  const known = extra.filter((name) => officialName(name) !== undefined).length;
  if (missing.length > 100 || known > 100) {
    return `The file seems to be of ${known > missing.length ? 'a larger' : 'a smaller'} variant than the model. Check the variant.`;
  }
  return undefined;
}
