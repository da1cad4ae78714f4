// What goes with weights in the metadata of a file: which network they are of and how it is used.
// Written into exports and into what training saves for use, in Node and in browsers; read where a
// safetensors file comes without a config, and to warn where a config says something else.
import { inputError } from '../errors.ts';
import type { NormalizeAttrs } from '../ops/normalizeImage.ts';
import type { ReadingRules } from '../pose/estimate.ts';
import { parseSkeleton, skeletons } from '../pose/skeletons.ts';
import type { HrnetConfig } from './hrnetConfigs.ts';

/** How a network is used, as far as its metadata tells. */
export interface UseRules
  extends Pick<ReadingRules, 'skeleton' | 'inputSize' | 'useDark' | 'darkKernel' | 'udp'> {
  readonly normalize: NormalizeAttrs;
}

export interface MetadataOptions {
  readonly version: string;
  /** Of the config that the model was made from, if there was one. */
  readonly configSha256: string | undefined;
  /** Whether the model gives keypoints besides heatmaps. */
  readonly decode: boolean;
}

/** JSON under each key, plain text where a value is one word. */
export function modelMetadata(
  model: UseRules & { readonly config: HrnetConfig },
  { version, configSha256, decode }: MetadataOptions,
): Map<string, string> {
  const { config, inputSize, normalize, skeleton, useDark, darkKernel, udp } = model;
  const reading = useDark ? { method: 'dark', kernel: darkKernel } : { method: 'quarter offset' };
  const entries: Readonly<Record<string, unknown>> = {
    network: config,
    input_size: inputSize,
    mean: normalize.mean,
    std: normalize.std,
    crop: { rule: udp ? 'udp' : 'affine', padding: 1.25 },
    decode: { ...reading, in_graph: decode },
    keypoint_names: skeleton.keypoints,
    limbs: skeleton.limbs,
    flip_pairs: skeleton.flipPairs,
    oks_sigmas: skeleton.oksSigmas,
  };
  return new Map([
    ['hrpose_version', version],
    ...(configSha256 === undefined ? [] : [['config_sha256', configSha256] as const]),
    ['skeleton', skeleton.name],
    ...Object.entries(entries).map(([key, value]) => [key, JSON.stringify(value)] as const),
  ]);
}

/** What modelMetadata wrote; empty for files of other programs. `where` names the file in errors. */
export function rulesOfMetadata(
  metadata: ReadonlyMap<string, string>,
  where: string,
): Partial<UseRules> {
  if (!metadata.has('hrpose_version')) return {};
  const read = (key: string): unknown => {
    try {
      return JSON.parse(metadata.get(key) ?? '');
    } catch {
      throw damaged(where, key);
    }
  };
  const { width, height } = record(read('input_size'));
  if (!isSide(width) || !isSide(height)) throw damaged(where, 'input_size');
  const [mean, std] = [channels(read('mean')), channels(read('std'))];
  if (!mean || !std || std.includes(0)) throw damaged(where, 'mean and std');
  const { method, kernel } = record(read('decode'));
  return {
    inputSize: { width, height },
    normalize: { mean, std },
    udp: record(read('crop')).rule === 'udp',
    useDark: method === 'dark',
    ...(typeof kernel === 'number' && kernel % 2 === 1 && kernel < 100 && { darkKernel: kernel }),
    skeleton: parseSkeleton(
      {
        name: metadata.get('skeleton'),
        keypoints: read('keypoint_names'),
        limbs: read('limbs'),
        flipPairs: read('flip_pairs'),
        oksSigmas: read('oks_sigmas'),
        upperBody: knownUpperBody(metadata.get('skeleton')),
      },
      `${where}: metadata`,
    ),
  };
}

/** The metadata leaves out which keypoints are the upper body's: only training asks. */
const knownUpperBody = (name: string | undefined) =>
  Object.values(skeletons).find((skeleton) => skeleton.name === name)?.upperBody ?? [];

const damaged = (where: string, key: string) =>
  inputError(`${where}: its metadata says nothing usable under '${key}'. Export the weights anew.`);

const record = (value: unknown) =>
  (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;

const isSide = (side: unknown): side is number =>
  Number.isInteger(side) && (side as number) >= 32 && (side as number) <= 4096;

const channels = (value: unknown): [number, number, number] | undefined =>
  Array.isArray(value) && value.length === 3 && value.every(Number.isFinite)
    ? [value[0], value[1], value[2]]
    : undefined;
