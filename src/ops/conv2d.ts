// Convolution and its two gradients. Square kernels, equal strides, zero padding, no groups.
import { inputError } from '../errors.ts';
import { showShape } from '../graph/graph.ts';
import { expect4d, expectShape, float32, type Op } from './op.ts';

export interface ConvAttrs {
  readonly stride: number;
  readonly padding: number;
}

/** What the inference passes join to a convolution; such a convolution has no gradient. */
export interface FusedConvAttrs extends ConvAttrs {
  /** Whether y is max(0, …). */
  readonly relu?: boolean;
  /** Whether a fourth input is added to y, before the ReLU. */
  readonly residual?: boolean;
}

const outputSide = (side: number, kernel: number, { stride, padding }: ConvAttrs) =>
  Math.floor((side + 2 * padding - kernel) / stride) + 1;

/**
 * Two-dimensional convolution (cross-correlation).
 *   x: [N, C, H, W], w: [M, C, k, k], b: [M] (optional), residual: like y (with attribute `residual`)
 *   y: [N, M, H', W'],  y[n, m, i, j] = b[m] + Σ_c,u,v w[m, c, u, v] · x[n, c, i·s + u − p, j·s + v − p]
 * With residual and relu (inference only): max(0, y + residual).
 */
export const conv2d: Op<FusedConvAttrs> = {
  name: 'conv2d',
  infer([x, w, b, residual], attrs) {
    const [n, c, height, width] = expect4d('x', x);
    const [m, wc, kh, kw] = expect4d('w', w);
    if (wc !== c || kh !== kw) {
      throw inputError(
        `expected x to have ${wc} channels (weight is ${showShape(w!.shape)}), got x ${showShape(x!.shape)}. Check the layer that feeds it`,
      );
    }
    if (b !== undefined) expectShape('bias', b, [m]);
    const y = float32(n, m, outputSide(height, kh, attrs), outputSide(width, kw, attrs));
    if (attrs.residual) expectShape('residual', residual, y.shape);
    return [y];
  },
  grad(g, { node, attrs, inputs: [x, w, b], needs }, [dy]) {
    const { stride, padding, relu, residual } = attrs;
    if (relu || residual) {
      throw new Error(
        `conv2d: '${node.name}' is fused for inference. Differentiate before fusing.`,
      );
    }
    const dx = needs[0]
      ? g.add(
          conv2dGradInput,
          [dy!, w!],
          { stride, padding, inputShape: x!.shape },
          `${node.name}.dx`,
        )[0]
      : undefined;
    const [dw, db] = g.add(
      conv2dGradWeight,
      [x!, dy!],
      { stride, padding, weightShape: w!.shape, bias: b !== undefined },
      `${node.name}.dw`,
    );
    return [dx, dw, db];
  },
};

/**
 * Gradient of conv2d for its input (a transposed convolution).
 *   dy: [N, M, H', W'], w: [M, C, k, k];  dx: inputShape
 *   dx[n, c, i·s + u − p, j·s + v − p] += w[m, c, u, v] · dy[n, m, i, j]
 */
export const conv2dGradInput: Op<ConvAttrs & { readonly inputShape: readonly number[] }> = {
  name: 'conv2dGradInput',
  infer([dy, w], { inputShape, ...attrs }) {
    const [m, , k] = expect4d('w', w);
    const [n, , height, width] = inputShape as [number, number, number, number];
    expectShape('dy', dy, [n, m, outputSide(height, k, attrs), outputSide(width, k, attrs)]);
    return [{ dtype: 'float32', shape: inputShape }];
  },
};

/**
 * Gradient of conv2d for its weight and, with `bias`, its bias.
 *   x: [N, C, H, W], dy: [N, M, H', W'];  dw: weightShape, db: [M]
 *   dw[m, c, u, v] = Σ_n,i,j dy[n, m, i, j] · x[n, c, i·s + u − p, j·s + v − p],  db[m] = Σ dy[n, m, i, j]
 */
export const conv2dGradWeight: Op<
  ConvAttrs & { readonly weightShape: readonly number[]; readonly bias: boolean }
> = {
  name: 'conv2dGradWeight',
  outputs: ['dw', 'db'],
  infer([x, dy], { weightShape, bias, ...attrs }) {
    const [n, , height, width] = expect4d('x', x);
    const [m, , k] = weightShape as [number, number, number, number];
    expectShape('dy', dy, [n, m, outputSide(height, k, attrs), outputSide(width, k, attrs)]);
    const dw = { dtype: 'float32', shape: weightShape } as const;
    return bias ? [dw, float32(m)] : [dw];
  },
};
