// What an op is: one record that says what a node means, which shapes it takes and gives, and what
// its gradient is in terms of other ops. How it is computed is a backend's business.
import { inputError } from '../errors.ts';
import type { Builder } from '../graph/builder.ts';
import { type DType, type Node, type Shape, showShape, type Value } from '../graph/graph.ts';

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface Op<A = object> {
  readonly name: string;
  /** Names of the outputs, where there is more than one. */
  readonly outputs?: readonly string[];
  /** Types of the outputs; throws an HrposeError where the inputs do not fit. */
  infer(inputs: readonly TensorType[], attrs: A): readonly TensorType[];
  /**
   * Gradients of the inputs from those of the outputs; undefined where none flows. `dys[i]` is
   * undefined where output i does not reach the loss. Absent: the op stops gradients.
   */
  grad?(g: Builder, at: GradSite<A>, dys: readonly (Value | undefined)[]): (Value | undefined)[];
}

/** The forward node whose gradient is being built. */
export interface GradSite<A> {
  readonly node: Node;
  readonly attrs: A;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Whether input i needs a gradient at all. */
  readonly needs: readonly boolean[];
}

export const float32 = (...shape: number[]): TensorType => ({ dtype: 'float32', shape });

/** Throws unless x is a 4-dimensional float32 tensor; returns its dimensions. */
export function expect4d(
  what: string,
  x: TensorType | undefined,
): [number, number, number, number] {
  if (x === undefined || x.shape.length !== 4 || x.dtype !== 'float32') {
    throw inputError(
      `expected ${what} to be float32 [N, C, H, W], got ${x ? `${x.dtype} ${showShape(x.shape)}` : 'nothing'}`,
    );
  }
  return x.shape as unknown as [number, number, number, number];
}

/** Throws unless the tensor has exactly this shape. */
export function expectShape(what: string, x: TensorType | undefined, shape: Shape): void {
  if (x === undefined || showShape(x.shape) !== showShape(shape)) {
    throw inputError(
      `expected ${what} to be ${showShape(shape)}, got ${x ? showShape(x.shape) : 'nothing'}`,
    );
  }
}
