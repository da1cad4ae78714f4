// One place of a batch from a record and its decoded picture. What it becomes depends on nothing but the
// record, the seed and the epoch, whoever decodes: workers in Node (fillSample.ts) or a browser.
import type { Skeleton } from '../pose/skeleton.ts';
import type { PicturePart, RgbImage } from '../pose/warp.ts';
import type { AugmentSettings } from '../train/settings.ts';
import { augment, cropSample, plainSample, type Sample } from './augment.ts';
import { philox } from './philox.ts';
import type { Batch, PersonRecord, Size } from './record.ts';

export interface SampleRules {
  readonly skeleton: Skeleton;
  readonly inputSize: Size;
  /** Absent for evaluation. */
  readonly augment?: AugmentSettings;
  readonly udp: boolean;
  readonly seed: number;
}

/** index: of the record in its data set */
export function makeSample(
  { augment: settings, skeleton, inputSize, seed }: SampleRules,
  record: PersonRecord,
  imageWidth: number,
  index: number,
  epoch: number,
): Sample {
  if (settings === undefined) return plainSample(record);
  const rng = philox(seed, epoch, index, 'augment');
  return augment(record, imageWidth, rng, settings, skeleton, inputSize.width / inputSize.height);
}

/** Cuts the sample into place `position` of the batch and fills in what is known of it. */
export function placeSample(
  { skeleton, inputSize, udp }: SampleRules,
  image: RgbImage | PicturePart,
  sample: Sample,
  index: number,
  batch: Batch,
  position: number,
): void {
  const part = <T extends Uint8Array | Float32Array>(array: T, width: number) =>
    array.subarray(position * width, (position + 1) * width) as T;
  const k = skeleton.keypoints.length;
  const crop = part(batch.images, inputSize.width * inputSize.height * 3);
  cropSample(image, sample, inputSize, udp, crop, part(batch.keypoints, 2 * k));
  part(batch.visible, k).set(sample.visible);
  part(batch.centers, 2).set(sample.center);
  part(batch.scales, 2).set(sample.scale);
  batch.indices[position] = index;
}
