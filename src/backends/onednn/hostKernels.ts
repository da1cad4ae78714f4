// The small work at the edges of the network, done in JavaScript on the program's memory:
// keypoints to targets, the loss, running statistics. Together well under 1 % of a step.
import type { HeatmapAttrs } from '../../ops/gaussianHeatmaps.ts';
import type { LossAttrs } from '../../ops/heatmapMse.ts';
import { encodeBatch } from '../../pose/encodeBatch.ts';
import type { Kernel } from './lower.ts';

export const gaussianHeatmaps: Kernel = ({ node, attrs, inputs, outputs }, low) => {
  const reads = inputs.map((value) => low.in(value, low.plain(value)));
  const writes = outputs.map((value) => low.out(value, low.plain(value)));
  const k = inputs[1]!.shape[1]!;
  low.host('gaussianHeatmaps', node.name, reads, writes, (memory) => {
    const [keypoints, visible, heatmaps, weight] = memory as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    return () => encodeBatch(keypoints, visible, k, attrs as HeatmapAttrs, heatmaps, weight);
  });
};

export const heatmapMse: Kernel = ({ node, attrs, inputs, outputs: [loss] }, low) => {
  const { lossScale, useTargetWeight } = attrs as LossAttrs;
  const reads = inputs.map((value) => low.in(value, low.plain(value)));
  const out = low.out(loss!, low.plain(loss!));
  const [n, k, h, w] = inputs[0]!.shape as [number, number, number, number];
  low.host('heatmapMse', node.name, reads, [out], ([p, t, weight, result]) => () => {
    let total = 0;
    for (let map = 0; map < n * k; map++) {
      const factor = useTargetWeight ? weight![map]! : 1;
      let sum = 0;
      for (let i = map * h * w; i < (map + 1) * h * w; i++) sum += (p![i]! - t![i]!) ** 2;
      // A weight of 0 leaves the map out, unless it is not finite: that must show.
      total += factor * factor * sum;
    }
    result![0] = (lossScale * total) / (n * k * h * w);
  });
};

export const heatmapMseGrad: Kernel = ({ node, attrs, inputs, outputs: [d] }, low) => {
  const { lossScale, useTargetWeight } = attrs as LossAttrs;
  const reads = inputs.map((value) => low.in(value, low.plain(value)));
  const out = low.out(d!, low.plain(d!));
  const [n, k, h, w] = inputs[0]!.shape as [number, number, number, number];
  low.host('heatmapMseGrad', node.name, reads, [out], ([p, t, weight, dLoss, result]) => () => {
    const scale = (dLoss![0]! * 2 * lossScale) / (n * k * h * w);
    for (let map = 0; map < n * k; map++) {
      const factor = scale * (useTargetWeight ? weight![map]! ** 2 : 1);
      for (let i = map * h * w; i < (map + 1) * h * w; i++) result![i] = factor * (p![i]! - t![i]!);
    }
  });
};

export const movingAverage: Kernel = ({ node, attrs, inputs, outputs: [next] }, low) => {
  const { momentum, scale } = attrs as { momentum: number; scale: number };
  const reads = inputs.map((value) => low.in(value, low.plain(value)));
  const out = low.out(next!, low.plain(next!));
  const c = next!.shape[0]!;
  low.host('movingAverage', node.name, reads, [out], ([running, batch, result]) => () => {
    const share = (1 - momentum) * scale;
    for (let i = 0; i < c; i++) result![i] = momentum * running![i]! + share * batch![i]!;
  });
};

export const zerosLike: Kernel = ({ node, inputs: [x], outputs: [y] }, low) => {
  const out = low.out(y!, low.tensor(x!).desc);
  low.host(
    'zerosLike',
    node.name,
    [],
    [out],
    ([result]) =>
      () =>
        void result!.fill(0),
  );
};

export const zeroOnOverflow: Kernel = ({ node, inputs, outputs: [y] }, low) => {
  const reads = inputs.map((value) => low.tensor(value));
  const out = low.out(y!, low.plain(y!));
  low.host('zeroOnOverflow', node.name, reads, [out], (memory) => {
    const [x, ...gradients] = memory.slice(0, -1);
    const result = memory.at(-1)!;
    return () => {
      const finite = gradients.every((gradient) => gradient.every(Number.isFinite));
      result[0] = finite ? x![0]! : 0;
    };
  });
};
