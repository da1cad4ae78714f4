// ReLU, sums, moving averages and zeros, in vectors of four and whatever layout the tensors lie in:
// one invocation a vector, as fast as memory. Padding is 0 and stays 0.
import type { Value } from '../../../graph/graph.ts';
import { narrowed, vectors, widened } from '../halves.ts';
import type { GpuTensor } from '../kernel.ts';
import { stridesOf } from '../layout.ts';
import type { Kernel, Lowering } from '../lower.ts';
import { float, perElement, read, readWrite, rectified } from '../wgsl.ts';

/**
 * y ← expression of the inputs. A tensor that is there twice is bound once: both names mean one binding,
 * so that y may be an input as well.
 */
export function elementwise(
  low: Lowering,
  label: string,
  inputs: readonly GpuTensor[],
  y: GpuTensor,
  expression: (...elements: string[]) => string,
): void {
  const blocks = [...new Set([y, ...inputs].map(({ block }) => block))];
  const nameOf = ({ block }: GpuTensor) => ['y', 'a', 'b'][blocks.indexOf(block)]!;
  const distinct = blocks.map((block) => [y, ...inputs].find((t) => t.block === block)!);
  const bindings = distinct.map((t) =>
    t === y ? readWrite('y', vectors(t.storage)) : read(nameOf(t), vectors(t.storage)),
  );
  const elements = inputs.map((t) => widened(t.storage, `${nameOf(t)}[i]`));
  const count = stridesOf(y.shape, y.layout).floats / 4;
  const body = `  y[i] = ${narrowed(y.storage, expression(...elements))};`;
  const shader = perElement({ label: `${label} ${count}×4`, bindings, count, body });
  low.dispatch(shader, distinct, count * 4);
}

/** The first input as it lies, the second and the result like it. */
function alike(low: Lowering, [a, b]: readonly Value[], y: Value) {
  const first = low.tensor(a!);
  const inputs = b ? [first, low.in(b, first.layout)] : [first];
  return { inputs, y: low.out(y, first.layout) };
}

export const relu: Kernel = ({ inputs: values, outputs: [value] }, low) => {
  const { inputs, y } = alike(low, values, value!);
  elementwise(low, 'relu', inputs, y, (x) => rectified(x));
};

export const reluGrad: Kernel = ({ inputs: values, outputs: [value] }, low) => {
  if (low.leave(value!, values)) return;
  const { inputs, y } = alike(low, values, value!);
  elementwise(
    low,
    'reluGrad',
    inputs,
    y,
    (result, dy) => `select(vec4<f32>(), ${dy}, ${result} > vec4<f32>())`,
  );
};

export const add: Kernel = ({ attrs, inputs: values, outputs: [value] }, low) => {
  if (low.finishSum(values, value!, attrs.relu)) return;
  const { inputs, y } = alike(low, values, value!);
  const sum = (a: string, b: string) => `${a} + ${b}`;
  if (attrs.relu) elementwise(low, 'add relu', inputs, y, (a, b) => rectified(`(${sum(a, b)})`));
  else elementwise(low, 'add', inputs, y, sum);
};

export const accumulate: Kernel = ({ inputs: values, outputs: [value] }, low) => {
  const { inputs, y } = alike(low, values, value!);
  elementwise(low, 'accumulate', inputs, y, (total, part) => `${total} + ${part}`);
};

export const movingAverage: Kernel = ({ attrs, inputs: values, outputs: [value] }, low) => {
  const { momentum, scale } = attrs as { momentum: number; scale: number };
  const { inputs, y } = alike(low, values, value!);
  const share = float((1 - momentum) * scale);
  elementwise(
    low,
    'movingAverage',
    inputs,
    y,
    (running, batch) => `${float(momentum)} * ${running} + ${share} * ${batch}`,
  );
};

export const zerosLike: Kernel = ({ inputs: [x], outputs: [value] }, low) => {
  const y = low.out(value!, low.tensor(x!).layout);
  elementwise(low, 'zeros', [], y, () => 'vec4<f32>()');
};
