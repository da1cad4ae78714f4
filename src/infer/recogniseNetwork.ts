// Which HRNet some weights are of, by the names and shapes of their tensors.
import { inputError } from '../errors.ts';
import {
  type HrnetConfig,
  hrnetConfig,
  hrnetState,
  hrnetVariants,
} from '../models/hrnetConfigs.ts';
import { officialName } from '../models/weightNames.ts';
import { matchWeights, type Shaped } from '../models/weights.ts';

/**
 * The config whose tensors are all in the file. Variants are tried from the largest on, because a
 * smaller one is found inside of a larger.
 */
export function recogniseNetwork(file: ReadonlyMap<string, Shaped>, where: string): HrnetConfig {
  const shapes = new Map(
    Array.from(file, ([name, { shape }]) => [officialName(name) ?? name, shape] as const),
  );
  const width = shapes.get('transition1.0.0.weight')?.[0];
  const keypoints = shapes.get('final_layer.weight')?.[0];
  if (width === undefined || keypoints === undefined) {
    const what = width === undefined ? 'no HRNet' : 'an HRNet without a head for keypoints';
    throw inputError(`${where}: expected weights of an HRNet for poses, got ${what}.`);
  }
  for (const variant of hrnetVariants) {
    const config = hrnetConfig(variant, width, keypoints);
    const { missing, mismatched } = matchWeights(hrnetState(config), file, where);
    if (missing.length === 0 && mismatched.length === 0) return config;
  }
  throw inputError(
    `${where}: HRNet-W${width} for ${keypoints} keypoints, but of none of the variants ${hrnetVariants.join(', ')}. Name its config.`,
  );
}
