// Batch normalisation by its definition: means and variances in two passes over the values.
import type { BatchNormAttrs } from '../../ops/batchNorm.ts';
import { dims, type Kernel, type Tensor } from './tensor.ts';

/** Calls `visit` for every element of x with its channel. */
function forEachElement(x: Tensor, visit: (i: number, channel: number) => void): void {
  const [n, c, height, width] = dims(x);
  let i = 0;
  for (let image = 0; image < n; image++) {
    for (let channel = 0; channel < c; channel++) {
      for (let pixel = 0; pixel < height * width; pixel++) visit(i++, channel);
    }
  }
}

/** Values of one channel: N·H·W. */
const perChannel = (x: Tensor) => x.data.length / x.shape[1]!;

function meanOf(x: Tensor, value: (i: number, channel: number) => number, out: Tensor): void {
  out.data.fill(0);
  forEachElement(x, (i, c) => {
    out.data[c]! += value(i, c);
  });
  out.data.forEach((sum, c) => {
    out.data[c] = sum / perChannel(x);
  });
}

function normalize(
  x: Tensor,
  [gamma, beta, mean, variance]: readonly Tensor[],
  { epsilon, relu }: BatchNormAttrs,
  y: Tensor,
): void {
  forEachElement(x, (i, c) => {
    const standard = (x.data[i]! - mean!.data[c]!) / Math.sqrt(variance!.data[c]! + epsilon);
    const value = gamma!.data[c]! * standard + beta!.data[c]!;
    y.data[i] = relu ? Math.max(0, value) : value;
  });
}

export const batchNormTrain: Kernel = ({ attrs, inputs, outputs }) => {
  const [x, gamma, beta] = inputs as [Tensor, Tensor, Tensor];
  const [y, mean, variance] = outputs as [Tensor, Tensor, Tensor];
  meanOf(x, (i) => x.data[i]!, mean);
  meanOf(x, (i, c) => (x.data[i]! - mean.data[c]!) ** 2, variance);
  normalize(x, [gamma, beta, mean, variance], attrs, y);
};

export const batchNormInference: Kernel = ({ attrs, inputs: [x, ...statistics], outputs: [y] }) =>
  normalize(x!, statistics, attrs, y!);

export const batchNormGrad: Kernel = ({ attrs, inputs, outputs }) => {
  const { epsilon, relu } = attrs as BatchNormAttrs;
  const [x, gamma, , mean, variance, y, dy] = inputs as Tensor[];
  const [dx, dgamma, dbeta] = outputs as [Tensor, Tensor, Tensor];
  const deviation = (c: number) => Math.sqrt(variance!.data[c]! + epsilon);
  const standard = (i: number, c: number) => (x!.data[i]! - mean!.data[c]!) / deviation(c);
  const arriving = (i: number) => (relu && !(y!.data[i]! > 0) ? 0 : dy!.data[i]!);

  dgamma.data.fill(0);
  dbeta.data.fill(0);
  forEachElement(x!, (i, c) => {
    dgamma.data[c]! += arriving(i) * standard(i, c);
    dbeta.data[c]! += arriving(i);
  });
  const n = perChannel(x!);
  forEachElement(x!, (i, c) => {
    const shared = dbeta.data[c]! / n + (standard(i, c) * dgamma.data[c]!) / n;
    dx.data[i] = (gamma!.data[c]! / deviation(c)) * (arriving(i) - shared);
  });
};

export const movingAverage: Kernel = ({ attrs, inputs: [running, batch], outputs: [next] }) => {
  const { momentum, scale } = attrs as { momentum: number; scale: number };
  running!.data.forEach((value, c) => {
    next!.data[c] = momentum * value + (1 - momentum) * scale * batch!.data[c]!;
  });
};
