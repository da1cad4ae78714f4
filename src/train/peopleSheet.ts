// A sheet of scored people: truth beside prediction, from the best to the worst.

import type { PersonRecord } from '../data/record.ts';
import { type SheetCell, writeSheet } from '../data/sheet.ts';
import { oksVariances } from '../eval/oks.ts';
import type { PersonPrediction } from '../eval/results.ts';
import type { Skeleton } from '../pose/skeleton.ts';
import type { Predictions } from './score.ts';

/** OKS of a prediction with what is labelled of a person, by the area of the padded box. */
function likeness(record: PersonRecord, person: PersonPrediction, variances: Float64Array): number {
  // A person fills about 0.53 of the tight box; the padded one is 1.25 times as wide and high.
  const area = ((record.scale[0] * record.scale[1] * 200 ** 2) / 1.25 ** 2) * 0.53;
  let sum = 0;
  let count = 0;
  record.visible.forEach((visible, k) => {
    if (visible === 0) return;
    const dx = record.keypoints[2 * k]! - person.keypoints[3 * k]!;
    const dy = record.keypoints[2 * k + 1]! - person.keypoints[3 * k + 1]!;
    sum += Math.exp(-(dx * dx + dy * dy) / (2 * area * variances[k]!));
    count++;
  });
  return count === 0 ? 0 : sum / count;
}

/**
 * Draws `count` people spread evenly over all, best first.
 */
export async function writePeopleSheet(
  file: string,
  records: readonly PersonRecord[],
  { predictions, recordIndices }: Pick<Predictions, 'predictions' | 'recordIndices'>,
  skeleton: Skeleton,
  count: number,
): Promise<void> {
  const variances = oksVariances(skeleton.oksSigmas);
  const rated = predictions.map((person, i) => {
    const record = records[recordIndices[i]!]!;
    return { record, person, oks: likeness(record, person, variances) };
  });
  rated.sort((a, b) => b.oks - a.oks);
  const shown = Math.min(count, rated.length);
  const cells = Array.from({ length: shown }, (_, i): SheetCell => {
    const { record, person, oks } =
      rated[Math.floor((i * (rated.length - 1)) / Math.max(1, shown - 1))]!;
    const [w, h] = [record.scale[0] * 200, record.scale[1] * 200];
    const truth = Array.from(record.visible, (visible, k) => [
      record.keypoints[2 * k]!,
      record.keypoints[2 * k + 1]!,
      visible * 2,
    ]).flat();
    return {
      image: record.imageFile,
      box: [record.center[0] - w / 2.5, record.center[1] - h / 2.5, w / 1.25, h / 1.25],
      truth,
      prediction: person.keypoints,
      caption: `about OKS ${oks.toFixed(2)}  picture ${record.imageId}`,
    };
  });
  await writeSheet(file, cells, { skeleton });
}
