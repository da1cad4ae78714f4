// Names of an HRNet's tensors in the files of other projects: translation between the official
// PyTorch names, which are used here, and those of PaddleDetection and MMPose (spec 1.5).

/** How the batch counters of PyTorch's batch norms end; nothing is computed from them. */
const counterSuffix = '.num_batches_tracked';
export const isBatchCounter = (name: string) => name.endsWith(counterSuffix);

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
export function withoutWrapper(name: string): string {
  const bare = name.replace(/^module\./, '');
  const inner = bare.replace(/^(backbone|head|keypoint_head)\./, '');
  return paddleName(inner) === undefined ? bare : inner;
}

/** The running variance, by its official name, that a batch counter stands beside, in any scheme. */
export const besideCounter = (counter: string): string | undefined =>
  officialName(counter.replace(counterSuffix, '.running_var'));

/** The official name of a batch counter; undefined if no HRNet has its batch norm. */
export const officialCounterName = (counter: string): string | undefined =>
  besideCounter(counter)?.replace('.running_var', counterSuffix);

export type NamingScheme = 'official' | 'official, data parallel' | 'MMPose' | 'PaddleDetection';

/** Whose name this is; undefined if no HRNet has it. */
export function namingScheme(name: string): NamingScheme | undefined {
  if (officialName(name) === undefined) return undefined;
  if (paddleName(name) !== undefined) return 'official';
  const bare = name.replace(/^module\./, '');
  if (paddleName(bare) !== undefined) return 'official, data parallel';
  return paddleName(withoutWrapper(bare)) === undefined ? 'PaddleDetection' : 'MMPose';
}
