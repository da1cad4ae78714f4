// Element by element ops, nearest-neighbour upsampling and its block sum, pixels to input.
import type { NormalizeAttrs } from '../../ops/normalizeImage.ts';
import type { ScaleAttrs } from '../../ops/upsampleNearest.ts';
import { dims, type Kernel, type Site, type Tensor } from './tensor.ts';

/** y[i] = f(a[i], b[i]); b may be absent. */
const map =
  (f: (a: number, b: number, site: Site) => number): Kernel =>
  (site) => {
    const [a, b] = site.inputs as [Tensor, Tensor?];
    a.data.forEach((value, i) => {
      site.outputs[0]!.data[i] = f(value, b?.data[i] ?? 0, site);
    });
  };

export const relu = map((x) => Math.max(0, x));
export const reluGrad = map((y, dy) => (y > 0 ? dy : 0));
export const add = map((a, b, { attrs }) => (attrs.relu ? Math.max(0, a + b) : a + b));
export const accumulate = map((total, part) => total + part);
export const zerosLike = map(() => 0);

/** Calls `visit` with every element of the large tensor and the element of the small one over it. */
function forEachBlockElement(
  large: Tensor,
  { scale }: ScaleAttrs,
  visit: (largeIndex: number, smallIndex: number) => void,
): void {
  const [n, c, height, width] = dims(large);
  for (let plane = 0; plane < n * c; plane++) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const row = plane * (height / scale) + Math.floor(i / scale);
        const small = row * (width / scale) + Math.floor(j / scale);
        visit((plane * height + i) * width + j, small);
      }
    }
  }
}

export const upsampleNearest: Kernel = ({ attrs, inputs: [x], outputs: [y] }) =>
  forEachBlockElement(y!, attrs, (large, small) => {
    y!.data[large] = x!.data[small]!;
  });

export const sumBlocks: Kernel = ({ attrs, inputs: [x], outputs: [y] }) => {
  y!.data.fill(0);
  forEachBlockElement(x!, attrs, (large, small) => {
    y!.data[small]! += x!.data[large]!;
  });
};

/** [N, H, W, 3] pixels → [N, 3, H, W]. */
export const normalizeImage: Kernel = ({ attrs, inputs: [images], outputs: [y] }) => {
  const { mean, std } = attrs as NormalizeAttrs;
  const [n, , height, width] = dims(y!);
  for (let image = 0; image < n; image++) {
    for (let c = 0; c < 3; c++) {
      for (let p = 0; p < height * width; p++) {
        const pixel = images!.data[(image * height * width + p) * 3 + c]!;
        y!.data[(image * 3 + c) * height * width + p] = (pixel / 255 - mean[c]!) / std[c]!;
      }
    }
  }
};
