// How oneDNN computes each op but convolutions (convolution.ts) and the small work at the edges of
// the network (hostKernels.ts). Activations are blocked by 16 (or 8) channels.

import { elementCount, type Value } from '../../graph/graph.ts';
import type { BatchNormAttrs } from '../../ops/batchNorm.ts';
import type { NormalizeAttrs } from '../../ops/normalizeImage.ts';
import type { KernelTable } from '../backend.ts';
import { adamUpdate } from './adam.ts';
import { conv2d, conv2dGradInput, conv2dGradWeight } from './convolution.ts';
import { arg, elementBytes, type MemoryDesc, type PostOp } from './dnnl2.ts';
import {
  gaussianHeatmaps,
  heatmapMse,
  heatmapMseGrad,
  movingAverage,
  zeroOnOverflow,
  zerosLike,
} from './hostKernels.ts';
import type { Kernel, Lowering } from './lower.ts';

/** pixel · 1/255 by a reorder, then − mean and ÷ std, each rounded to float32 as in the reference. */
const normalizeImage: Kernel = ({ node, attrs, inputs: [images], outputs: [y] }, low) => {
  const { mean, std } = attrs as NormalizeAttrs;
  const plain = low.plain(y!);
  const pixels = { ...low.tensor(images!), desc: low.dnnl.desc('uint8', y!.shape, 'nhwc') };
  const unit = low.scratch(plain);
  low.reorder(pixels, unit, node.name, 1 / 255);
  const perChannel = low.dnnl.desc('float32', [1, mean.length, 1, 1], 'nchw');
  const constants = [low.scratch(perChannel), low.scratch(perChannel)] as const;
  const label = `${node.name}.constants`;
  low.host('normalizeImage', label, [], constants, ([means, deviations]) => () => {
    means!.set(mean);
    deviations!.set(std);
  });
  const divide: PostOp = { kind: 'binary', algorithm: 'div', desc: perChannel };
  const pd = low.dnnl.binary('sub', plain, perChannel, plain, [divide]);
  const out = low.out(y!, plain, unit);
  const args = [
    [arg.src, unit],
    [arg.src1, constants[0]],
    [arg.postOpSource(0), constants[1]],
    [arg.dst, out],
  ] as const;
  low.primitive('normalizeImage', node.name, pd, args, [out]);
};

const batchNormTrain: Kernel = ({ node, attrs, inputs: [x, gamma, beta], outputs }, low) => {
  const { epsilon, relu } = attrs as BatchNormAttrs;
  const [y, mean, variance] = outputs as [Value, Value, Value];
  const desc = low.activation(x!);
  const pd = low.dnnl.batchNormForward(desc, epsilon, { training: true, relu });
  const out = low.out(y, desc);
  const stats = [low.out(mean, low.plain(mean)), low.out(variance, low.plain(variance))] as const;
  const workspace = relu ? low.scratch(pd.desc('workspace')) : undefined;
  const args = [
    [arg.src, low.in(x!, desc)],
    [arg.scale, low.tensor(gamma!)],
    [arg.shift, low.tensor(beta!)],
    [arg.dst, out],
    [arg.mean, stats[0]],
    [arg.variance, stats[1]],
    [arg.workspace, workspace],
  ] as const;
  if (workspace) low.workspaces.set(mean.id, workspace);
  const writes = workspace ? [out, ...stats, workspace] : [out, ...stats];
  low.primitive('batchNormTrain', node.name, pd, args, writes);
};

const batchNormGrad: Kernel = ({ node, attrs, inputs, outputs }, low) => {
  const { epsilon, relu } = attrs as BatchNormAttrs;
  const [x, gamma, beta, mean, variance, , dy] = inputs as Value[];
  const [dx, dgamma, dbeta] = outputs as [Value, Value, Value];
  const desc = low.activation(x!);
  const workspace = low.workspaces.get(mean!.id);
  if (relu && !workspace)
    throw new Error(`batchNormGrad: '${node.name}' has no forward part in its program`);
  const forward = low.dnnl.batchNormForward(desc, epsilon, { training: true, relu });
  const pd = low.dnnl.batchNormBackward(desc, epsilon, relu, forward);
  forward.destroy();
  const gradient = low.in(dy!, desc);
  const out = low.out(dx, desc, gradient);
  const sums = [low.out(dgamma, low.plain(dgamma)), low.out(dbeta, low.plain(dbeta))] as const;
  const args = [
    [arg.src, low.in(x!, desc)],
    [arg.mean, low.tensor(mean!)],
    [arg.variance, low.tensor(variance!)],
    [arg.scale, low.tensor(gamma!)],
    [arg.shift, low.tensor(beta!)],
    [arg.diffDst, gradient],
    [arg.workspace, workspace],
    [arg.diffSrc, out],
    [arg.diffScale, sums[0]],
    [arg.diffShift, sums[1]],
  ] as const;
  low.primitive('batchNormGrad', node.name, pd, args, [out, ...sums]);
};

