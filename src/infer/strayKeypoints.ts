// Keypoints that lie outside of what the network saw. DARK's step from a heatmap's peak has no bound
// (spec 4.3), and on a nearly flat peak it now and then leaves the crop for one frame. In a picture the
// result stands as the evaluation has it; in a video such a point would flash and drag its filter.
import type { Size } from '../data/record.ts';
import { pixelsPerScale } from '../pose/affine.ts';
import type { Pose } from '../pose/estimate.ts';

/** Share of the crop's size that a true keypoint may lie outside of it. */
const margin = 0.05;

/** The pose with a score of 0 for keypoints that strayed. */
export function withoutStrays<T extends Pick<Pose, 'keypoints' | 'crop'>>(pose: T, input: Size): T {
  const { center, scale } = pose.crop;
  const width = scale[0] * pixelsPerScale;
  const reach = [width, (width * input.height) / input.width].map((side) => (0.5 + margin) * side);
  const keypoints = pose.keypoints.slice();
  for (let i = 0; i < keypoints.length; i += 3) {
    const stays = [0, 1].every(
      (axis) => Math.abs(keypoints[i + axis]! - center[axis]!) <= reach[axis]!,
    );
    if (!stays) keypoints[i + 2] = 0;
  }
  return { ...pose, keypoints };
}
