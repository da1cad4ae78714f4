// The three convolution kernels on tensors: their shaders are made in conv/.
import type { Shape } from '../../../graph/graph.ts';
import type { ConvAttrs, FusedConvAttrs } from '../../../ops/conv2d.ts';
import type { Kernel } from '../lower.ts';
import { plainForward, plainGradBias, plainGradInput, plainGradWeight } from './plainConv.ts';

export interface ConvDims {
  n: number;
  h: number;
  w: number;
  cin: number;
  cout: number;
  kh: number;
  kw: number;
  stride: number;
  padding: number;
  outH: number;
  outW: number;
}

function dimsOf(x: Shape, weight: Shape, y: Shape, { stride, padding }: ConvAttrs): ConvDims {
  const [n, cin, h, w] = x as [number, number, number, number];
  const [cout, , kh, kw] = weight as [number, number, number, number];
  const [, , outH, outW] = y as [number, number, number, number];
  return { n, h, w, cin, cout, kh, kw, stride, padding, outH, outW };
}

/** Two operations a multiply-add. */
const flopsOf = ({ n, outH, outW, cin, cout, kh, kw }: ConvDims) =>
  2 * n * outH * outW * cin * cout * kh * kw;

export const conv2d: Kernel = ({ attrs, inputs: [x, w, b, added], outputs: [y] }, low) => {
  const { relu = false, residual = false } = attrs as FusedConvAttrs;
  const dims = dimsOf(x!.shape, w!.shape, y!.shape, attrs);
  const tensors = [
    low.in(x!, 'channelsLast'),
    low.in(w!, 'weights'),
    ...(b ? [low.in(b, 'plain')] : []),
    ...(residual ? [low.in(added!, 'channelsLast')] : []),
    low.out(y!, 'channelsLast'),
  ];
  const shader = plainForward(dims, { bias: b !== undefined, relu, residual });
  low.dispatch(shader, tensors, flopsOf(dims));
};

export const conv2dGradInput: Kernel = ({ attrs, inputs: [dy, w], outputs: [dx] }, low) => {
  const dims = dimsOf(dx!.shape, w!.shape, dy!.shape, attrs);
  const tensors = [
    low.in(dy!, 'channelsLast'),
    low.in(w!, 'weights'),
    low.out(dx!, 'channelsLast'),
  ];
  low.dispatch(plainGradInput(dims), tensors, flopsOf(dims));
};

export const conv2dGradWeight: Kernel = ({ attrs, inputs: [x, dy], outputs: [dw, db] }, low) => {
  const dims = dimsOf(x!.shape, dw!.shape, dy!.shape, attrs);
  const source = low.in(x!, 'channelsLast');
  const gradient = low.in(dy!, 'channelsLast');
  low.dispatch(plainGradWeight(dims), [source, gradient, low.out(dw!, 'weights')], flopsOf(dims));
  if (db) low.dispatch(plainGradBias(dims), [gradient, low.out(db, 'plain')]);
};