const batchNormInference: Kernel = ({ node, attrs, inputs, outputs: [y] }, low) => {
  const { epsilon, relu } = attrs as BatchNormAttrs;
  const [x, gamma, beta, mean, variance] = inputs as Value[];
  const desc = low.activation(x!);
  const pd = low.dnnl.batchNormForward(desc, epsilon, { training: false, relu });
  const source = low.in(x!, desc);
  const out = low.out(y!, desc, source);
  const args = [
    [arg.src, source],
    [arg.scale, low.tensor(gamma!)],
    [arg.shift, low.tensor(beta!)],
    [arg.mean, low.tensor(mean!)],
    [arg.variance, low.tensor(variance!)],
    [arg.dst, out],
  ] as const;
  low.primitive('batchNormInference', node.name, pd, args, [out]);
};

const relu: Kernel = ({ node, inputs: [x], outputs: [y] }, low) => {
  const source = low.tensor(x!);
  const pd = low.dnnl.relu(source.desc);
  const out = low.out(y!, source.desc, source);
  low.primitive(
    'relu',
    node.name,
    pd,
    [
      [arg.src, source],
      [arg.dst, out],
    ],
    [out],
  );
};

const reluGrad: Kernel = ({ node, inputs: [y, dy], outputs: [dx] }, low) => {
  const result = low.tensor(y!);
  const gradient = low.in(dy!, result.desc);
  const pd = low.dnnl.reluBackward(result.desc);
  const out = low.out(dx!, result.desc, gradient);
  const args = [
    [arg.dst, result],
    [arg.diffDst, gradient],
    [arg.diffSrc, out],
  ] as const;
  low.primitive('reluGrad', node.name, pd, args, [out]);
};

/** Whether the layout fills blocks of channels up with zeros. */
const isPadded = (low: Lowering, desc: MemoryDesc, { shape }: Value) =>
  low.dnnl.bytes(desc) > elementCount(shape) * elementBytes[low.storage];

/**
 * a + b, element by element; takes the place of a where a is not read again. (Not with a ReLU where
 * blocks are filled up: in place, oneDNN 2.6 gets the last block's channels wrong.)
 */
const sum: Kernel = ({ node, attrs, inputs: [a, b], outputs: [y] }, low) => {
  const first = low.tensor(a!);
  const second = low.in(b!, first.desc);
  const postOps: PostOp[] = attrs.relu ? [{ kind: 'relu' }] : [];
  const pd = low.dnnl.binary('add', first.desc, second.desc, first.desc, postOps);
  const inPlace = !attrs.relu || !isPadded(low, first.desc, y!);
  const out = low.out(y!, first.desc, inPlace ? first : undefined);
  const args = [
    [arg.src, first],
    [arg.src1, second],
    [arg.dst, out],
  ] as const;
  low.primitive(node.op, node.name, pd, args, [out]);
};

const upsampleNearest: Kernel = ({ node, inputs: [x], outputs: [y] }, low) => {
  const pd = low.dnnl.resample(low.activation(x!), low.activation(y!));
  const out = low.out(y!, low.activation(y!));
  const args = [
    [arg.src, low.in(x!, low.activation(x!))],
    [arg.dst, out],
  ] as const;
  low.primitive('upsampleNearest', node.name, pd, args, [out]);
};

/** As averages times the size of a block: the library's own gradient of upsampling takes five times as long. */
const sumBlocks: Kernel = ({ node, attrs, inputs: [x], outputs: [y] }, low) => {
  const { scale } = attrs as { scale: number };
  const desc = low.activation(x!);
  const times: PostOp = { kind: 'linear', alpha: scale * scale, beta: 0 };
  const pd = low.dnnl.averageBlocks(desc, low.activation(y!), scale, [times]);
  const out = low.out(y!, low.activation(y!));
  const args = [
    [arg.src, low.in(x!, desc)],
    [arg.dst, out],
  ] as const;
  low.primitive('sumBlocks', node.name, pd, args, [out]);
};

export const kernels = {
  normalizeImage,
  conv2d,
  conv2dGradInput,
  conv2dGradWeight,
  batchNormTrain,
  batchNormInference,
  batchNormGrad,
  movingAverage,
  relu,
  reluGrad,
  add: sum,
  upsampleNearest,
  sumBlocks,
  gaussianHeatmaps,
  heatmapMse,
  heatmapMseGrad,
  adamUpdate,
  accumulate: sum,
  zerosLike,
  zeroOnOverflow,
} satisfies KernelTable<Kernel>;
