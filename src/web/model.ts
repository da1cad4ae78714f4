// A weights file to a network with its rules and back, and networks to begin with.
import { writeSafetensors } from '../formats/safetensors.ts';
import { parseWeights } from '../formats/weights.ts';
import { modelOfFile } from '../infer/modelOfFile.ts';
import type { PoseModel } from '../infer/posePipeline.ts';
import { usualInput, usualRules } from '../infer/usualModel.ts';
import { drawnWeights } from '../models/drawWeights.ts';
import { type HrnetVariant, hrnetConfig, hrnetState } from '../models/hrnetConfigs.ts';
import { modelMetadata } from '../models/modelMetadata.ts';
import type { Skeleton } from '../pose/skeleton.ts';

export interface ReadModel {
  readonly model: PoseModel;
  /** Whether the file says for which input size it is; else it may be changed. */
  readonly knowsInputSize: boolean;
}

/**
 * Weights as safetensors, of PyTorch or of PaddlePaddle, under official, PaddleDetection's or MMPose's
 * names. `name` names the file in errors.
 */
export function readModel(bytes: Uint8Array, name: string): ReadModel {
  const { model, told } = modelOfFile(parseWeights(bytes, name), name);
  return { model, knowsInputSize: told.inputSize !== undefined };
}

/** A network with drawn weights, for training from nothing. */
export function drawModel(
  variant: HrnetVariant,
  width: number,
  skeleton: Skeleton,
  seed: number,
): PoseModel {
  const config = hrnetConfig(variant, width, skeleton.keypoints.length);
  const weights = drawnWeights(config, seed);
  return { ...usualRules, config, weights, skeleton, inputSize: usualInput(skeleton) };
}

/** A safetensors file that `readModel` and `hrpose eval -o weights=` read. */
export function writeModel(model: PoseModel): Uint8Array {
  const tensors = Array.from(
    hrnetState(model.config),
    ([name, shape]) => [name, { dtype: 'F32', shape, data: model.weights.get(name)! }] as const,
  );
  const about = { version: 'web', configSha256: undefined, decode: false };
  return writeSafetensors(tensors, new Map([['format', 'pt'], ...modelMetadata(model, about)]));
}
