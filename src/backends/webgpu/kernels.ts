// A kernel for every op.
import type { KernelTable } from '../backend.ts';
import { adamUpdate } from './kernels/adam.ts';
import { batchNormInference, batchNormTrain } from './kernels/batchNorm.ts';
import { batchNormGrad } from './kernels/batchNormGrad.ts';
import { conv2d, conv2dGradInput, conv2dGradWeight } from './kernels/convolution.ts';
import {
  accumulate,
  add,
  movingAverage,
  relu,
  reluGrad,
  zerosLike,
} from './kernels/elementwise.ts';
import { gaussianHeatmaps } from './kernels/heatmaps.ts';
import { heatmapMse, heatmapMseGrad } from './kernels/loss.ts';
import { normalizeImage } from './kernels/normalize.ts';
import { zeroOnOverflow } from './kernels/overflow.ts';
import { sumBlocks, upsampleNearest } from './kernels/resample.ts';
import type { Kernel } from './lower.ts';

export const kernels = {
  normalizeImage,
  conv2d,
  conv2dGradInput,
  conv2dGradWeight,
  batchNormTrain,
  batchNormInference,
  batchNormGrad,
  movingAverage,
  relu,
  reluGrad,
  add,
  upsampleNearest,
  sumBlocks,
  gaussianHeatmaps,
  heatmapMse,
  heatmapMseGrad,
  adamUpdate,
  accumulate,
  zerosLike,
  zeroOnOverflow,
} satisfies KernelTable<Kernel>;
