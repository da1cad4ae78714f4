// Weights from files of other projects: translation between the official PyTorch names and
// PaddleDetection's (spec 1.5), and PaddleDetection's partial loading rule with a report of what
// did and did not fit (spec 1.7). Left out: the rule's exception for a ResNet's `backbone.res5`.
import { inputError } from '../errors.ts';
import { formatShape } from '../formats/tensor.ts';

/**
 * The table of spec 1.5: official convolution, official batch norm, PaddleDetection prefix.
 * {x} is a number from 1, {x-1} the same number counted from 0.
 */
const unitNames: readonly (readonly [conv: string, bn: string, paddle: string])[] = [
  ['conv{m}', 'bn{m}', 'conv_layer1_{m}'],
  ['layer1.{i-1}.conv{m}', 'layer1.{i-1}.bn{m}', 'la1.block_layer2_{i}.conv{m}'],
  ['layer1.0.downsample.0', 'layer1.0.downsample.1', 'la1.block_layer2_1.conv_down'],
  ['transition1.0.0', 'transition1.0.1', 'tr1.transition_tr1_layer_1'],
  ['transition1.1.0.0', 'transition1.1.0.1', 'tr1.transition_tr1_layer_2'],
  ['transition2.2.0.0', 'transition2.2.0.1', 'tr2.transition_tr2_layer_3'],
  ['transition3.3.0.0', 'transition3.3.0.1', 'tr3.transition_tr3_layer_4'],
  [
    'stage{s}.{m-1}.branches.{b-1}.{k-1}.conv{c}',
    'stage{s}.{m-1}.branches.{b-1}.{k-1}.bn{c}',
    'st{s}.stage_st{s}_{m}.branches_func.bb_st{s}_{m}_branch_layer_{b}_{k}.conv{c}',
  ],
  [
    'stage{s}.{m-1}.fuse_layers.{i-1}.{j-1}.0',
    'stage{s}.{m-1}.fuse_layers.{i-1}.{j-1}.1',
    'st{s}.stage_st{s}_{m}.fuse_func.residual_st{s}_{m}_layer_{i}_{j}',
  ],
  [
    'stage{s}.{m-1}.fuse_layers.{i-1}.{j-1}.{k-1}.0',
    'stage{s}.{m-1}.fuse_layers.{i-1}.{j-1}.{k-1}.1',
    'st{s}.stage_st{s}_{m}.fuse_func.residual_st{s}_{m}_layer_{i}_{j}_{k}',
  ],
];

const normLeaves = {
  weight: 'weight',
  bias: 'bias',
  running_mean: '_mean',
  running_var: '_variance',
} as const;

interface Rule {
  readonly official: Template;
  readonly paddle: Template;
}

const rules: readonly Rule[] = [
  ...unitNames.flatMap(([conv, bn, prefix]) => [
    rule(`${conv}.weight`, `backbone.${prefix}.conv.weight`),
    ...Object.entries(normLeaves).map(([leaf, paddle]) =>
      rule(`${bn}.${leaf}`, `backbone.${prefix}.norm.${paddle}`),
    ),
  ]),
  rule('final_layer.weight', 'final_conv.weight'),
  rule('final_layer.bias', 'final_conv.bias'),
];

function rule(official: string, paddle: string): Rule {
  return { official: template(official), paddle: template(paddle) };
}

/** A name with numbered places, as a pattern to recognise it and as a text to fill in. */
interface Template {
  readonly pattern: RegExp;
  readonly fill: (numbers: Numbers) => string;
  readonly shifted: ReadonlySet<string>;
}
/** The numbers in a name, counted from 1. */
type Numbers = Readonly<Record<string, number>>;

function template(text: string): Template {
  const place = /\{(\w)(-1)?\}/g;
  const seen = new Set<string>();
  const shifted = new Set([...text.matchAll(place)].filter((m) => m[2]).map((m) => m[1]!));
  const pattern = text.replaceAll('.', '\\.').replace(place, (_, key: string) => {
    if (seen.has(key)) return `\\k<${key}>`;
    seen.add(key);
    return shifted.has(key) ? `(?<${key}>0|[1-9]\\d{0,2})` : `(?<${key}>[1-9]\\d{0,2})`;
  });
  const fill = (numbers: Numbers) =>
    text.replace(place, (_, key: string) => String(numbers[key] - (shifted.has(key) ? 1 : 0)));
  return { pattern: new RegExp(`^${pattern}$`), fill, shifted };
}

function translate(name: string, from: keyof Rule, to: keyof Rule): string | undefined {
  for (const candidate of rules) {
    const { pattern, shifted } = candidate[from];
    const found = pattern.exec(name);
    if (!found) continue;
    const numbers: Record<string, number> = {};
    for (const [key, digits] of Object.entries(found.groups ?? {})) {
      numbers[key] = Number(digits) + (shifted.has(key) ? 1 : 0);
    }
    return candidate[to].fill(numbers);
  }
  return undefined;
}

/** PaddleDetection's name of an official one; undefined if no HRNet has such a name. */
export const paddleName = (official: string) => translate(official, 'official', 'paddle');

/**
 * The official name of one from a file in any known scheme: official (also as a data-parallel
 * wrapper saves it, with `module.`), MMPose, PaddleDetection with or without `backbone.`.
 */
export function officialName(name: string): string | undefined {
  const bare = withoutWrapper(name);
  if (paddleName(bare) !== undefined) return bare;
  return (
    translate(bare, 'paddle', 'official') ?? translate(`backbone.${bare}`, 'paddle', 'official')
  );
}

/** Without `module.` and MMPose's prefixes, where an official name is left. */
function withoutWrapper(name: string): string {
  const bare = name.replace(/^module\./, '');
  const inner = bare.replace(/^(backbone|head|keypoint_head)\./, '');
  return paddleName(inner) === undefined ? bare : inner;
}

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
    if (fileName.endsWith('num_batches_tracked')) continue;
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
  lines.push(...listing('not used', extra));
  return lines.join('\n');
}

const listed = 5;
function listing(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, listed).map((name) => `    ${name}`);
  if (names.length > listed) shown.push(`    … and ${names.length - listed} more`);
  return [`  ${what}: ${names.length}`, ...shown];
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
  if (assign.size === 0 && mismatched.length === 0) {
    return 'No name of the file is known: these are not weights of an HRNet.';
  }
  const known = extra.filter((name) => officialName(name) !== undefined).length;
  if (missing.length > 100 || known > 100) {
    return `The file seems to be of ${known > missing.length ? 'a larger' : 'a smaller'} variant than the model. Check the variant.`;
  }
  return undefined;
}
