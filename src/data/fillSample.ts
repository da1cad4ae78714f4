// One record becomes one crop of a batch: decode (or take what is kept), augment, warp. The same code runs in workers and in
// the calling thread, and its result depends on nothing but the record, the seed and the epoch.
import { HrposeError, inputError } from '../errors.ts';
import { holdsReads, type PicturePart, wholePicture } from '../pose/warp.ts';
import { type Sample, sampleTransform } from './augment.ts';
import { type CropCache, keepParts, keptPart } from './cropCache.ts';
import { decodeImage } from './image.ts';
import { type PackedRecords, recordAt } from './packedRecords.ts';
import { makeSample, placeSample, type SampleRules } from './placeSample.ts';
import type { Batch } from './record.ts';

export interface SampleSource extends SampleRules {
  readonly records: PackedRecords;
  readonly skipBadImages: boolean;
  readonly cache?: CropCache;
}

/** Time spent in each part, ms, summed up. */
export interface SampleTimes {
  decode: number;
  augment: number;
  warp: number;
}

export interface BadImage {
  readonly file: string;
  readonly reason: string;
}

/**
 * Fills place `position` of the batch with the record that `order` names there. A picture that
 * cannot be used is an error; with `skipBadImages` it is told to `onBadImage` and the next record of
 * the same batch takes the place.
 */
export async function fillPosition(
  source: SampleSource,
  batch: Batch,
  order: Int32Array,
  epoch: number,
  position: number,
  onBadImage: (bad: BadImage) => void,
  times?: SampleTimes,
): Promise<void> {
  let firstReason: string | undefined;
  for (let tried = 0; tried < order.length; tried++) {
    const index = order[(position + tried) % order.length];
    try {
      return await fillSample(source, batch, index, epoch, position, times);
    } catch (error) {
      if (!source.skipBadImages || !(error instanceof HrposeError)) throw error;
      const file = recordAt(source.records, index).imageFile;
      onBadImage({ file, reason: error.message });
      firstReason ??= error.message;
    }
  }
  throw inputError(
    `loader: none of the ${order.length} pictures of a batch can be used. ${firstReason}`,
  );
}

async function fillSample(
  source: SampleSource,
  batch: Batch,
  index: number,
  epoch: number,
  position: number,
  times: SampleTimes | undefined,
): Promise<void> {
  const record = recordAt(source.records, index);
  const start = performance.now();
  const kept = source.cache && keptPart(source.cache, source.records, index);
  let pixels = kept ?? (await decodeAndKeep(source, index, record.imageFile));
  const decoded = performance.now();
  const sample = makeSample(source, record, pixels.picture.width, index, epoch);
  const augmented = performance.now();
  if (kept && !reachesFarEnough(source, kept, sample))
    pixels = wholePicture(await decodeImage(record.imageFile));
  placeSample(source, pixels, sample, index, batch, position);
  if (times === undefined) return;
  times.decode += decoded - start;
  times.augment += augmented - decoded;
  times.warp += performance.now() - augmented;
}

function reachesFarEnough({ inputSize, udp }: SampleRules, part: PicturePart, sample: Sample) {
  return holdsReads(part, sampleTransform(sample, inputSize, udp), inputSize, sample.flip);
}

async function decodeAndKeep(
  source: SampleSource,
  index: number,
  file: string,
): Promise<PicturePart> {
  const { cache, records } = source;
  const image = await decodeImage(file);
  if (cache) keepParts(cache, records, source, records.images[index], image);
  return wholePicture(image);
}
