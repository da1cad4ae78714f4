// What the published configs train with (spec 0), for measurements, plans and tests that need some
// network under training and no config.
import type { Size } from '../data/record.ts';
import type { TrainingOptions } from './poseGraphs.ts';

/** Mean and standard deviation of R, G, B over ImageNet, on a scale of 0 to 1. */
export const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

export const usualTraining = (inputSize: Size, batch: number): TrainingOptions => ({
  batch,
  inputSize,
  normalize: imagenet,
  target: {
    codec: 'standard',
    sigma: 2,
    heatmapSize: { width: inputSize.width / 4, height: inputSize.height / 4 },
  },
  loss: { lossScale: 0.5, useTargetWeight: true },
  bnMomentum: 0.9,
  accumulate: false,
});
