// What is taken for granted of weights that come without a config.
import type { Size } from '../data/record.ts';
import { imagenet } from '../models/usualTraining.ts';
import type { Skeleton } from '../pose/skeleton.ts';
import { coco17, mpii16 } from '../pose/skeletons.ts';

/** What the configs of PaddleDetection's HRNet family have in common. */
export const usualRules = {
  normalize: imagenet,
  useDark: true,
  darkKernel: 3,
  udp: false,
  shiftHeatmap: true,
  visibilityThreshold: 0.2,
  oksThreshold: 0.9,
};

export const usualInput = (skeleton: Skeleton): Size =>
  skeleton === mpii16 ? { width: 256, height: 256 } : { width: 288, height: 384 };

/** COCO's or MPII's by the number of keypoints, else points without names, limbs or sides. */
export function usualSkeleton(keypoints: number): Skeleton {
  const known = [coco17, mpii16].find((skeleton) => skeleton.keypoints.length === keypoints);
  if (known !== undefined) return known;
  const all = Array.from({ length: keypoints }, (_, k) => k);
  return {
    name: `${keypoints} keypoints`,
    keypoints: all.map((k) => `keypoint_${k}`),
    flipPairs: [],
    limbs: [],
    oksSigmas: all.map(() => 0.05),
    upperBody: [],
  };
}
