// What is exported: the network that -c and -o name, its weights, and where they come from.
import { createHash } from 'node:crypto';
import { basename, extname } from 'node:path';
import { localWeightsWithProgress } from '../data/fetchWeights.ts';
import { usageError } from '../errors.ts';
import { type ModelFlags, openModel } from '../infer/openModel.ts';
import { modelOfSettings } from '../infer/poseModel.ts';
import type { PoseModel } from '../infer/posePipeline.ts';
import { packageVersion } from '../packageRoot.ts';
import { loadSettings } from '../train/config/index.ts';
import type { Settings } from '../train/settings.ts';

export interface ExportSource {
  readonly model: PoseModel;
  /** The file that the weights are from. */
  readonly weightsFile: string;
  /** The name of the config, or of the weights. */
  readonly name: string;
  /** Of this program. */
  readonly version: string;
  readonly config: ExportedConfig | undefined;
}

/** `-c` and `-o`, and how the progress of a download is printed. */
type ModelChoice = Pick<ModelFlags, 'config' | 'opt' | 'json'>;

export interface ExportedConfig {
  readonly settings: Settings;
  /** The whole config after merging and overriding, as JSON. */
  readonly json: string;
  /** Of `json`. */
  readonly sha256: string;
}

export async function exportSource(
  { config, opt, json: asJson = false }: ModelChoice,
  warn: (text: string) => void,
): Promise<ExportSource> {
  const version = packageVersion();
  if (config === undefined) {
    if (!opt.some((option) => option.startsWith('weights='))) throw noWeights();
    const { model, file } = await openModel({ opt, flip: false, json: asJson }, warn);
    const name = basename(file, extname(file));
    return { model, weightsFile: file, name, version, config: undefined };
  }
  const { settings, warnings, resolved } = loadSettings(config, opt);
  warnings.forEach(warn);
  if (settings.weights === undefined) throw noWeights();
  const path = await localWeightsWithProgress(settings.weights, asJson);
  const { model, file, warnings: contradicting } = modelOfSettings(settings, path);
  contradicting.forEach(warn);
  const json = JSON.stringify(resolved);
  const sha256 = createHash('sha256').update(json).digest('hex');
  const { name } = settings;
  return { model, weightsFile: file, name, version, config: { settings, json, sha256 } };
}

const noWeights = () => usageError('export: no weights. Name them with -o weights=PATH.');
