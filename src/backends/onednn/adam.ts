// Adam over flat memory. States that lie side by side are one run of floats; it is cut into chunks
// that fit the second-level cache, so that a parameter, its gradient and its moments come from
// memory once and go back once: 28 bytes a parameter in all.
import type { Value } from '../../graph/graph.ts';
import type { AdamAttrs } from '../../ops/adamUpdate.ts';
import { arg, type BinaryAlgorithm, type PostOp } from './dnnl2.ts';
import type { Kernel, Lowering, Tensor } from './lower.ts';

/** Floats in a chunk: its four arrays and the scratch take 1.25 MB, two threads share them. */
const chunkFloats = 1 << 16;

/** Numbers that change from step to step (or are too plain for an attribute), read as [1] tensors. */
interface Scalars {
  readonly oneMinusBeta1: Tensor;
  readonly epsilon: Tensor;
  readonly minusRate: Tensor;
  readonly l2: Tensor;
  readonly one: Tensor;
}

/** One chunk of each array: [floats] each. */
interface Chunk {
  readonly p: Tensor;
  readonly g: Tensor;
  readonly m: Tensor;
  readonly v: Tensor;
}

export const adamUpdate: Kernel = ({ node, attrs, inputs, outputs }, low) => {
  const adam = attrs as AdamAttrs;
  const { count } = adam;
  if (inputs.length > 3 + 4 * count) return guardedUpdate(low, node.name, adam, inputs, outputs);
  const scalars = scalarStep(low, node.name, adam, inputs, outputs);
  // Parameters first: gradients and moments follow their layout.
  const parts = [0, 1, 2, 3].map((k) =>
    inputs.slice(3 + k * count, 3 + (k + 1) * count).map((value) => low.tensor(value)),
  );
  [0, 2, 3].forEach((part, k) => {
    parts[part]!.forEach((tensor, i) => void low.out(outputs[2 + k * count + i]!, tensor.desc));
  });
  const scratch = low.scratch(low.dnnl.desc('float32', [chunkFloats], 'x'));
  const decayed = low.scratch(scratch.desc);
  for (const { addresses, floats } of flatRuns(low, parts)) {
    for (let start = 0; start < floats; start += chunkFloats) {
      const size = Math.min(chunkFloats, floats - start);
      const [p, g, m, v] = addresses.map((a) => low.span(a + start * 4, size)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const root = { desc: p.desc, buffer: scratch.buffer };
      const decay = { desc: p.desc, buffer: decayed.buffer };
      const d = adam.l2 === 0 ? g : addDecay(low, node.name, scalars, p, g, decay);
      updateChunk(low, node.name, adam, scalars, { p, g: d, m, v }, root);
    }
  }
};

/**
 * With a factor of the gradients, which may say that nothing is to change: primitives cannot leave their results
 * as they are. In plain loops, for it is the half precision of GPUs that asks for the factor.
 */
function guardedUpdate(
  low: Lowering,
  label: string,
  { beta1, beta2, epsilon, l2, count }: AdamAttrs,
  inputs: readonly Value[],
  outputs: readonly Value[],
): void {
  const tensors = inputs.map((value) => low.tensor(value));
  const parts = [0, 2, 3].flatMap((k) => tensors.slice(3 + k * count, 3 + (k + 1) * count));
  const like = [tensors[1]!, tensors[2]!, ...parts];
  const results = outputs.map((value, i) => low.out(value, like[i]!.desc));
  low.host('adamUpdate', label, tensors, results, (memory) => {
    const [rate, power1, power2] = memory as [Float32Array, Float32Array, Float32Array];
    const factor = memory[tensors.length - 1]!;
    const [next1, next2, ...next] = memory.slice(tensors.length) as [Float32Array, Float32Array];
    const part = (of: readonly Float32Array[], k: number, i: number) => of[k * count + i]!;
    const before = memory.slice(3);
    return () => {
      const f = factor[0]!;
      const correction = Math.sqrt(1 - power2[0]!);
      const step = (rate[0]! * correction) / (1 - power1[0]!);
      for (let i = 0; i < count; i++) {
        const [p, g, m, v] = [0, 1, 2, 3].map((k) => part(before, k, i)) as Float32Array[];
        const [nextP, nextM, nextV] = [0, 1, 2].map((k) => part(next, k, i)) as Float32Array[];
        if (f === 0) {
          nextP!.set(p!);
          nextM!.set(m!);
          nextV!.set(v!);
          continue;
        }
        for (let e = 0; e < p!.length; e++) {
          const gradient = f * g![e]! + l2 * p![e]!;
          nextM![e] = beta1 * m![e]! + (1 - beta1) * gradient;
          nextV![e] = beta2 * v![e]! + (1 - beta2) * gradient * gradient;
          nextP![e] = p![e]! - (step * nextM![e]!) / (Math.sqrt(nextV![e]!) + epsilon * correction);
        }
      }
      next1[0] = power1[0]! * (f === 0 ? 1 : Math.fround(beta1));
      next2[0] = power2[0]! * (f === 0 ? 1 : Math.fround(beta2));
    };
  });
}

/** Longest stretches in which all parts lie side by side, in the same order. */
function flatRuns(low: Lowering, parts: readonly (readonly Tensor[])[]) {
  const runs: { addresses: number[]; floats: number }[] = [];
  const align = 64;
  parts[0]!.forEach((tensor, i) => {
    const addresses = parts.map((tensors) => low.addressOf(tensors[i]!));
    const floats = (Math.ceil(tensor.buffer.bytes / align) * align) / 4;
    const last = runs.at(-1);
    if (last && addresses.every((a, k) => a === last.addresses[k]! + last.floats * 4)) {
      last.floats += floats;
    } else {
      runs.push({ addresses, floats });
    }
  });
  return runs;
}

/** On the host: this step's scalars, and the powers of β for the next. All in float32, as Paddle. */
function scalarStep(
  low: Lowering,
  label: string,
  { beta1, beta2, epsilon, l2 }: AdamAttrs,
  inputs: readonly Value[],
  outputs: readonly Value[],
): Scalars {
  const one = low.dnnl.desc('float32', [1], 'x');
  const scalars = {
    oneMinusBeta1: low.scratch(one),
    epsilon: low.scratch(one),
    minusRate: low.scratch(one),
    l2: low.scratch(one),
    one: low.scratch(one),
  };
  const reads = inputs.slice(0, 3).map((value) => low.tensor(value));
  const powers = outputs.slice(0, 2).map((value) => low.out(value, one));
  const writes = [...powers, ...Object.values(scalars)];
  low.host('adamUpdate', `${label}.scalars`, reads, writes, (memory) => {
    const [rate, power1, power2, next1, next2, share, eps, minusRate, decay, unit] = memory;
    return () => {
      const correction = Math.sqrt(1 - power2![0]!);
      share![0] = 1 - beta1;
      eps![0] = epsilon * correction;
      minusRate![0] = (-rate![0]! * correction) / (1 - power1![0]!);
      decay![0] = l2;
      unit![0] = 1;
      next1![0] = power1![0]! * Math.fround(beta1);
      next2![0] = power2![0]! * Math.fround(beta2);
    };
  });
  return scalars;
}

/** out ← g + l2·p: the gradient itself stays as it is. */
function addDecay(
  low: Lowering,
  label: string,
  scalars: Scalars,
  p: Tensor,
  g: Tensor,
  out: Tensor,
): Tensor {
  for (const [kind, a, b] of [
    ['mul', p, scalars.l2],
    ['add', g, out],
  ] as const) {
    const args = [
      [arg.src, a],
      [arg.src1, b],
      [arg.dst, out],
    ] as const;
    const pd = low.dnnl.binary(kind, a.desc, b.desc, out.desc);
    low.primitive('adamUpdate', label, pd, args, [out]);
  }
  return out;
}

function updateChunk(
  low: Lowering,
  label: string,
  { beta1, beta2 }: AdamAttrs,
  scalars: Scalars,
  { p, g, m, v }: Chunk,
  root: Tensor,
): void {
  const binary = (kind: BinaryAlgorithm, a: Tensor, b: Tensor, y: Tensor, ...postOps: PostOp[]) => {
    const pd = low.dnnl.binary(kind, a.desc, b.desc, y.desc, postOps);
    const extra = postOps.some((op) => op.kind === 'binary')
      ? [[arg.postOpSource(0), scalars.minusRate] as const]
      : [];
    const args = [[arg.src, a], [arg.src1, b], [arg.dst, y], ...extra] as const;
    low.primitive('adamUpdate', label, pd, args, [y]);
  };
  // m ← β₁m + (1 − β₁)g
  binary('mul', g, scalars.oneMinusBeta1, m, { kind: 'sum', scale: beta1 });
  // v ← (1 − β₂)(g² + β₂/(1 − β₂) v)
  binary(
    'mul',
    g,
    g,
    v,
    { kind: 'sum', scale: beta2 / (1 - beta2) },
    { kind: 'linear', alpha: 1 - beta2, beta: 0 },
  );
  // root ← √v + ε′
  // (An eltwise √ with a post-operation has no fast implementation; a product with 1 does.)
  const one = scalars.epsilon.desc;
  const sqrt = low.dnnl.binary('mul', v.desc, one, root.desc, [
    { kind: 'sqrt' },
    { kind: 'binary', algorithm: 'add', desc: one },
  ]);
  const sqrtArgs = [
    [arg.src, v],
    [arg.src1, scalars.one],
    [arg.dst, root],
    [arg.postOpSource(1), scalars.epsilon],
  ] as const;
  low.primitive('adamUpdate', label, sqrt, sqrtArgs, [root]);
  // p ← p − lr′ · m / root
  binary(
    'div',
    m,
    root,
    p,
    { kind: 'binary', algorithm: 'mul', desc: one },
    { kind: 'sum', scale: 1 },
  );
}
