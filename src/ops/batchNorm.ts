// Batch normalisation over N, H and W, optionally followed by ReLU (attribute `relu`, set by the
// fuse pass). Running statistics are states that movingAverage replaces.
import { expect4d, expectShape, float32, type Op, type TensorType } from './op.ts';

export interface BatchNormAttrs {
  readonly epsilon: number;
  /** Whether y is max(0, normalised). */
  readonly relu: boolean;
}

function expectPerChannel(
  x: TensorType | undefined,
  names: string[],
  tensors: (TensorType | undefined)[],
) {
  const [, c] = expect4d('x', x);
  names.forEach((name, i) => {
    expectShape(name, tensors[i], [c]);
  });
  return c;
}

/**
 * Normalisation by the statistics of the batch.
 *   x: [N, C, H, W], gamma, beta: [C]
 *   mean[c], variance[c] over N·H·W (biased);  y = gamma · (x − mean) / √(variance + ε) + beta
 */
export const batchNormTrain: Op<BatchNormAttrs> = {
  name: 'batchNormTrain',
  outputs: ['y', 'mean', 'variance'],
  infer([x, gamma, beta]) {
    const c = expectPerChannel(x, ['gamma', 'beta'], [gamma, beta]);
    return [{ dtype: 'float32', shape: x!.shape }, float32(c), float32(c)];
  },
  grad(g, { node, attrs, inputs: [x, gamma, beta], outputs: [y, mean, variance] }, [dy]) {
    // Without a ReLU the result is not needed and need not stay in memory: x stands in its place.
    const mask = attrs.relu ? y! : x!;
    return g.add(
      batchNormGrad,
      [x!, gamma!, beta!, mean!, variance!, mask, dy!],
      attrs,
      `${node.name}.grad`,
    );
  },
};

/**
 * Normalisation by given statistics: y = gamma · (x − mean) / √(variance + ε) + beta.
 *   x: [N, C, H, W], gamma, beta, mean, variance: [C]
 */
export const batchNormInference: Op<BatchNormAttrs> = {
  name: 'batchNormInference',
  infer([x, ...perChannel]) {
    expectPerChannel(x, ['gamma', 'beta', 'mean', 'variance'], perChannel);
    return [{ dtype: 'float32', shape: x!.shape }];
  },
};

/**
 * Gradient of batchNormTrain, through the statistics. With relu, dy counts only where y > 0; without, y
 * is not read.
 *   x, y, dy: [N, C, H, W], gamma, beta, mean, variance: [C];  dx like x, dgamma, dbeta: [C]
 *   With x̂ = (x − mean)/√(variance + ε) and n = N·H·W:
 *   dbeta = Σ dy, dgamma = Σ dy·x̂, dx = gamma/√(variance + ε) · (dy − dbeta/n − x̂·dgamma/n)
 */
export const batchNormGrad: Op<BatchNormAttrs> = {
  name: 'batchNormGrad',
  outputs: ['dx', 'dgamma', 'dbeta'],
  infer([x, gamma, beta, mean, variance, y, dy]) {
    const names = ['gamma', 'beta', 'mean', 'variance'];
    const c = expectPerChannel(x, names, [gamma, beta, mean, variance]);
    expectShape('y', y, x!.shape);
    expectShape('dy', dy, x!.shape);
    return [{ dtype: 'float32', shape: x!.shape }, float32(c), float32(c)];
  },
};

/**
 * One step of a running statistic: next = momentum · running + (1 − momentum) · scale · batch.
 *   running, batch, next: [C]. scale is n/(n − 1) for variances (spec 1.3), 1 for means.
 */
export const movingAverage: Op<{ readonly momentum: number; readonly scale: number }> = {
  name: 'movingAverage',
  infer([running, batch]) {
    expectShape('batch', batch, running!.shape);
    return [running!];
  },
};
