// The network that `-c` and `-o` of an inference command ask for.
import { localWeightsWithProgress } from '../data/fetchWeights.ts';
import { inputError, usageError } from '../errors.ts';
import { loadSettings } from '../train/config/index.ts';
import { type LoadedModel, modelOfSettings, modelOfWeights } from './poseModel.ts';

export interface ModelFlags {
  readonly config?: string;
  readonly opt: readonly string[];
  readonly flip: boolean;
  /** How the progress of a download is printed. */
  readonly json?: boolean;
}

/** Warnings about the config go to `warn`. Weights at an address are fetched. */
export async function openModel(
  { config, opt, flip, json = false }: ModelFlags,
  warn: (text: string) => void,
): Promise<LoadedModel> {
  const loaded =
    config === undefined
      ? await withoutConfig(opt, json)
      : await withConfig(config, { opt, json, warn });
  if (flip && loaded.model.skeleton.flipPairs.length === 0) {
    throw inputError(
      `--flip: the skeleton '${loaded.model.skeleton.name}' names no left and right keypoints. Name a config with flip_perm.`,
    );
  }
  return loaded;
}

interface ConfigFlags extends Pick<Required<ModelFlags>, 'opt' | 'json'> {
  readonly warn: (text: string) => void;
}

async function withConfig(config: string, { opt, json, warn }: ConfigFlags): Promise<LoadedModel> {
  const { settings, warnings } = loadSettings(config, opt);
  warnings.forEach(warn);
  if (settings.weights === undefined) throw noWeights();
  const path = await localWeightsWithProgress(settings.weights, json);
  const { warnings: contradicting, ...loaded } = modelOfSettings(settings, path);
  contradicting.forEach(warn);
  return { ...loaded, knownBy: 'config' };
}

async function withoutConfig(opt: readonly string[], json: boolean): Promise<LoadedModel> {
  const weights = /^weights=(.+)$/.exec(opt.at(-1) ?? '')?.[1];
  const other = opt.find((item) => !item.startsWith('weights='));
  if (other !== undefined) {
    throw usageError(`-o ${other}: only weights can be set without a config. Name one with -c.`);
  }
  if (weights === undefined) throw noWeights();
  return modelOfWeights(await localWeightsWithProgress(weights, json));
}

const noWeights = () => usageError('infer: no weights. Name them with -o weights=PATH.');
