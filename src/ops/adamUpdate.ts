// The parameter update and the sum of micro-batch gradients, over all parameters at once: a
// backend that keeps them in flat buffers makes one pass.
import { inputError } from '../errors.ts';
import { expectShape, float32, type Op } from './op.ts';

export interface AdamAttrs {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Coupled L2: added to the gradient as l2 · p. */
  readonly l2: number;
  /** Number of parameter tensors, P. */
  readonly count: number;
}

/**
 * One step of Adam as Paddle computes it (spec 6.1).
 *   inputs: learningRate [1], beta1Power [1], beta2Power [1], then P parameters, P gradients,
 *           P first moments, P second moments, and perhaps gradientFactor [1]
 *   outputs: next beta1Power, next beta2Power, P parameters, P first and P second moments
 *   m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²
 *   p ← p − lr·√(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√v + ε·√(1−β₂ᵗ));  the powers hold βᵗ and are multiplied after use
 * A gradientFactor f makes g ← f·g of the gradients; where f is 0 nothing changes, whatever they hold.
 */
export const adamUpdate: Op<AdamAttrs> = {
  name: 'adamUpdate',
  infer(inputs, { count }) {
    const least = 3 + 4 * count;
    if (inputs.length !== least && inputs.length !== least + 1) {
      throw inputError(
        `expected ${least} inputs for ${count} parameters, or ${least + 1} with a factor, got ${inputs.length}`,
      );
    }
    if (inputs.length > least) expectShape('gradientFactor', inputs[least], [1]);
    for (let i = 0; i < 3; i++) expectShape('scalar input', inputs[i], [1]);
    for (let i = 0; i < count; i++) {
      for (let part = 1; part < 4; part++) {
        expectShape(`tensor ${i}`, inputs[3 + part * count + i], inputs[3 + i]!.shape);
      }
    }
    const part = (k: number) => inputs.slice(3 + k * count, 3 + (k + 1) * count);
    return [float32(1), float32(1), ...part(0), ...part(2), ...part(3)];
  },
};

/** next = total + part: adds a micro-batch's gradient to the running sum. Shapes are equal. */
export const accumulate: Op = {
  name: 'accumulate',
  infer([total, part]) {
    expectShape('part', part, total!.shape);
    return [total!];
  },
};

/** A tensor of zeros with the input's shape; the input's contents are not read. */
export const zerosLike: Op = {
  name: 'zerosLike',
  infer: ([x]) => [x!],
};
