// The element by element ops: ReLU and the sum of two tensors, optionally followed by ReLU
// (attribute `relu`, set by the fuse pass).
import { expectShape, type Op } from './op.ts';

/** y = max(0, x). */
export const relu: Op = {
  name: 'relu',
  infer: ([x]) => [x!],
  grad: (g, { node, outputs: [y] }, [dy]) => g.add(reluGrad, [y!, dy!], {}, `${node.name}.dx`),
};

/** dx = dy where y > 0, else 0. */
export const reluGrad: Op = {
  name: 'reluGrad',
  infer([y, dy]) {
    expectShape('dy', dy, y!.shape);
    return [y!];
  },
};

/** y = a + b, or max(0, a + b) with relu. Shapes are equal. */
export const add: Op<{ readonly relu: boolean }> = {
  name: 'add',
  infer([a, b]) {
    expectShape('b', b, a!.shape);
    return [a!];
  },
  grad(g, { node, attrs, outputs: [y] }, [dy]) {
    if (!attrs.relu) return [dy, dy];
    const [dx] = g.add(reluGrad, [y!, dy!], {}, `${node.name}.dx`);
    return [dx, dx];
  },
};
