// Adam over flat memory, element by element and in place: a parameter, its gradient and its moments
// come from memory once and go back once, 28 bytes a parameter in all. Padding is 0 throughout: its
// gradient is 0, so that it stays.
import type { Value } from '../../../graph/graph.ts';
import type { AdamAttrs } from '../../../ops/adamUpdate.ts';
import type { BufferRange, GpuTensor, Shader } from '../kernel.ts';
import type { Kernel, Lowering } from '../lower.ts';
import { aligned } from '../stateTable.ts';
import { float, perElement, read, readWrite } from '../wgsl.ts';
import { elementwise } from './elementwise.ts';

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
  for (const run of flatRuns(low, parts)) {
    const spans = run.map((range): GpuTensor => {
      const block = { bytes: range.bytes, range };
      return { shape: [range.bytes / 4], layout: 'plain', storage: 'f32', block };
    });
    low.dispatch(adamShader(adam, run[0]!.bytes / 16), [rate, power1, power2, ...spans]);
  }
  [power1, power2].forEach((power, i) => {
    const next = low.out(outputs[i]!, 'plain');
    const beta = float(i === 0 ? adam.beta1 : adam.beta2);
    elementwise(low, 'adam power', [power], next, (x) => `${x} * ${beta}`);
  });
};

function replaceInPlace(low: Lowering, value: Value, tensor: GpuTensor): void {
  if (low.out(value, tensor.layout).block !== tensor.block)
    throw new Error(`adamUpdate: '${value.name}' does not replace the state that it is made from`);
}

/** Longest stretches in which all parts lie side by side in the same order: one range a part. */
function flatRuns(low: Lowering, parts: readonly (readonly GpuTensor[])[]): BufferRange[][] {
  const runs: BufferRange[][] = [];
  parts[0]!.forEach((_, i) => {
    const here = parts.map((tensors) => {
      const range = low.rangeOf(tensors[i]!);
      return { ...range, bytes: aligned(range.bytes) };
    });
    const last = runs.at(-1);
    const goesOn = last?.every((before, k) => {
      const range = here[k]!;
      return before.buffer === range.buffer && before.offset + before.bytes === range.offset;
    });
    if (last && goesOn) runs[runs.length - 1] = last.map((before, k) => joined(before, here[k]!));
    else runs.push(here);
  });
  return runs;
}

const joined = (before: BufferRange, { bytes }: BufferRange): BufferRange => ({
  ...before,
  bytes: before.bytes + bytes,
});

/** The formula is in ops/adamUpdate.ts; √(1 − β₂ᵗ) and the rate are the same for all and cheap. */
export function adamShader({ beta1, beta2, epsilon, l2 }: AdamAttrs, count: number): Shader {
  const decayed = l2 === 0 ? 'g[i]' : `g[i] + ${float(l2)} * p[i]`;
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
    ],
    count,
    body: `  let correction = sqrt(1.0 - power2[0]);
  let step = rate[0] * correction / (1.0 - power1[0]);
  let gradient = ${decayed};
  let mean = ${float(beta1)} * m[i] + ${float(1 - beta1)} * gradient;
  let square = ${float(beta2)} * v[i] + ${float(1 - beta2)} * gradient * gradient;
  m[i] = mean;
  v[i] = square;
  p[i] -= step * mean / (sqrt(square) + ${float(epsilon)} * correction);`,
  });
}
