// Tensors as we have them and as TensorFlow.js does; the device turns them.
import type { Tensor, TensorFlow } from './tensorFlow.ts';

/**
 * activation: [N, C, H, W] here, [N, H, W, C] there; weight: [M, C, k, k] here, [k, k, C, M] there;
 * vector: the same on both sides.
 */
export type Kind = 'activation' | 'weight' | 'vector';

const there = { activation: [0, 2, 3, 1], weight: [2, 3, 1, 0] };
const back = { activation: [0, 3, 1, 2], weight: [3, 2, 0, 1] };

export function asTheirs(
  tf: TensorFlow,
  values: Float32Array,
  shape: readonly number[],
  kind: Kind,
): Tensor {
  const tensor = tf.tensor(values, shape);
  return kind === 'vector' ? tensor : tf.transpose(tensor, there[kind]);
}

export const asOurs = (tf: TensorFlow, tensor: Tensor, kind: Kind): Tensor =>
  kind === 'vector' ? tensor : tf.transpose(tensor, back[kind]);
