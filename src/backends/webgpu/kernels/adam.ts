// Adam over flat memory, element by element and in place: a parameter, its gradient and its moments
// come from memory once and go back once, 28 bytes a parameter in all. Padding is 0 throughout: its
// gradient is 0, so that it stays.
import type { Value } from '../../../graph/graph.ts';
import type { AdamAttrs } from '../../../ops/adamUpdate.ts';
import type { GpuTensor, Shader } from '../kernel.ts';
import type { Kernel, Lowering } from '../lower.ts';
import { float, perElement, read, readWrite } from '../wgsl.ts';
import { elementwise } from './elementwise.ts';
import { flatRuns } from './flatRuns.ts';

export const adamUpdate: Kernel = ({ attrs, inputs, outputs }, low) => {
  const adam = attrs as AdamAttrs;
  const { count } = adam;
  const [rate, power1, power2] = inputs.slice(0, 3).map((value) => low.tensor(value)) as [
    GpuTensor,
    GpuTensor,
    GpuTensor,
  ];
  const part = (k: number) => inputs.slice(3 + k * count, 3 + (k + 1) * count);
  // Parameters first: gradients and moments follow their layout.
  const parts = [0, 1, 2, 3].map((k) => part(k).map((value) => low.tensor(value)));
  [0, 2, 3].forEach((k, place) => {
    parts[k]!.forEach((tensor, i) => {
      replaceInPlace(low, outputs[2 + place * count + i]!, tensor);
    });
  });
  const factor = inputs.slice(3 + 4 * count).map((value) => low.tensor(value));
  for (const run of flatRuns(low, parts)) {
    const shader = adamShader(adam, run[0]!.block.bytes / 16, factor.length > 0);
    low.dispatch(shader, [rate, power1, power2, ...run, ...factor]);
  }
  [power1, power2].forEach((power, i) => {
    const next = low.out(outputs[i]!, 'plain');
    const beta = float(i === 0 ? adam.beta1 : adam.beta2);
    elementwise(low, 'adam power', [power, ...factor], next, (x, f) =>
      f
        ? `${x} * select(vec4<f32>(${beta}), vec4<f32>(1.0), ${f} == vec4<f32>())`
        : `${x} * ${beta}`,
    );
  });
};

function replaceInPlace(low: Lowering, value: Value, tensor: GpuTensor): void {
  if (low.out(value, tensor.layout).block !== tensor.block)
    throw new Error(`adamUpdate: '${value.name}' does not replace the state that it is made from`);
}

/**
 * The formula is in ops/adamUpdate.ts; √(1 − β₂ᵗ) and the rate are the same for all and cheap.
 * @param guarded whether there is a factor of the gradients, 0 where nothing is to change
 */
export function adamShader(
  { beta1, beta2, epsilon, l2 }: AdamAttrs,
  count: number,
  guarded: boolean,
): Shader {
  const scaled = guarded ? 'factor[0] * g[i]' : 'g[i]';
  const decayed = l2 === 0 ? scaled : `${scaled} + ${float(l2)} * p[i]`;
  return perElement({
    label: `adam ${count}×4`,
    bindings: [
      read('rate', 'f32'),
      read('power1', 'f32'),
      read('power2', 'f32'),
      readWrite('p'),
      read('g'),
      readWrite('m'),
      readWrite('v'),
      ...(guarded ? [read('factor', 'f32')] : []),
    ],
    count,
    body: `${guarded ? '  if (factor[0] == 0.0) { return; }\n' : ''}  let correction = sqrt(1.0 - power2[0]);
  let step = rate[0] * correction / (1.0 - power1[0]);
  let gradient = ${decayed};
  let mean = ${float(beta1)} * m[i] + ${float(1 - beta1)} * gradient;
  let square = ${float(beta2)} * v[i] + ${float(1 - beta2)} * gradient * gradient;
  m[i] = mean;
  v[i] = square;
  p[i] -= step * mean / (sqrt(square) + ${float(epsilon)} * correction);`,
  });
}
