// Convolutions of awkward sizes, and their results by the reference's plain loops, in the device's layouts.
import type { Shape } from '../../../graph/graph.ts';
import { conv2d, conv2dGradInput, conv2dGradWeight } from '../../reference/conv2d.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { type Layout, pack } from '../layout.ts';
import type { ConvDims } from './dims.ts';

export interface CaseSizes {
  readonly n?: number;
  readonly h: number;
  readonly w: number;
  readonly cin: number;
  readonly cout: number;
  readonly k?: number;
  readonly kw?: number;
  readonly stride?: number;
  readonly padding?: number;
}

export function dimsOfCase(sizes: CaseSizes): ConvDims {
  const { n = 1, h, w, cin, cout, k = 3, kw = k, stride = 1, padding = (k - 1) / 2 } = sizes;
  const out = (side: number, kernel: number) =>
    Math.floor((side + 2 * padding - kernel) / stride) + 1;
  return { n, h, w, cin, cout, kh: k, kw, stride, padding, outH: out(h, k), outW: out(w, kw) };
}

/** Ends of rows and of tiles, one channel, three, 17; kernels larger than the picture; strides without taps. */
export const awkward: readonly CaseSizes[] = [
  { h: 1, w: 1, cin: 1, cout: 1, k: 1 },
  { h: 1, w: 1, cin: 17, cout: 3 },
  { n: 2, h: 11, w: 14, cin: 3, cout: 16, stride: 2 },
  { n: 3, h: 7, w: 5, cin: 17, cout: 33 },
  { n: 2, h: 9, w: 8, cin: 20, cout: 9, stride: 2 },
  { h: 6, w: 13, cin: 16, cout: 64 },
  { n: 2, h: 8, w: 6, cin: 32, cout: 36, stride: 2 },
  { n: 5, h: 6, w: 7, cin: 64, cout: 17, k: 1 },
  { h: 9, w: 5, cin: 7, cout: 70, k: 1 },
  { n: 2, h: 7, w: 8, cin: 12, cout: 16, k: 1, stride: 2 },
  { h: 10, w: 9, cin: 8, cout: 8, k: 5, stride: 3, padding: 1 },
  { h: 4, w: 9, cin: 4, cout: 5, padding: 0 },
];

/** Normal numbers by Box and Muller from a counter: the same in every run. */
export function normal(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => {
    return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  });
}

const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

function tensor(shape: Shape, seed?: number, stored = (value: number) => value): Tensor {
  if (seed === undefined) return { shape, data: new Float64Array(count(shape)) };
  return { shape, data: Float64Array.from(normal(count(shape), seed), stored) };
}

const packed = ({ shape, data }: Tensor, layout: Layout) =>
  pack(Float32Array.from(data), shape, layout);

/**
 * Inputs and expected results, padded as on the device; `reluSum` is relu(y + bias + residual), `dxSum` is
 * dx + added.
 * @param stored what memory makes of an element of an activation
 */
export function expectedOf(d: ConvDims, stored?: (value: number) => number) {
  const attrs = { stride: d.stride, padding: d.padding };
  const x = tensor([d.n, d.cin, d.h, d.w], 1, stored);
  const w = tensor([d.cout, d.cin, d.kh, d.kw], 2);
  const bias = tensor([d.cout], 3);
  const yShape = [d.n, d.cout, d.outH, d.outW];
  const residual = tensor(yShape, 4, stored);
  const dy = tensor(yShape, 5, stored);
  const added = tensor(x.shape, 6, stored);
  const [y, reluSum, dx, dw, db] = [yShape, yShape, x.shape, w.shape, bias.shape].map((shape) =>
    tensor(shape),
  ) as [Tensor, Tensor, Tensor, Tensor, Tensor];
  conv2d({ attrs, inputs: [x, w], outputs: [y] });
  const fused = { ...attrs, relu: true, residual: true };
  conv2d({ attrs: fused, inputs: [x, w, bias, residual], outputs: [reluSum] });
  conv2dGradInput({ attrs, inputs: [dy, w], outputs: [dx] });
  const dxSum = { shape: x.shape, data: dx.data.map((value, i) => value + added.data[i]!) };
  conv2dGradWeight({ attrs, inputs: [x, dy], outputs: [dw, db] });
  const pictures = { x, residual, dy, y, reluSum, dx, added, dxSum };
  return {
    ...(Object.fromEntries(
      Object.entries(pictures).map(([name, t]) => [name, packed(t, 'channelsLast')]),
    ) as Record<keyof typeof pictures, Float32Array>),
    w: packed(w, 'weights'),
    dw: packed(dw, 'weights'),
    bias: packed(bias, 'plain'),
    db: packed(db, 'plain'),
  };
}
