// Nearest-neighbour upsampling and its gradient, the block sum: one invocation a vector of four
// channels of the result.
import type { Shape } from '../../../graph/graph.ts';
import type { ScaleAttrs } from '../../../ops/upsampleNearest.ts';
import type { Shader } from '../kernel.ts';
import { padded } from '../layout.ts';
import type { Kernel } from '../lower.ts';
import { perElement, read, readWrite } from '../wgsl.ts';

/** Statements: channel vector `c`, column `x`, row `y`, over all pictures, of element i of [N, H, W, V]. */
const place = (vectors: number, width: number) => `  let c = i % ${vectors}u;
  let x = (i / ${vectors}u) % ${width}u;
  let y = i / ${vectors * width}u;`;

/** small: [N, C, H, W]; large: [N, C, H·scale, W·scale]. Rows of all pictures are numbered through. */
export function upsampleShader([n, c, h, w]: Shape, scale: number): Shader {
  const vectors = padded(c!) / 4;
  return perElement({
    label: `upsample ×${scale} ${n}×${c}×${h}×${w}`,
    bindings: [read('small'), readWrite('large')],
    count: n! * h! * w! * scale * scale * vectors,
    body: `${place(vectors, w! * scale)}
  large[i] = small[((y / ${scale}u) * ${w}u + x / ${scale}u) * ${vectors}u + c];`,
  });
}

export function sumBlocksShader([n, c, h, w]: Shape, scale: number): Shader {
  const vectors = padded(c!) / 4;
  return perElement({
    label: `sumBlocks ×${scale} ${n}×${c}×${h}×${w}`,
    bindings: [read('large'), readWrite('small')],
    count: n! * h! * w! * vectors,
    body: `${place(vectors, w!)}
  var sum = vec4<f32>();
  for (var v = 0u; v < ${scale}u; v++) {
    let row = (y * ${scale}u + v) * ${w! * scale}u + x * ${scale}u;
    var line = vec4<f32>();
    for (var u = 0u; u < ${scale}u; u++) { line += large[(row + u) * ${vectors}u + c]; }
    sum += line;
  }
  small[i] = sum;`,
  });
}

export const upsampleNearest: Kernel = ({ attrs, inputs: [x], outputs: [y] }, low) => {
  const source = low.in(x!, 'channelsLast');
  const shader = upsampleShader(x!.shape, (attrs as ScaleAttrs).scale);
  low.dispatch(shader, [source, low.out(y!, 'channelsLast')]);
};

export const sumBlocks: Kernel = ({ attrs, inputs: [x], outputs: [y] }, low) => {
  const source = low.in(x!, 'channelsLast');
  const shader = sumBlocksShader(y!.shape, (attrs as ScaleAttrs).scale);
  low.dispatch(shader, [source, low.out(y!, 'channelsLast')], source.block.bytes / 4);
};
