// A tensor from one layout to another, and plain copies. Only at the edges of a program: feeds and
// outputs that are pictures of floats, states that are kept in another layout than their kernel's.
import type { Shape } from '../../../graph/graph.ts';
import type { Shader } from '../kernel.ts';
import { four, type Layout, type Strides, stridesOf } from '../layout.ts';
import { perElement, read, readWrite } from '../wgsl.ts';

/** y ← x, `count` vectors of four. */
export const copyShader = (count: number): Shader =>
  perElement({
    label: `copy ${count}×4`,
    bindings: [read('x'), readWrite('y')],
    count,
    body: '  y[i] = x[i];',
  });

/** The layouts of a vector are all the same: the dimensions in front are 1, and it must not be spread. */
const isVector = (shape: Shape) => shape.length < 4;

/**
 * One invocation an element of y, padding included, which becomes 0. From the place in y follow the four
 * indices, from those the place in x.
 */
export function reorderShader(shape: Shape, from: Layout, to: Layout): Shader {
  if (from === to) return copyShader(stridesOf(shape, from).floats / 4);
  if (isVector(shape)) throw new Error(`reorder: ${shape.length} dimensions have one layout`);
  const source = stridesOf(shape, from);
  const target = stridesOf(shape, to);
  const sizes = four(shape);
  return perElement({
    label: `reorder ${from} → ${to} ${shape.join('×')}`,
    bindings: [read('x', 'f32'), readWrite('y', 'f32')],
    count: target.floats,
    body: `${indices(target)}
  if (${sizes.map((size, k) => `d${k} >= ${size}u`).join(' || ')}) {
    y[i] = 0.0;
    return;
  }
  y[i] = x[${source.steps.map((step, k) => `d${k} * ${step}u`).join(' + ')}];`,
  });
}

/** Statements that take `i` apart: the dimension with the widest step first. Padding is part of each. */
function indices({ steps, floats }: Strides): string {
  const order = [0, 1, 2, 3].sort((a, b) => steps[b]! - steps[a]! || a - b);
  let above = floats;
  return order
    .map((k) => {
      const step = steps[k]!;
      const count = above / step;
      above = step;
      return `  let d${k} = (i / ${step}u) % ${Math.max(1, Math.ceil(count))}u;`;
    })
    .join('\n');
}
