// Which HRNet some weights are of, where they have to be whole.
import { inputError } from '../errors.ts';
import type { HrnetConfig } from '../models/hrnetConfigs.ts';
import { identifyWeights } from '../models/identifyWeights.ts';
import { assertComplete, type Shaped } from '../models/weights.ts';

/** The config whose tensors are all in the file. */
export function recogniseNetwork(file: ReadonlyMap<string, Shaped>, where: string): HrnetConfig {
  const found = identifyWeights(file, where);
  if (found?.keypoints === undefined) {
    const what = found === undefined ? 'no HRNet' : 'an HRNet without a head for keypoints';
    throw inputError(`${where}: expected weights of an HRNet for poses, got ${what}.`);
  }
  assertComplete(found.report, where);
  return found.config;
}
