// From a weights file, with or without a config, to a network and the rules by which it is used.
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Size } from '../data/record.ts';
import { usageError } from '../errors.ts';
import type { Weights } from '../models/drawWeights.ts';
import { hrnetConfig } from '../models/hrnetConfigs.ts';
import { latestCheckpoint } from '../train/checkpoint.ts';
import { metaFile, readMeta } from '../train/checkpointMeta.ts';
import { settingsOfResolved } from '../train/config/index.ts';
import { findWeights } from '../train/findWeights.ts';
import { readWeights } from '../train/initialWeights.ts';
import type { Settings } from '../train/settings.ts';
import { readWeightFile } from '../train/weightFile.ts';
import type { PoseModel } from './posePipeline.ts';
import { recogniseNetwork } from './recogniseNetwork.ts';
import { usualInput, usualRules, usualSkeleton } from './usualModel.ts';

export interface LoadedModel {
  readonly model: PoseModel;
  /** The file that the weights are from. */
  readonly file: string;
  /** What decided about the network: a config, the run that the weights are of, or their shapes. */
  readonly knownBy: 'config' | 'run' | 'shapes';
}

/** The model of a config's settings, with the weights at `path`. */
export function modelOfSettings(settings: Settings, path: string): Omit<LoadedModel, 'knownBy'> {
  const { model, skeleton, inputSize, normalize, eval: how } = settings;
  const config = hrnetConfig(model.variant, model.width, model.keypoints);
  const weights: Weights = new Map();
  const { file } = readWeights(config, path, 'nothing', weights);
  const { useDark, darkKernel, udp, shiftHeatmap, visibilityThreshold, oksThreshold } = how;
  const reading = { useDark, darkKernel, udp, shiftHeatmap, visibilityThreshold, oksThreshold };
  return { model: { config, skeleton, inputSize, normalize, ...reading, weights }, file };
}

/**
 * The model that weights are of when no config is named: the config of the run that saved them,
 * which lies beside them, or their shapes together with the usual settings (spec 0).
 * @param inputSize for weights that are known by their shapes alone; 384×288 (height × width) unless told
 */
export function modelOfWeights(path: string, inputSize?: Size): LoadedModel {
  const file = findWeights(path);
  const settings = settingsOfRun(file);
  if (settings !== undefined) {
    if (inputSize && !sameSize(inputSize, settings.inputSize)) {
      throw usageError(
        `input size: ${file} was trained for ${sizeText(settings.inputSize)}, not ${sizeText(inputSize)}. Leave the size out, or name a config.`,
      );
    }
    return { ...modelOfSettings(settings, file), knownBy: 'run' };
  }
  const config = recogniseNetwork(readWeightFile(file).tensors, file);
  const weights: Weights = new Map();
  readWeights(config, file, 'nothing', weights);
  const skeleton = usualSkeleton(config.keypoints);
  const size = inputSize ?? usualInput(skeleton);
  return {
    model: { ...usualRules, config, weights, skeleton, inputSize: size },
    file,
    knownBy: 'shapes',
  };
}

const sameSize = (a: Size, b: Size) => a.width === b.width && a.height === b.height;
const sizeText = ({ width, height }: Size) => `${height}x${width}`;

/** The config in the checkpoint that `file` is of, or of the newest one of the run that it ended. */
function settingsOfRun(file: string): Settings | undefined {
  const folder = dirname(resolve(file));
  const checkpoint = existsSync(join(folder, metaFile)) ? folder : latestCheckpoint(folder);
  if (checkpoint === undefined || !isOfRun(file, folder, checkpoint)) return undefined;
  const meta = join(checkpoint, metaFile);
  return settingsOfResolved(readMeta(checkpoint).config, meta);
}

/** Other weights may lie in a run's folder; only those that the run wrote itself are taken for its own. */
const isOfRun = (file: string, folder: string, checkpoint: string) =>
  folder === checkpoint ||
  ['best_model.safetensors', 'model_final.safetensors'].includes(basename(file));
