// The training loss (spec 2) and its gradient.
import { expect4d, expectShape, float32, type Op, type TensorType } from './op.ts';

export interface LossAttrs {
  readonly lossScale: number;
  /** When false every keypoint counts fully. */
  readonly useTargetWeight: boolean;
}

function expectHeatmaps(prediction?: TensorType, target?: TensorType, weight?: TensorType) {
  const [n, k] = expect4d('prediction', prediction);
  expectShape('target', target, prediction!.shape);
  expectShape('targetWeight', weight, [n, k]);
}

/**
 * Weighted mean squared error of heatmaps.
 *   prediction, target: [N, K, H, W], targetWeight: [N, K];  loss: [1]
 *   loss = lossScale / (N·K·H·W) · Σ (w · (prediction − target))²
 */
export const heatmapMse: Op<LossAttrs> = {
  name: 'heatmapMse',
  infer([prediction, target, weight]) {
    expectHeatmaps(prediction, target, weight);
    return [float32(1)];
  },
  grad(g, { node, attrs, inputs }, [dLoss]) {
    return g.add(heatmapMseGrad, [...inputs, dLoss!], attrs, `${node.name}.grad`);
  },
};

/**
 * Gradient of heatmapMse for the prediction.
 *   dLoss: [1];  d = dLoss · 2·lossScale / (N·K·H·W) · w² · (prediction − target)
 */
export const heatmapMseGrad: Op<LossAttrs> = {
  name: 'heatmapMseGrad',
  infer([prediction, target, weight, dLoss]) {
    expectHeatmaps(prediction, target, weight);
    expectShape('dLoss', dLoss, [1]);
    return [prediction!];
  },
};
