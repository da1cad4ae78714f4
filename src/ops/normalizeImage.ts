// Pixels to network input.
import { inputError } from '../errors.ts';
import { showShape } from '../graph/graph.ts';
import { float32, type Op } from './op.ts';

export interface NormalizeAttrs {
  /** Per channel (RGB), of values in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Normalises RGB pixels (spec 3.10).
 *   images: [N, H, W, 3] uint8;  y: [N, 3, H, W],  y = (pixel/255 − mean[c]) / std[c]
 */
export const normalizeImage: Op<NormalizeAttrs> = {
  name: 'normalizeImage',
  infer([images]) {
    const { dtype, shape } = images!;
    if (dtype !== 'uint8' || shape.length !== 4 || shape[3] !== 3) {
      throw inputError(
        `expected images to be uint8 [N, H, W, 3], got ${dtype} ${showShape(shape)}`,
      );
    }
    return [float32(shape[0]!, 3, shape[1]!, shape[2]!)];
  },
};
