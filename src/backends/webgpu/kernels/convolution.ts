// The three convolution kernels on tensors: their shaders and tiles are chosen and made in conv/.
import type { Shape } from '../../../graph/graph.ts';
import type { ConvAttrs, FusedConvAttrs } from '../../../ops/conv2d.ts';
import { type ConvDims, flopsOf } from '../conv/dims.ts';
import { convForward } from '../conv/forward.ts';
import type { TwoStages } from '../conv/gradBias.ts';
import { convGradInput } from '../conv/gradInput.ts';
import { convGradWeight } from '../conv/gradWeight.ts';
import type { GpuTensor } from '../kernel.ts';
import type { Kernel, Lowering } from '../lower.ts';

function dimsOf(x: Shape, weight: Shape, y: Shape, { stride, padding }: ConvAttrs): ConvDims {
  const [n, cin, h, w] = x as [number, number, number, number];
  const [cout, , kh, kw] = weight as [number, number, number, number];
  const [, , outH, outW] = y as [number, number, number, number];
  return { n, h, w, cin, cout, kh, kw, stride, padding, outH, outW };
}

export const conv2d: Kernel = ({ attrs, inputs: [x, w, b, added], outputs: [y] }, low) => {
  const { relu = false, residual = false } = attrs as FusedConvAttrs;
  const dims = dimsOf(x!.shape, w!.shape, y!.shape, attrs);
  const end = { bias: b !== undefined, relu, residual };
  const shader = convForward(dims, end, low.tile('forward', dims), low.features);
  const tensors = [
    low.in(x!, 'channelsLast'),
    low.in(w!, 'weights'),
    ...(b ? [low.in(b, 'plain')] : []),
    ...(residual ? [low.in(added!, 'channelsLast')] : []),
    low.out(y!, 'channelsLast'),
  ];
  low.dispatch(shader, tensors, flopsOf(dims));
};

export const conv2dGradInput: Kernel = ({ attrs, inputs: [dy, w], outputs: [dx] }, low) => {
  const dims = dimsOf(dx!.shape, w!.shape, dy!.shape, attrs);
  const tensors = [
    low.in(dy!, 'channelsLast'),
    low.in(w!, 'weights'),
    low.out(dx!, 'channelsLast'),
  ];
  const shaders = convGradInput(dims, low.tile('gradInput', dims), low.features);
  for (const shader of shaders) low.dispatch(shader, tensors, flopsOf(dims) / shaders.length);
};

export const conv2dGradWeight: Kernel = ({ attrs, inputs: [x, dy], outputs: [dw, db] }, low) => {
  const dims = dimsOf(x!.shape, dw!.shape, dy!.shape, attrs);
  const tile = low.tile('gradWeight', dims);
  const sums = convGradWeight(dims, { bias: db !== undefined }, tile, low.features);
  const gradient = low.in(dy!, 'channelsLast');
  const reads = [low.in(x!, 'channelsLast'), gradient];
  inTwoStages(low, sums, reads, low.out(dw!, 'weights'), flopsOf(dims));
  if (db) inTwoStages(low, sums.bias!, [gradient], low.out(db, 'plain'), gradient.block.bytes / 4);
};

function inTwoStages(
  low: Lowering,
  { partials, reduce, scratchFloats }: TwoStages,
  reads: readonly GpuTensor[],
  out: GpuTensor,
  flops: number,
): void {
  const scratch = low.scratch([scratchFloats]);
  low.dispatch(partials, [...reads, scratch], flops);
  low.dispatch(reduce, [scratch, out], scratchFloats);
}
