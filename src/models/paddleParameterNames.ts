// What Paddle calls the parameters of an HRNet inside: numbered by kind in the order in which a fresh
// process makes them (spec 1.5). A .pdparams file lists these names, to which a .pdopt refers.
import { type HrnetConfig, hrnetUnits } from './hrnetConfigs.ts';
import { paddleName } from './weightNames.ts';

const normParts = { weight: 'w_0', bias: 'b_0', running_mean: 'w_1', running_var: 'w_2' } as const;

/** PaddleDetection's structured name → the name inside, in canonical order. */
export function paddleParameterNames(config: HrnetConfig): Map<string, string> {
  const names = new Map<string, string>();
  const units = hrnetUnits(config);
  units.forEach(({ name, bn }, q) => {
    names.set(paddleName(`${name}.weight`)!, `conv2d_${q}.w_0`);
    for (const [leaf, part] of Object.entries(normParts)) {
      names.set(paddleName(`${bn}.${leaf}`)!, `batch_norm2d_${q}.${part}`);
    }
  });
  names.set(paddleName('final_layer.weight')!, `conv2d_${units.length}.w_0`);
  names.set(paddleName('final_layer.bias')!, `conv2d_${units.length}.b_0`);
  return names;
}
