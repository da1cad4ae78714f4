// Batches of crops, made by worker threads ahead of the training step. A batch is the same to the byte
// whatever the number of workers: randomness belongs to (seed, epoch, record), never to a worker.
import { usageError } from '../errors.ts';
import type { Skeleton } from '../pose/skeleton.ts';
import type { AugmentSettings } from '../train/settings.ts';
import { type BatchSlots, batchAt, createBatchSlots, slotBytes } from './batchSlots.ts';
import { type CacheOptions, closeCropCache, keptBytes, openCropCache } from './cropCache.ts';
import { type BadImage, fillPosition, type SampleSource, type SampleTimes } from './fillSample.ts';
import { LoaderWorkers } from './loaderWorkers.ts';
import { packRecords } from './packedRecords.ts';
import type { Batch, PersonRecord, Size } from './record.ts';

export interface LoaderOptions {
  readonly records: readonly PersonRecord[];
  readonly skeleton: Skeleton;
  readonly inputSize: Size;
  /** Worker threads; 0 makes batches in the calling thread when they are asked for. */
  readonly workers: number;
  /** Absent for evaluation. */
  readonly augment?: AugmentSettings | undefined;
  /** Affine by UDP's rule. */
  readonly udp: boolean;
  readonly seed: number;
  /** Put another sample of the batch in the place of a picture that cannot be used; else stop. */
  readonly skipBadImages?: boolean;
  /** Keep what may be read of decoded pictures. Changes no result. */
  readonly cache?: CacheOptions | undefined;
  /** Filled with the time each part takes, summed over samples; without workers only. */
  readonly times?: SampleTimes;
}

export interface Loader {
  /**
   * The batches of `order`, lists of positions in `records`; each batch is valid until the next one
   * is asked for. One pass at a time; leaving it early ends it.
   */
  batches(order: readonly Int32Array[], epoch: number): AsyncGenerator<Batch, void, void>;
  /** Pictures that could not be used, each once, by name; complete at the end of a pass. */
  readonly skipped: readonly BadImage[];
  /** Bytes of decoded pictures that are kept. */
  readonly cachedBytes: number;
  /** Ends all threads, also in the middle of a pass. */
  close(): Promise<void>;
}

/** The ring of batches takes at most this much memory, or two batches where they are larger. */
const RING_BYTES = 512 << 20;
const BATCHES_AHEAD = 2;

export function createLoader(options: LoaderOptions): Loader {
  const { workers, times } = options;
  const source = sampleSource(options);
  const bad = new Map<string, BadImage>();
  const onBadImage = (image: BadImage) => bad.set(image.file, image);
  const pool = workers > 0 ? new LoaderWorkers(workers, source, onBadImage) : undefined;
  let slots: BatchSlots | undefined;
  let passing = false;
  let closed = false;

  async function* batches(order: readonly Int32Array[], epoch: number) {
    if (closed) throw usageError('loader: it is closed, no batch can be asked for.');
    if (passing) throw usageError('loader: a pass has to end before the next one begins.');
    const full = order.filter((batch) => batch.length > 0);
    checkOrder(full, options.records.length);
    slots = slotsFor(full, slots, workers, options);
    passing = true;
    try {
      if (pool) yield* pool.pass(full, epoch, slots);
      else yield* passInThisThread(source, full, epoch, slots, onBadImage, times);
    } finally {
      passing = false;
    }
  }
  return {
    batches,
    get skipped() {
      return [...bad.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
    },
    get cachedBytes() {
      return source.cache ? keptBytes(source.cache) : 0;
    },
    close: async () => {
      const first = !closed;
      closed = true;
      await pool?.close();
      if (first && source.cache) closeCropCache(source.cache);
    },
  };
}

function sampleSource(options: LoaderOptions): SampleSource {
  const { skeleton, inputSize, augment, udp, seed, skipBadImages = false, cache } = options;
  const records = packRecords(options.records, skeleton.keypoints.length);
  const rules = { skeleton, inputSize, udp, seed, ...(augment && { augment }) };
  return {
    records,
    ...rules,
    skipBadImages,
    ...(cache && { cache: openCropCache(cache, records, rules) }),
  };
}

async function* passInThisThread(
  source: SampleSource,
  order: readonly Int32Array[],
  epoch: number,
  slots: BatchSlots,
  onBadImage: (bad: BadImage) => void,
  times: SampleTimes | undefined,
): AsyncGenerator<Batch, void, void> {
  for (const indices of order) {
    const batch = batchAt(slots, 0, indices.length);
    for (let position = 0; position < indices.length; position++)
      await fillPosition(source, batch, indices, epoch, position, onBadImage, times);
    yield batch;
  }
}

/** The slots of the pass before where they are large enough: their memory is in place already. */
function slotsFor(
  order: readonly Int32Array[],
  before: BatchSlots | undefined,
  workers: number,
  { skeleton, inputSize }: LoaderOptions,
): BatchSlots {
  const batchSize = order.reduce((largest, batch) => Math.max(largest, batch.length), 1);
  if (before && before.shape.batchSize >= batchSize) return before;
  const shape = { batchSize, keypointCount: skeleton.keypoints.length, inputSize };
  if (workers === 0) return createBatchSlots(1, shape);
  const fitting = Math.floor(RING_BYTES / slotBytes(shape));
  // One more for the batch that the consumer is at.
  return createBatchSlots(Math.max(2, Math.min(BATCHES_AHEAD * workers + 1, fitting)), shape);
}

function checkOrder(order: readonly Int32Array[], count: number): void {
  for (const batch of order)
    for (const index of batch)
      if (!(index >= 0 && index < count))
        throw usageError(`loader: record ${index} was asked for, there are ${count}.`);
}
