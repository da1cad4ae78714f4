// Person boxes from a detector: a JSON list of { image_id, category_id, bbox, score[, filename] }.
import { join } from 'node:path';
import { inputError } from '../errors.ts';
import { boxToCenterScale, isWithinReach } from './box.ts';
import { JsonScanner } from './jsonScanner.ts';
import { openSource } from './openInput.ts';
import type { PersonRecord, Size } from './record.ts';

const PERSON = 1;

export interface DetectionOptions {
  readonly imageDir: string;
  readonly inputSize: Size;
  readonly pixelStd: number;
  /** Detections with a lower score are left out. */
  readonly threshold: number;
  /** K of the skeleton. */
  readonly keypointCount: number;
}

/** One record for each person of the list, in its order; boxes stay as they are (spec 3.3). */
export function readDetections(file: string, options: DetectionOptions): PersonRecord[] {
  const aspect = options.inputSize.width / options.inputSize.height;
  const keypoints = new Float32Array(options.keypointCount * 2);
  const visible = new Float32Array(options.keypointCount).fill(1);
  const records: PersonRecord[] = [];
  scanDetections(file, ({ imageId, category, score, box, fileName }) => {
    if (category !== PERSON || score < options.threshold) return;
    records.push({
      imageFile: join(options.imageDir, fileName ?? `${String(imageId).padStart(12, '0')}.jpg`),
      imageId,
      annotationId: -1,
      ...boxToCenterScale(box, aspect, options.pixelStd),
      keypoints,
      visible,
      score,
    });
  });
  return records;
}

interface Detection {
  readonly imageId: number;
  readonly category: number;
  readonly score: number;
  readonly box: readonly [number, number, number, number];
  readonly fileName: string | undefined;
}

function scanDetections(file: string, found: (detection: Detection) => void): void {
  const scanner = new JsonScanner(openSource(file));
  const box = new Float64Array(4);
  try {
    scanner.array((index) => {
      const numbers: Partial<Record<string, number>> = {};
      let fileName: string | undefined;
      let boxLength = 0;
      scanner.object((key) => {
        if (key === 'bbox') boxLength = scanner.numbers(box);
        else if (key === 'filename') fileName = scanner.string();
        else if (key === 'image_id' || key === 'category_id' || key === 'score')
          numbers[key] = scanner.number();
        else scanner.skip();
      });
      const fail = (what: string) =>
        inputError(`${file}: detection ${index}: ${what}. Mend the file or make it again.`);
      if (boxLength !== 4 || !isWithinReach(box))
        throw fail(
          `expected four finite numbers x, y, width, height in 'bbox', of at most a million px`,
        );
      if (!(box[2] >= 0 && box[3] >= 0)) throw fail(`the box has a negative size`);
      const value = (key: string) => {
        const number = numbers[key];
        if (number !== undefined && Number.isFinite(number)) return number;
        throw fail(`expected a finite number in '${key}', got ${number ?? 'nothing'}`);
      };
      const imageId = value('image_id');
      if (!Number.isSafeInteger(imageId)) throw fail(`'image_id' ${imageId} is not a whole number`);
      const [x, y, w, h] = box;
      const detection = {
        imageId,
        category: value('category_id'),
        score: value('score'),
        fileName,
      };
      found({ ...detection, box: [x, y, w, h] });
    });
    scanner.finish();
  } finally {
    scanner.close();
  }
}
