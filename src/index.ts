// The public interface of the package for Node. docs/api.md describes it; what is not listed here may
// change at any time.
export type { Size } from './data/record.ts';
export { type ExitCode, HrposeError } from './errors.ts';
export {
  type EstimatedKeypoint,
  type EstimatedPose,
  type EstimateOptions,
  type PictureSource,
  PoseEstimator,
  type PoseEstimatorOptions,
} from './infer/poseEstimator.ts';
export { type DrawnPose, type DrawPosesOptions, drawPoses } from './pose/drawPose.ts';
export type { Box } from './pose/estimate.ts';
export type { Skeleton } from './pose/skeleton.ts';
export { coco17, mpii16 } from './pose/skeletons.ts';
export type { RgbImage } from './pose/warp.ts';
