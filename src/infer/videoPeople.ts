// Where the people of a video's frames are: one person, whole; boxes of a file by frame number; or a
// detector, on every frame or now and then, with the boxes of the people followed in between.
import type { PersonBox } from '../pose/estimate.ts';
import type { RgbImage } from '../pose/warp.ts';
import type { BoxFile } from './boxFile.ts';
import type { VideoFrame } from './ffmpegReader.ts';

export interface PictureDetector {
  detect(image: RgbImage): Promise<readonly PersonBox[]>;
}

export type VideoPeople =
  | { readonly kind: 'whole' }
  | { readonly kind: 'file'; readonly boxes: BoxFile }
  | { readonly kind: 'detector'; readonly detector: PictureDetector; readonly every: number };

/** True where the frame's boxes follow from the poses of the frame before. */
export const needsFrameBefore = (people: VideoPeople, index: number): boolean =>
  people.kind === 'detector' && index % people.every !== 0;

/** expected: boxes of the people followed so far. Undefined takes the frame as one person. */
export async function boxesOfFrame(
  people: VideoPeople,
  { index, image }: VideoFrame,
  expected: () => readonly PersonBox[],
): Promise<readonly PersonBox[] | undefined> {
  switch (people.kind) {
    case 'whole':
      return undefined;
    case 'file':
      return people.boxes.boxesOf('', index) ?? [];
    case 'detector':
      return needsFrameBefore(people, index) ? expected() : people.detector.detect(image);
    default:
      return people satisfies never;
  }
}
