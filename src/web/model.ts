// A safetensors file to a network with its rules and back: what the file's metadata does not say is
// taken from its shapes and from what is usual.
import { inputError } from '../errors.ts';
import { parseSafetensors, writeSafetensors } from '../formats/safetensors.ts';
import type { PoseModel } from '../infer/posePipeline.ts';
import { recogniseNetwork } from '../infer/recogniseNetwork.ts';
import { usualInput, usualRules, usualSkeleton } from '../infer/usualModel.ts';
import { drawnWeights, type Weights } from '../models/drawWeights.ts';
import { type HrnetVariant, hrnetConfig, hrnetState } from '../models/hrnetConfigs.ts';
import { modelMetadata, rulesOfMetadata } from '../models/modelMetadata.ts';
import { takeWeights } from '../models/takeWeights.ts';
import type { Skeleton } from '../pose/skeleton.ts';

export interface ReadModel {
  readonly model: PoseModel;
  /** Whether the file says for which input size it is; else it may be changed. */
  readonly knowsInputSize: boolean;
}

/** Weights under official, PaddleDetection's or MMPose's names. `name` names the file in errors. */
export function readModel(bytes: Uint8Array, name: string): ReadModel {
  const { tensors, metadata } = parseSafetensors(bytes, name);
  const config = recogniseNetwork(tensors, name);
  const weights: Weights = new Map();
  takeWeights(config, tensors, name, 'nothing', weights);
  const told = rulesOfMetadata(metadata, name);
  const skeleton = told.skeleton ?? usualSkeleton(config.keypoints);
  if (skeleton.keypoints.length !== config.keypoints) {
    throw inputError(
      `${name}: its metadata names ${skeleton.keypoints.length} keypoints, its head has ${config.keypoints}. Export the weights anew.`,
    );
  }
  const inputSize = told.inputSize ?? usualInput(skeleton);
  return {
    model: { ...usualRules, ...told, config, weights, skeleton, inputSize },
    knowsInputSize: told.inputSize !== undefined,
  };
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
