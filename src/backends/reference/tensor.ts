// What the reference kernels work on: every value is a row-major array of doubles.
import type { Shape } from '../../graph/graph.ts';

export interface Tensor {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** One node to compute: fills the data of `outputs` from those of `inputs`. */
export interface Site {
  // biome-ignore lint/suspicious/noExplicitAny: typed by the kernel that reads them.
  readonly attrs: any;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

export type Kernel = (site: Site) => void;

/** N, C, H, W of a 4-dimensional tensor. */
export const dims = ({ shape }: Tensor) => shape as unknown as [number, number, number, number];
