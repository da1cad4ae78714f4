// One Adam step, parameter by parameter (spec 6.1), and the look at the gradients before it.
import type { AdamAttrs } from '../../ops/adamUpdate.ts';
import type { Kernel } from './tensor.ts';

export const adamUpdate: Kernel = ({ attrs, inputs, outputs }) => {
  const { beta1, beta2, epsilon, l2, count } = attrs as AdamAttrs;
  const [rate, power1, power2] = inputs.slice(0, 3).map((t) => t.data[0]!) as [
    number,
    number,
    number,
  ];
  const factor = inputs[3 + 4 * count]?.data[0] ?? 1;
  if (factor === 0) {
    const kept = [1, 2].map((k) => inputs[k]!);
    const states = [0, 2, 3].flatMap((k) => inputs.slice(3 + k * count, 3 + (k + 1) * count));
    [...kept, ...states].forEach(({ data }, i) => void outputs[i]!.data.set(data));
    return;
  }
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
      const gradient = factor * g[e]! + l2 * p[e]!;
      nextM[e] = beta1 * m[e]! + (1 - beta1) * gradient;
      nextV[e] = beta2 * v[e]! + (1 - beta2) * gradient ** 2;
      nextP[e] = p[e]! - (step * nextM[e]!) / (Math.sqrt(nextV[e]!) + epsilon * correction);
    }
  }
};

export const zeroOnOverflow: Kernel = ({ inputs: [x, ...gradients], outputs: [y] }) => {
  const finite = gradients.every(({ data }) => data.every(Number.isFinite));
  y!.data[0] = finite ? x!.data[0]! : 0;
};
