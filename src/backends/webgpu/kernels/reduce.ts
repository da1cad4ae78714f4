// The tree that ends every reduction inside a workgroup: pairs, then pairs of pairs, so that rounding
// grows with the logarithm of the count, and always in the same order.

/** WGSL: adds up `of[0 … count)` of workgroup memory (count a power of 2) into of[0]. */
export const treeSum = (of: string, count: number, stride = 1): string =>
  tree(count, stride, (other) => `${of}[lane] += ${of}[${other}];`);

/**
 * WGSL statements that halve `count` (a power of 2) rows of `stride` invocations until one is left;
 * `combine` joins the value of invocation `other` into that of invocation `lane`.
 */
export function tree(count: number, stride: number, combine: (other: string) => string): string {
  if (count === 1) return '';
  return `  for (var half = ${(count / 2) * stride}u; half >= ${stride}u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { ${combine('lane + half')} }
  }
  workgroupBarrier();`;
}

/** The power of 2 at or above n. */
export const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)));
