// keypoints.json: the people of all pictures as a COCO result list, which `hrpose cocoeval` and
// pycocotools read, with the picture's file name and the person's box beside COCO's keys.
import { rounded } from '../format.ts';
import type { Pose } from '../pose/estimate.ts';

export interface PictureResult {
  readonly file: string;
  readonly name: string;
  readonly imageId: number;
  readonly width: number;
  readonly height: number;
  readonly poses: readonly Pose[];
}

/** One pose as it stands in the file: keypoints are x, y, score for each. */
export function poseEntry({ imageId, name }: PictureResult, pose: Pose) {
  return {
    image_id: imageId,
    category_id: 1,
    file_name: name,
    bbox: pose.box.map((value) => rounded(value, 3)),
    keypoints: Array.from(pose.keypoints, (value, i) => rounded(value, i % 3 === 2 ? 5 : 3)),
    score: rounded(pose.score, 5),
    box_score: rounded(pose.boxScore, 5),
  };
}

/** One person a line. */
export function resultsJson(results: readonly PictureResult[]): string {
  const lines = results.flatMap((result) =>
    result.poses.map((pose) => JSON.stringify(poseEntry(result, pose))),
  );
  return lines.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`;
}
