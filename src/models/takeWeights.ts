// The tensors of a file as the weights of a network, in float32 under official names.
import { inputError } from '../errors.ts';
import { type Tensor, toFloat32 } from '../formats/tensor.ts';
import type { Weights } from './drawWeights.ts';
import { type HrnetConfig, hrnetState } from './hrnetConfigs.ts';
import { assertComplete, type MatchReport, matchWeights } from './weights.ts';

/**
 * Puts what a file holds into `weights`. With `mayMiss: 'head'` (a pretrained backbone) the head stays as
 * it is; anything else that is missing, of another shape or not finite is an inputError.
 * @param where names the file in errors
 */
export function takeWeights(
  config: HrnetConfig,
  tensors: ReadonlyMap<string, Tensor>,
  where: string,
  mayMiss: 'head' | 'nothing',
  weights: Weights,
): MatchReport<Tensor> {
  const report = matchWeights(hrnetState(config), tensors, where);
  assertComplete(report, where, { mayMiss });
  for (const [name, tensor] of report.assign) {
    const values = toFloat32(tensor);
    const at = values.findIndex((v) => !Number.isFinite(v));
    if (at >= 0) {
      throw inputError(
        `${where}: tensor '${name}' holds ${values[at]} at index ${at}. These weights are of a run that failed; use an earlier checkpoint.`,
      );
    }
    weights.set(name, values);
  }
  return report;
}
