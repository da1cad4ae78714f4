// The three convolution kernels on tensors: their shaders and tiles are chosen and made in conv/.
import type { Shape } from '../../../graph/graph.ts';
import type { ConvAttrs, FusedConvAttrs } from '../../../ops/conv2d.ts';
import { type ConvDims, flopsOf } from '../conv/dims.ts';
import { convForward } from '../conv/forward.ts';
import type { TwoStages } from '../conv/gradBias.ts';
import { convGradInput } from '../conv/gradInput.ts';
import { convGradWeight } from '../conv/gradWeight.ts';
import type { GpuTensor } from '../kernel.ts';
import { stridesOf } from '../layout.ts';
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
  const source = low.in(x!, 'channelsLast');
  const rest = [low.in(w!, 'weights'), ...(b ? [low.in(b, 'plain')] : [])];
  const term = residual ? low.in(added!, 'channelsLast') : undefined;
  const out = low.out(y!, 'channelsLast');
  const storages = { x: source.storage, residual: term?.storage ?? 'f32', y: out.storage };
  const shader = convForward(dims, end, low.tile('forward', dims), low.features, storages);
  low.dispatch(shader, [source, ...rest, ...(term ? [term] : []), out], flopsOf(dims));
};

export const conv2dGradInput: Kernel = ({ attrs, inputs: [dy, w], outputs: [dx] }, low) => {
  const dims = dimsOf(dx!.shape, w!.shape, dy!.shape, attrs);
  const gradient = low.in(dy!, 'channelsLast');
  const weights = low.in(w!, 'weights');
  const tile = low.tile('gradInput', dims);
  low.finish(dx!, ({ to, plus, relu }) => {
    const end = { bias: false, residual: plus !== undefined, relu };
    const storages = { dy: gradient.storage, residual: plus?.storage ?? 'f32', dx: to.storage };
    const tensors = [gradient, weights, ...(plus ? [plus] : []), to];
    const shader = convGradInput(dims, end, tile, low.features, storages);
    low.dispatch(shader, tensors, flopsOf(dims));
  });
};

export const conv2dGradWeight: Kernel = ({ attrs, inputs: [x, dy], outputs: [dw, db] }, low) => {
  const dims = dimsOf(x!.shape, dw!.shape, dy!.shape, attrs);
  const tile = low.tile('gradWeight', dims);
  const gradient = low.in(dy!, 'channelsLast');
  const source = low.in(x!, 'channelsLast');
  const storages = { x: source.storage, dy: gradient.storage };
  const sums = convGradWeight(dims, { bias: db !== undefined }, tile, low.features, storages);
  const reads = [source, gradient];
  inTwoStages(low, sums, reads, low.out(dw!, 'weights'), flopsOf(dims));
  const { floats } = stridesOf(dy!.shape, gradient.layout);
  if (db) inTwoStages(low, sums.bias!, [gradient], low.out(db, 'plain'), floats);
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
