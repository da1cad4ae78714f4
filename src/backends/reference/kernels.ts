// A kernel for every op.
import type { KernelTable } from '../backend.ts';
import { adamUpdate, zeroOnOverflow } from './adam.ts';
import { batchNormGrad, batchNormInference, batchNormTrain, movingAverage } from './batchNorm.ts';
import { conv2d, conv2dGradInput, conv2dGradWeight } from './conv2d.ts';
import {
  accumulate,
  add,
  normalizeImage,
  relu,
  reluGrad,
  sumBlocks,
  upsampleNearest,
  zerosLike,
} from './elementwise.ts';
import { gaussianHeatmaps, heatmapMse, heatmapMseGrad } from './targets.ts';
import type { Kernel } from './tensor.ts';

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
