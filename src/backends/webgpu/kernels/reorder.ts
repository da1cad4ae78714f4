// A tensor from one layout to another, and plain copies. Only at the edges of a program: feeds and
// outputs that are pictures of floats, states that are kept in another layout than their kernel's.
import type { Shape } from '../../../graph/graph.ts';
import { narrowed, type Storage, type Storages, vectors } from '../halves.ts';
import type { Shader } from '../kernel.ts';
import { four, type Layout, type Strides, stridesOf } from '../layout.ts';
import { perElement, read, readWrite } from '../wgsl.ts';

/** y ← x as it lies, `count` vectors of four. */
export const copyShader = (count: number, storage: Storage = 'f32'): Shader =>
  perElement({
    label: `copy ${count}×4`,
    bindings: [read('x', vectors(storage)), readWrite('y', vectors(storage))],
    count,
    body: '  y[i] = x[i];',
  });

/** The layouts of a vector are all the same: the dimensions in front are 1, and it must not be spread. */
const isVector = (shape: Shape) => shape.length < 4;

/** From the place of an element in y follow the four indices, from those its place in x. Padding becomes 0. */
export function reorderShader(
  shape: Shape,
  from: Layout,
  to: Layout,
  { x, y }: Storages<'x' | 'y'> = {},
): Shader {
  const target = stridesOf(shape, to);
  if (from === to) return copyShader(target.floats / 4, y);
  if (isVector(shape)) throw new Error(`reorder: ${shape.length} dimensions have one layout`);
  const { steps } = stridesOf(shape, from);
  const at = steps.map((step, k) => `d${k} * ${step}u`).join(' + ');
  const outside = four(shape).map((size, k) => `d${k} >= ${size}u`);
  const element = x === 'f16' ? `widen(x[(${at}) / 4u])[(${at}) % 4u]` : `x[${at}]`;
  const label = `reorder ${from} → ${to} ${shape.join('×')}`;
  const source = read('x', x === 'f16' ? vectors(x) : 'f32');
  if (y !== 'f16') {
    return perElement({
      label,
      bindings: [source, readWrite('y', 'f32')],
      count: target.floats,
      body: `${indices('i', target)}
  if (${outside.join(' || ')}) {
    y[i] = 0.0;
    return;
  }
  y[i] = ${element};`,
    });
  }
  // Halves are written in whole vectors.
  return perElement({
    label,
    bindings: [source, readWrite('y', vectors(y))],
    count: target.floats / 4,
    body: `  var vector = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    let e = i * 4u + j;
${indices('e', target)}
    if (!(${outside.join(' || ')})) { vector[j] = ${element}; }
  }
  y[i] = ${narrowed(y, 'vector')};`,
  });
}

/** Statements that take a place apart: the dimension with the widest step first. Padding is part of each. */
function indices(place: string, { steps, floats }: Strides): string {
  const order = [0, 1, 2, 3].sort((a, b) => steps[b]! - steps[a]! || a - b);
  let above = floats;
  return order
    .map((k) => {
      const step = steps[k]!;
      const count = above / step;
      above = step;
      return `  let d${k} = (${place} / ${step}u) % ${Math.max(1, Math.ceil(count))}u;`;
    })
    .join('\n');
}
