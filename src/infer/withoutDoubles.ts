// People that were found twice in a picture, as the evaluation drops them (spec 5.1).
import { oksNms } from '../eval/oksNms.ts';
import { pixelsPerScale } from '../pose/affine.ts';
import type { Pose } from '../pose/estimate.ts';
import type { PoseModel } from './posePipeline.ts';

/** The poses of one picture that are left, best first. */
export function withoutDoubles(
  poses: readonly Pose[],
  { skeleton, oksThreshold }: Pick<PoseModel, 'skeleton' | 'oksThreshold'>,
): Pose[] {
  const rated = poses.map(({ keypoints, score, crop: { scale } }) => ({
    keypoints,
    score,
    area: scale[0] * pixelsPerScale * (scale[1] * pixelsPerScale),
  }));
  return oksNms(rated, skeleton.oksSigmas, oksThreshold).map((index) => poses[index]!);
}
