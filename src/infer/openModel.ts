// The network that `-c` and `-o` of an inference command ask for.
import { inputError, usageError } from '../errors.ts';
import { loadSettings } from '../train/config/index.ts';
import { type LoadedModel, modelOfSettings, modelOfWeights } from './poseModel.ts';

export interface ModelFlags {
  readonly config?: string;
  readonly opt: readonly string[];
  readonly flip: boolean;
}

/** Warnings about the config go to `warn`. */
export function openModel(
  { config, opt, flip }: ModelFlags,
  warn: (text: string) => void,
): LoadedModel {
  const loaded = config === undefined ? withoutConfig(opt) : withConfig(config, opt, warn);
  if (flip && loaded.model.skeleton.flipPairs.length === 0) {
    throw inputError(
      `--flip: the skeleton '${loaded.model.skeleton.name}' names no left and right keypoints. Name a config with flip_perm.`,
    );
  }
  return loaded;
}

function withConfig(config: string, opt: readonly string[], warn: (text: string) => void) {
  const { settings, warnings } = loadSettings(config, opt);
  warnings.forEach(warn);
  if (settings.weights === undefined) throw noWeights();
  return { ...modelOfSettings(settings, settings.weights), knownBy: 'config' as const };
}

function withoutConfig(opt: readonly string[]): LoadedModel {
  const weights = /^weights=(.+)$/.exec(opt.at(-1) ?? '')?.[1];
  const other = opt.find((item) => !item.startsWith('weights='));
  if (other !== undefined) {
    throw usageError(`-o ${other}: only weights can be set without a config. Name one with -c.`);
  }
  if (weights === undefined) throw noWeights();
  return modelOfWeights(weights);
}

const noWeights = () => usageError('infer: no weights. Name them with -o weights=PATH.');
