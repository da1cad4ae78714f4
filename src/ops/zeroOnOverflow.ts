// Looks through gradients for what no number is left of, before they change parameters.
import { inputError } from '../errors.ts';
import { expectShape, float32, type Op } from './op.ts';

/**
 * y = x, or 0 where an element of a gradient is infinite or NaN.
 *   inputs: x [1], then one gradient or more of any shape
 *   y: [1]
 */
export const zeroOnOverflow: Op = {
  name: 'zeroOnOverflow',
  infer([x, ...gradients]) {
    expectShape('x', x, [1]);
    if (gradients.length === 0) throw inputError('expected at least one gradient, got none');
    return [float32(1)];
  },
};
