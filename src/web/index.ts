// hrpose/web: the engine in a browser. Models from safetensors files, poses in pictures, training on a
// folder in COCO's format, all on WebGPU. docs/web.md describes it; needs nothing of Node.
export type { Backend } from '../backends/backend.ts';
export { isDeviceLost } from '../backends/faults.ts';
export type { AdapterSummary, Gpu } from '../backends/webgpu/device.ts';
export { createGpuBackend, type GpuBackendOptions } from '../backends/webgpu/index.ts';
export type { SampleRules } from '../data/placeSample.ts';
export type { Batch, PersonRecord, Size } from '../data/record.ts';
export { type ExitCode, HrposeError } from '../errors.ts';
export type { CocoGroundTruth } from '../eval/groundTruth.ts';
export type { CocoResult, PersonPrediction } from '../eval/results.ts';
export {
  openNetwork,
  type PoseModel,
  PosePipeline,
  type PosePipelineOptions,
} from '../infer/posePipeline.ts';
export type { HrnetVariant } from '../models/hrnetConfigs.ts';
export type { Box, PersonBox, Pose } from '../pose/estimate.ts';
export type { Skeleton } from '../pose/skeleton.ts';
export { coco17, mpii16 } from '../pose/skeletons.ts';
export type { RgbImage } from '../pose/warp.ts';
export type { HeatmapNetwork } from '../train/heatmapNetwork.ts';
export { makeBatch } from './batches.ts';
export {
  annotationFiles,
  type FolderFile,
  type OpenDatasetOptions,
  openDataset,
  type WebDataset,
} from './cocoFolder.ts';
export { openWebGpu } from './device.ts';
export { type FineTuneSettings, type FineTuneStep, FineTuning } from './fineTuning.ts';
export { drawModel, type ReadModel, readModel, writeModel } from './model.ts';
export { type DecodePictureOptions, decodePicture, openBitmap, rgbOf } from './picture.ts';
export {
  predictPeople,
  type ScoreOptions,
  scoreModel,
  type WebScore,
} from './predict.ts';
