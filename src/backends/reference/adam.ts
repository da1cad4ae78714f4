// One Adam step, parameter by parameter (spec 6.1).
import type { AdamAttrs } from '../../ops/adamUpdate.ts';
import type { Kernel } from './tensor.ts';

export const adamUpdate: Kernel = ({ attrs, inputs, outputs }) => {
  const { beta1, beta2, epsilon, l2, count } = attrs as AdamAttrs;
  const [rate, power1, power2] = inputs.slice(0, 3).map((t) => t.data[0]!) as [
    number,
    number,
    number,
  ];
  outputs[0]!.data[0] = power1 * beta1;
  outputs[1]!.data[0] = power2 * beta2;
  const correction = Math.sqrt(1 - power2);
  const step = (rate * correction) / (1 - power1);
  for (let i = 0; i < count; i++) {
    const [p, g, m, v] = [0, 1, 2, 3].map((part) => inputs[3 + part * count + i]!.data) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const [nextP, nextM, nextV] = [0, 1, 2].map((part) => outputs[2 + part * count + i]!.data) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let e = 0; e < p.length; e++) {
      const gradient = g[e]! + l2 * p[e]!;
      nextM[e] = beta1 * m[e]! + (1 - beta1) * gradient;
      nextV[e] = beta2 * v[e]! + (1 - beta2) * gradient ** 2;
      nextP[e] = p[e]! - (step * nextM[e]!) / (Math.sqrt(nextV[e]!) + epsilon * correction);
    }
  }
};
