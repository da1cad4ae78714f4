// Nearest-neighbour upsampling by a whole factor and the block sum that is its gradient.
import { inputError } from '../errors.ts';
import { showShape } from '../graph/graph.ts';
import { expect4d, float32, type Op } from './op.ts';

export interface ScaleAttrs {
  readonly scale: number;
}

/**
 * Nearest-neighbour upsampling by a whole factor.
 *   x: [N, C, H, W];  y: [N, C, H·scale, W·scale],  y[n, c, i, j] = x[n, c, ⌊i/scale⌋, ⌊j/scale⌋]
 * Gradient: every dx element sums the scale × scale block of dy that it filled.
 */
export const upsampleNearest: Op<ScaleAttrs> = {
  name: 'upsampleNearest',
  infer([x], { scale }) {
    const [n, c, height, width] = expect4d('x', x);
    return [float32(n, c, height * scale, width * scale)];
  },
  grad: (g, { node, attrs }, [dy]) => g.add(sumBlocks, [dy!], attrs, `${node.name}.dx`),
};

/**
 * Sum over scale × scale blocks.
 *   x: [N, C, H·scale, W·scale];  y: [N, C, H, W]
 */
export const sumBlocks: Op<ScaleAttrs> = {
  name: 'sumBlocks',
  infer([x], { scale }) {
    const [n, c, height, width] = expect4d('x', x);
    if (height % scale !== 0 || width % scale !== 0) {
      throw inputError(
        `expected height and width to be multiples of ${scale}, got x ${showShape(x!.shape)}`,
      );
    }
    return [float32(n, c, height / scale, width / scale)];
  },
};
