// Casts between float32 and half precision in ONNX graphs, and float32 arithmetic that rounds as halves do.
import { int, type OnnxBuilder } from './builder.ts';
import { type ElementType, elementTypes } from './proto.ts';

export const cast = (g: OnnxBuilder, value: string, type: ElementType, output: string): string =>
  g.node('Cast', [value], {
    name: `${output}.cast`,
    output,
    attributes: { to: int(elementTypes[type]) },
  });

/** float32 values that halves can hold; beyond the largest half they are infinite. */
export const roundToHalf = (g: OnnxBuilder, value: string, output: string): string =>
  cast(g, cast(g, value, 'float16', `${output}.half`), 'float32', output);

/** A builder whose nodes have their results rounded to halves. */
export const roundingBuilder = (g: OnnxBuilder): OnnxBuilder => ({
  ...g,
  node(op, inputs, options) {
    const output = options.output ?? options.name;
    const exact = g.node(op, inputs, { ...options, output: `${output}.exact` });
    return roundToHalf(g, exact, output);
  },
});
