// Nearest-neighbour upsampling and its gradient, the block sum: one invocation a vector of four
// channels of the result.
import type { Shape } from '../../../graph/graph.ts';
import type { ScaleAttrs } from '../../../ops/upsampleNearest.ts';
import { narrowed, type Storages, vectors, widened } from '../halves.ts';
import type { Shader } from '../kernel.ts';
import { padded, stridesOf } from '../layout.ts';
import type { Kernel } from '../lower.ts';
import { perElement, read, readWrite } from '../wgsl.ts';

/** Statements: channel vector `c`, column `x`, row `y`, over all pictures, of element i of [N, H, W, V]. */
const place = (vectors: number, width: number) => `  let c = i % ${vectors}u;
  let x = (i / ${vectors}u) % ${width}u;
  let y = i / ${vectors * width}u;`;

/** small: [N, C, H, W]; large: [N, C, H·scale, W·scale]. Rows of all pictures are numbered through. */
export function upsampleShader(
  [n, c, h, w]: Shape,
  scale: number,
  { small, large }: Storages<'small' | 'large'>,
): Shader {
  const channels = padded(c!) / 4;
  const from = `small[((y / ${scale}u) * ${w}u + x / ${scale}u) * ${channels}u + c]`;
  return perElement({
    label: `upsample ×${scale} ${n}×${c}×${h}×${w}`,
    bindings: [read('small', vectors(small)), readWrite('large', vectors(large))],
    count: n! * h! * w! * scale * scale * channels,
    body: `${place(channels, w! * scale)}
  large[i] = ${narrowed(large, widened(small, from))};`,
  });
}

export function sumBlocksShader(
  [n, c, h, w]: Shape,
  scale: number,
  { small, large }: Storages<'small' | 'large'>,
): Shader {
  const channels = padded(c!) / 4;
  return perElement({
    label: `sumBlocks ×${scale} ${n}×${c}×${h}×${w}`,
    bindings: [read('large', vectors(large)), readWrite('small', vectors(small))],
    count: n! * h! * w! * channels,
    body: `${place(channels, w!)}
  var sum = vec4<f32>();
  for (var v = 0u; v < ${scale}u; v++) {
    let row = (y * ${scale}u + v) * ${w! * scale}u + x * ${scale}u;
    var line = vec4<f32>();
    for (var u = 0u; u < ${scale}u; u++) { line += ${widened(large, `large[(row + u) * ${channels}u + c]`)}; }
    sum += line;
  }
  small[i] = ${narrowed(small, 'sum')};`,
  });
}

export const upsampleNearest: Kernel = ({ attrs, inputs: [x], outputs: [y] }, low) => {
  const [source, out] = [low.in(x!, 'channelsLast'), low.out(y!, 'channelsLast')];
  const storages = { small: source.storage, large: out.storage };
  const shader = upsampleShader(x!.shape, (attrs as ScaleAttrs).scale, storages);
  low.dispatch(shader, [source, out]);
};

export const sumBlocks: Kernel = ({ attrs, inputs: [x], outputs: [y] }, low) => {
  const [source, out] = [low.in(x!, 'channelsLast'), low.out(y!, 'channelsLast')];
  const storages = { small: out.storage, large: source.storage };
  const shader = sumBlocksShader(y!.shape, (attrs as ScaleAttrs).scale, storages);
  low.dispatch(shader, [source, out], stridesOf(x!.shape, source.layout).floats);
};
