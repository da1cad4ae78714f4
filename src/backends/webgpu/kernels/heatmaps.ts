// Keypoints to target heatmaps (spec 3.9), for every codec: one invocation four keypoints of one cell.
// In float32: cells change at multiples of half a heatmap pixel, which float32 holds exactly.
import type { Shape } from '../../../graph/graph.ts';
import type { HeatmapAttrs } from '../../../ops/gaussianHeatmaps.ts';
import { narrowed, type Storage, vectors as vectorsIn } from '../halves.ts';
import type { Shader } from '../kernel.ts';
import { padded } from '../layout.ts';
import type { Kernel } from '../lower.ts';
import { float, perElement, read, readWrite } from '../wgsl.ts';

/**
 * WGSL of one coordinate: its exact place in heatmap px, the blob's first cell and one past its last
 * (perhaps outside of the map), as floats: a keypoint far outside must not wrap around.
 */
function axisFunction(name: string, input: number, map: number, attrs: HeatmapAttrs): string {
  const { codec, sigma } = attrs;
  const perPixel = codec === 'udp' ? (map - 1) / (input - 1) : map / input;
  const middle = codec === 'dark' ? 'exact' : 'trunc(exact + 0.5)';
  return `
fn ${name}(position: f32) -> Axis {
  let exact = position * ${float(perPixel)};
  let middle = ${middle};
  return Axis(
    ${codec === 'standard' ? 'middle' : 'exact'},
    trunc(middle - ${float(3 * sigma)}),
    trunc(middle + ${float(3 * sigma + 1)}),
  );
}`;
}

/** Declarations: the two axes, and the weight that a keypoint has: 0 where its blob is outside. */
function targetHead(attrs: HeatmapAttrs): string {
  const { inputSize, heatmapSize } = attrs;
  const { width, height } = heatmapSize;
  return `
struct Axis { exact: f32, first: f32, end: f32 }
${axisFunction('column_axis', inputSize.width, width, attrs)}
${axisFunction('row_axis', inputSize.height, height, attrs)}

fn weight_of(person: u32, x: Axis, y: Axis) -> f32 {
  let outside = x.first >= ${float(width)} || y.first >= ${float(height)} || x.end < 0.0 || y.end < 0.0;
  return select(visible[person], 0.0, outside);
}`;
}

/** visible, weight: [N, K]; keypoints: [N, K, 2]. */
export function targetWeightShader([n, k]: Shape, attrs: HeatmapAttrs): Shader {
  const count = n! * k!;
  return perElement({
    label: `targetWeight ${n}×${k}`,
    bindings: [read('keypoints', 'f32'), read('visible', 'f32'), readWrite('weight', 'f32')],
    count: padded(count),
    head: targetHead(attrs),
    body: `  if (i >= ${count}u) {
    weight[i] = 0.0;
    return;
  }
  weight[i] = weight_of(i, column_axis(keypoints[2u * i]), row_axis(keypoints[2u * i + 1u]));`,
  });
}

/** heatmaps: [N, H, W, K4]. */
export function heatmapShader([n, k]: Shape, attrs: HeatmapAttrs, maps: Storage): Shader {
  const { codec, heatmapSize, sigma } = attrs;
  const { width, height } = heatmapSize;
  const vectors = padded(k!) / 4;
  const inBlob =
    codec === 'dark'
      ? 'true'
      : 'column >= x.first && column < x.end && row >= y.first && row < y.end';
  return perElement({
    label: `heatmaps ${codec} ${n}×${k}×${height}×${width}`,
    bindings: [
      read('keypoints', 'f32'),
      read('visible', 'f32'),
      readWrite('heatmaps', vectorsIn(maps)),
    ],
    count: n! * height * width * vectors,
    head: `${targetHead(attrs)}

fn value(person: u32, column: f32, row: f32) -> f32 {
  let x = column_axis(keypoints[2u * person]);
  let y = row_axis(keypoints[2u * person + 1u]);
  if (!(weight_of(person, x, y) > 0.5) || !(${inBlob})) { return 0.0; }
  let dx = column - x.exact;
  let dy = row - y.exact;
  return exp(-(dx * dx + dy * dy) * ${float(1 / (2 * sigma * sigma))});
}`,
    body: `  let k = (i % ${vectors}u) * 4u;
  let column = f32((i / ${vectors}u) % ${width}u);
  let row = f32((i / ${vectors * width}u) % ${height}u);
  let person = (i / ${vectors * width * height}u) * ${k}u + k;
  var cell = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (k + j < ${k}u) { cell[j] = value(person + j, column, row); }
  }
  heatmaps[i] = ${narrowed(maps, 'cell')};`,
  });
}

export const gaussianHeatmaps: Kernel = ({ attrs, inputs, outputs: [maps, weight] }, low) => {
  const [keypoints, visible] = inputs.map((value) => low.in(value, 'plain'));
  const shape = inputs[1]!.shape;
  const weightShader = targetWeightShader(shape, attrs);
  low.dispatch(weightShader, [keypoints!, visible!, low.out(weight!, 'plain')]);
  const out = low.out(maps!, 'channelsLast');
  low.dispatch(heatmapShader(shape, attrs, out.storage), [keypoints!, visible!, out]);
};
