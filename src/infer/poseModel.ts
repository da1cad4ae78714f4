// From a weights file, with or without a config, to a network and the rules by which it is used.
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Size } from '../data/record.ts';
import { usageError } from '../errors.ts';
import type { Weights } from '../models/drawWeights.ts';
import { latestCheckpoint } from '../train/checkpoint.ts';
import { metaFile, readMeta } from '../train/checkpointMeta.ts';
import { settingsOfResolved } from '../train/config/index.ts';
import { findWeights } from '../train/findWeights.ts';
import { readWeights } from '../train/initialWeights.ts';
import type { Settings } from '../train/settings.ts';
import { contradictions, networkConfig, useOfSettings } from '../train/settingsModel.ts';
import { readWeightFile } from '../train/weightFile.ts';
import { modelOfFile } from './modelOfFile.ts';
import type { PoseModel } from './posePipeline.ts';

export interface LoadedModel {
  readonly model: PoseModel;
  /** The file that the weights are from. */
  readonly file: string;
  /** What decided about the network's use: a config, the file itself, the run that it is of, or shapes alone. */
  readonly knownBy: 'config' | 'file' | 'run' | 'shapes';
}

export interface ModelOfSettings extends Omit<LoadedModel, 'knownBy'> {
  /** Where the file says otherwise. The settings hold. */
  readonly warnings: readonly string[];
}

/** The model of a config's settings, with the weights at `path`. */
export function modelOfSettings(settings: Settings, path: string): ModelOfSettings {
  const config = networkConfig(settings);
  const weights: Weights = new Map();
  const { file, metadata } = readWeights(config, path, 'nothing', weights);
  const model = { config, ...rulesOfSettings(settings), weights };
  return { model, file, warnings: contradictions(settings, metadata, file) };
}

/**
 * The model that weights are of when no config is named: as their file says, else by the config of the
 * run that saved them, which lies beside them, else by their shapes together with the usual settings (spec 0).
 * @param inputSize for weights that are known by their shapes alone; 384×288 (height × width) unless told
 */
export function modelOfWeights(path: string, inputSize?: Size): LoadedModel {
  const file = findWeights(path);
  const settings = settingsOfRun(file);
  const { model, told } = modelOfFile(
    readWeightFile(file),
    file,
    settings && rulesOfSettings(settings),
  );
  const knownBy = told.inputSize ? 'file' : settings ? 'run' : 'shapes';
  if (knownBy === 'shapes') {
    return { model: inputSize ? { ...model, inputSize } : model, file, knownBy };
  }
  if (inputSize && !sameSize(inputSize, model.inputSize)) {
    throw usageError(
      `input size: ${file} was trained for ${sizeText(model.inputSize)}, not ${sizeText(inputSize)}. Leave the size out, or name a config.`,
    );
  }
  return { model, file, knownBy };
}

function rulesOfSettings(settings: Settings): Omit<PoseModel, 'config' | 'weights'> {
  const { shiftHeatmap, visibilityThreshold, oksThreshold } = settings.eval;
  return { ...useOfSettings(settings), shiftHeatmap, visibilityThreshold, oksThreshold };
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
