// The annotation file of drawn pictures, in COCO's person keypoints format.
import type { Skeleton } from '../../pose/skeleton.ts';
import type { DrawnPerson } from './picture.ts';

/** What a worker knows of a picture once its file is written. */
export interface WrittenPicture {
  readonly index: number;
  readonly width: number;
  readonly height: number;
  readonly persons: readonly DrawnPerson[];
}

export const pictureFile = (index: number): string => `${String(index + 1).padStart(12, '0')}.jpg`;

/** The file's text; pictures in order of their index, annotation ids from 1. */
export function annotationFile(
  pictures: readonly WrittenPicture[],
  skeleton: Skeleton,
  description: string,
): string {
  let id = 0;
  const annotations = pictures.flatMap(({ index, persons }) =>
    persons.map(({ keypoints, bbox, area }) => ({
      id: ++id,
      image_id: index + 1,
      category_id: 1,
      iscrowd: 0,
      num_keypoints: keypoints.filter((v, i) => i % 3 === 2 && v > 0).length,
      keypoints,
      area,
      bbox,
      segmentation: [],
    })),
  );
  return JSON.stringify({
    info: { description, version: '1.0' },
    images: pictures.map(({ index, width, height }) => ({
      id: index + 1,
      file_name: pictureFile(index),
      width,
      height,
    })),
    annotations,
    categories: [
      {
        id: 1,
        name: 'person',
        supercategory: 'person',
        keypoints: skeleton.keypoints,
        // COCO counts keypoints from 1 here.
        skeleton: skeleton.limbs.map(([a, b]) => [a + 1, b + 1]),
      },
    ],
  });
}
