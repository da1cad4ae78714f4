// The file of detection boxes that is used when use_gt_bbox is false.
import { JsonScanner } from '../jsonScanner.ts';
import { openSource } from '../openInput.ts';
import {
  eachElement,
  finiteNumber,
  type Loose,
  readMembers,
  show,
  usableBox,
  wholeNumber,
} from './looseJson.ts';
import type { Problems } from './problems.ts';

const keys = new Set(['image_id', 'category_id', 'bbox', 'score', 'filename'] as const);

export interface DetectionCounts {
  readonly detections: number;
  /** Of category 1 and with at least the threshold's score. */
  readonly used: number;
  /** File names of the pictures that those are on, with the image ids. */
  readonly pictures: ReadonlyMap<string, number>;
}

/** Throws only where the JSON itself is broken. */
export function checkDetections(
  file: string,
  threshold: number,
  imageIds: ReadonlySet<number>,
  problems: Problems,
): DetectionCounts {
  let detections = 0;
  let used = 0;
  const pictures = new Map<string, number>();
  const scanner = new JsonScanner(openSource(file));
  try {
    const isList = eachElement(scanner, (index) => {
      detections += 1;
      const entry = readMembers(scanner, keys);
      const imageId = wholeNumber(entry.image_id);
      const category = finiteNumber(entry.category_id);
      const score = finiteNumber(entry.score);
      if (
        imageId === undefined ||
        category === undefined ||
        score === undefined ||
        usableBox(entry.bbox) === undefined
      ) {
        const { image_id, bbox } = entry;
        problems.add(
          'detectionEntry',
          `detection ${index}: image ${show(image_id)}, box ${show(bbox)}, ` +
            `category ${show(entry.category_id)}, score ${show(entry.score)}`,
        );
        return;
      }
      if (!imageIds.has(imageId)) {
        problems.add('unlistedDetection', `detection ${index}: image ${imageId}`);
      }
      if (score < 0 || score > 1) problems.add('detectionScore', `detection ${index}: ${score}`);
      if (category !== 1 || score < threshold) return;
      used += 1;
      pictures.set(pictureName(imageId, entry.filename), imageId);
    });
    if (!isList) problems.add('unreadable', `${file}: expected a list of detections`);
    scanner.finish();
  } finally {
    scanner.close();
  }
  return { detections, used, pictures };
}

const pictureName = (imageId: number, fileName: Loose | undefined) =>
  typeof fileName === 'string' ? fileName : `${String(imageId).padStart(12, '0')}.jpg`;
