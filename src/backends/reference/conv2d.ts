// Convolution by its definition. One walk over all (output, weight, input) triples serves the forward
// direction and both gradients: they differ in which of the three is summed.
import type { ConvAttrs, FusedConvAttrs } from '../../ops/conv2d.ts';
import { dims, type Kernel, type Tensor } from './tensor.ts';

/** Calls `visit` with the element indices of y, w and x wherever y[yi] takes in w[wi] · x[xi]. */
function forEachProduct(
  y: Tensor,
  w: Tensor['shape'],
  x: Tensor,
  { stride, padding }: ConvAttrs,
  visit: (yi: number, wi: number, xi: number) => void,
): void {
  const [n, m, yHeight, yWidth] = dims(y);
  const [, c, height, width] = dims(x);
  const k = w[2]!;
  for (let image = 0; image < n; image++) {
    for (let out = 0; out < m; out++) {
      for (let i = 0; i < yHeight; i++) {
        for (let j = 0; j < yWidth; j++) {
          const yi = ((image * m + out) * yHeight + i) * yWidth + j;
          for (let channel = 0; channel < c; channel++) {
            for (let u = 0; u < k; u++) {
              const row = i * stride + u - padding;
              if (row < 0 || row >= height) continue;
              for (let v = 0; v < k; v++) {
                const column = j * stride + v - padding;
                if (column < 0 || column >= width) continue;
                const wi = ((out * c + channel) * k + u) * k + v;
                visit(yi, wi, ((image * c + channel) * height + row) * width + column);
              }
            }
          }
        }
      }
    }
  }
}

/** Output channel of every element of y. */
const channelOf = (y: Tensor) => {
  const [, m, height, width] = dims(y);
  return (yi: number) => Math.floor(yi / (height * width)) % m;
};

export const conv2d: Kernel = ({ attrs, inputs: [x, w, b, residual], outputs: [y] }) => {
  const { relu } = attrs as FusedConvAttrs;
  const channel = channelOf(y!);
  y!.data.forEach((_, yi) => {
    y!.data[yi] = (b?.data[channel(yi)] ?? 0) + (residual?.data[yi] ?? 0);
  });
  forEachProduct(y!, w!.shape, x!, attrs, (yi, wi, xi) => {
    y!.data[yi]! += w!.data[wi]! * x!.data[xi]!;
  });
  if (relu)
    y!.data.forEach((value, yi) => {
      y!.data[yi] = Math.max(0, value);
    });
};

export const conv2dGradInput: Kernel = ({ attrs, inputs: [dy, w], outputs: [dx] }) => {
  dx!.data.fill(0);
  forEachProduct(dy!, w!.shape, dx!, attrs, (yi, wi, xi) => {
    dx!.data[xi]! += w!.data[wi]! * dy!.data[yi]!;
  });
};

export const conv2dGradWeight: Kernel = ({ attrs, inputs: [x, dy], outputs: [dw, db] }) => {
  dw!.data.fill(0);
  forEachProduct(dy!, dw!.shape, x!, attrs, (yi, wi, xi) => {
    dw!.data[wi]! += dy!.data[yi]! * x!.data[xi]!;
  });
  if (!db) return;
  db.data.fill(0);
  const channel = channelOf(dy!);
  dy!.data.forEach((value, yi) => {
    db.data[channel(yi)]! += value;
  });
};
