// The scale of gradients that are kept in half precision. Many gradients of activations are smaller than
// the smallest half; multiplied by a large power of 2, as that of the loss is at the start, they fit, and the
// update divides them by it again, exactly. The scale finds its place by itself: a step whose gradients overflow changes
// nothing and halves it, a long time without overflow doubles it.
// P. Micikevicius et al.: Mixed Precision Training, ICLR 2018, section 3.2.
import { numericalError } from '../errors.ts';

export interface GradientScale {
  /** A power of 2. */
  readonly scale: number;
  /** Steps since the scale changed. */
  readonly goodSteps: number;
}

export const firstGradientScale: GradientScale = { scale: 2 ** 16, goodSteps: 0 };

const growAfter = 1000;
const largest = 2 ** 24;
/** Gradients that overflow even so are no matter of the scale. */
const smallest = 2 ** -10;

/**
 * The scale of the next update. Changes between updates only, so that the gradients of micro-batches that are
 * summed have the same one.
 */
export function nextGradientScale(
  { scale, goodSteps }: GradientScale,
  overflow: boolean,
): GradientScale {
  if (overflow) return { scale: halved(scale), goodSteps: 0 };
  if (goodSteps + 1 < growAfter) return { scale, goodSteps: goodSteps + 1 };
  return { scale: Math.min(2 * scale, largest), goodSteps: 0 };
}

function halved(scale: number): number {
  if (scale > smallest) return scale / 2;
  throw numericalError(
    `train: gradients are beyond half precision in every step, even scaled by ${scale}. ` +
      'Nothing of these steps was kept. Go on from the last checkpoint without --amp f16.',
  );
}
