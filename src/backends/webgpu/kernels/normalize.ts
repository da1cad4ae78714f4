// Pixels to network input: four bytes a word, one invocation a pixel.
import type { Shape } from '../../../graph/graph.ts';
import type { NormalizeAttrs } from '../../../ops/normalizeImage.ts';
import { narrowed, type Storage, vectors } from '../halves.ts';
import type { Shader } from '../kernel.ts';
import type { Kernel } from '../lower.ts';
import { float, perElement, read, readWrite } from '../wgsl.ts';

/** images: [N, H, W, 3] bytes, in words; y: [N, H, W, 4], the fourth channel 0. */
export function normalizeShader(
  [n, h, w]: Shape,
  { mean, std }: NormalizeAttrs,
  y: Storage,
): Shader {
  const vector = (values: readonly number[], last: string) =>
    `vec4<f32>(${values.map(float).join(', ')}, ${last})`;
  const count = n! * h! * w!;
  return perElement({
    label: `normalize ${n}×${h}×${w}`,
    bindings: [read('images', 'u32'), readWrite('y', vectors(y))],
    count,
    head: `
const mean = ${vector(mean, '0.0f')};
const factor = ${vector(
      std.map((s) => 1 / s),
      '0.0f',
    )};

fn byte(at: u32) -> f32 {
  return f32((images[at / 4u] >> (8u * (at % 4u))) & 255u);
}`,
    body: `  let pixel = vec4<f32>(byte(3u * i), byte(3u * i + 1u), byte(3u * i + 2u), 0.0);
  y[i] = ${narrowed(y, `(pixel * ${float(1 / 255)} - mean) * factor`)};`,
  });
}

export const normalizeImage: Kernel = ({ attrs, inputs: [images], outputs: [y] }, low) => {
  const out = low.out(y!, 'channelsLast');
  const shader = normalizeShader(images!.shape, attrs, out.storage);
  low.dispatch(shader, [low.tensor(images!), out]);
};
