// Keypoints to target heatmaps and the loss between heatmaps, cell by cell. Written apart from
// pose/codec, so that one can be held against the other.
import type { HeatmapAttrs } from '../../ops/gaussianHeatmaps.ts';
import type { LossAttrs } from '../../ops/heatmapMse.ts';
import { dims, type Kernel, type Tensor } from './tensor.ts';

/** Where the target of one coordinate is: its exact place, the blob's middle, which cells it fills. */
interface Axis {
  readonly exact: number;
  /** Bounds of the blob: first cell and one past the last, in heatmap px, perhaps outside of the map. */
  readonly first: number;
  readonly end: number;
}

/** One coordinate in input px on an axis of the map (spec 3.9). */
function axis(position: number, input: number, map: number, { codec, sigma }: HeatmapAttrs): Axis {
  const stride = codec === 'udp' ? (input - 1) / (map - 1) : input / map;
  const exact = position / stride;
  const middle = codec === 'dark' ? exact : Math.trunc(exact + 0.5);
  return {
    exact: codec === 'standard' ? middle : exact,
    first: Math.trunc(middle - 3 * sigma),
    end: Math.trunc(middle + 3 * sigma + 1),
  };
}

export const gaussianHeatmaps: Kernel = ({ attrs, inputs: [keypoints, visible], outputs }) => {
  const heatmap = attrs as HeatmapAttrs;
  const { inputSize, heatmapSize, sigma, codec } = heatmap;
  const { width, height } = heatmapSize;
  const [maps, weights] = outputs as [Tensor, Tensor];
  maps.data.fill(0);
  visible!.data.forEach((seen, person) => {
    const x = axis(keypoints!.data[person * 2]!, inputSize.width, width, heatmap);
    const y = axis(keypoints!.data[person * 2 + 1]!, inputSize.height, height, heatmap);
    const outside = x.first >= width || y.first >= height || x.end < 0 || y.end < 0;
    const weight = outside ? 0 : seen;
    weights.data[person] = weight;
    if (!(weight > 0.5)) return;
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const inBlob = column >= x.first && column < x.end && row >= y.first && row < y.end;
        if (codec !== 'dark' && !inBlob) continue;
        const squared = (column - x.exact) ** 2 + (row - y.exact) ** 2;
        maps.data[(person * height + row) * width + column] = Math.exp(
          -squared / (2 * sigma * sigma),
        );
      }
    }
  });
};

/** Weight of the map that element i of the heatmaps lies in. */
const weightAt = (heatmaps: Tensor, weight: Tensor, { useTargetWeight }: LossAttrs) => {
  const [, , height, width] = dims(heatmaps);
  return (i: number) => (useTargetWeight ? weight.data[Math.floor(i / (height * width))]! : 1);
};

export const heatmapMse: Kernel = ({ attrs, inputs: [prediction, target, weight], outputs }) => {
  const weightOf = weightAt(prediction!, weight!, attrs);
  const total = prediction!.data.reduce(
    (sum, p, i) => sum + (weightOf(i) * (p - target!.data[i]!)) ** 2,
    0,
  );
  outputs[0]!.data[0] = ((attrs as LossAttrs).lossScale * total) / prediction!.data.length;
};

export const heatmapMseGrad: Kernel = ({ attrs, inputs, outputs: [d] }) => {
  const [prediction, target, weight, dLoss] = inputs as [Tensor, Tensor, Tensor, Tensor];
  const weightOf = weightAt(prediction, weight, attrs);
  const scale = (dLoss.data[0]! * 2 * (attrs as LossAttrs).lossScale) / prediction.data.length;
  prediction.data.forEach((p, i) => {
    d!.data[i] = scale * weightOf(i) ** 2 * (p - target.data[i]!);
  });
};
