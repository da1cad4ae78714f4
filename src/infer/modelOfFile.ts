// A weights file as a network and the rules by which it is used: those that the file tells, then those
// that are known from beside it, then what is usual for such weights.
import { inputError } from '../errors.ts';
import type { WeightFile } from '../formats/weights.ts';
import type { Weights } from '../models/drawWeights.ts';
import { rulesOfMetadata, type UseRules } from '../models/modelMetadata.ts';
import { takeWeights } from '../models/takeWeights.ts';
import type { PoseModel } from './posePipeline.ts';
import { recogniseNetwork } from './recogniseNetwork.ts';
import { usualInput, usualRules, usualSkeleton } from './usualModel.ts';

export interface ModelOfFile {
  readonly model: PoseModel;
  /** What the file says of itself. */
  readonly told: Partial<UseRules>;
}

/**
 * Weights under official, PaddleDetection's or MMPose's names. `name` names the file in errors;
 * `beside` holds where the file is silent.
 */
export function modelOfFile(
  { tensors, metadata }: Pick<WeightFile, 'tensors' | 'metadata'>,
  name: string,
  beside: Partial<PoseModel> = {},
): ModelOfFile {
  const config = recogniseNetwork(tensors, name);
  const weights: Weights = new Map();
  takeWeights(config, tensors, name, 'nothing', weights);
  const told = rulesOfMetadata(metadata, name);
  const skeleton = told.skeleton ?? beside.skeleton ?? usualSkeleton(config.keypoints);
  if (skeleton.keypoints.length !== config.keypoints) {
    throw inputError(
      `${name}: the skeleton '${skeleton.name}' that it is said to be for has ${skeleton.keypoints.length} keypoints, its head has ${config.keypoints}. Name its config, or export the weights anew.`,
    );
  }
  const inputSize = usualInput(skeleton);
  return {
    model: { ...usualRules, inputSize, ...beside, ...told, config, weights, skeleton },
    told,
  };
}
