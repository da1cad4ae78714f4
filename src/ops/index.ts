// Every op there is. A backend must have a kernel for each (backends/backend.ts checks it by type).
import { accumulate, adamUpdate, zerosLike } from './adamUpdate.ts';
import { batchNormGrad, batchNormInference, batchNormTrain, movingAverage } from './batchNorm.ts';
import { conv2d, conv2dGradInput, conv2dGradWeight } from './conv2d.ts';
import { add, relu, reluGrad } from './elementwise.ts';
import { gaussianHeatmaps } from './gaussianHeatmaps.ts';
import { heatmapMse, heatmapMseGrad } from './heatmapMse.ts';
import { normalizeImage } from './normalizeImage.ts';
import type { Op } from './op.ts';
import { sumBlocks, upsampleNearest } from './upsampleNearest.ts';
import { zeroOnOverflow } from './zeroOnOverflow.ts';

export const opTable = {
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
};

export type OpName = keyof typeof opTable;

// biome-ignore lint/suspicious/noExplicitAny: each op has attributes of its own type.
export const ops = opTable as unknown as Readonly<Record<string, Op<any>>>;
