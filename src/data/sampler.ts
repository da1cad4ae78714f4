// Which records make up each batch of an epoch, for each rank (spec 3.11).
import { usageError } from '../errors.ts';
import { mt19937 } from './mt19937.ts';

export interface EpochOrderOptions {
  /** The order is shuffled by a generator seeded with seed + epoch. 0 unless told. */
  readonly seed?: number;
  readonly epoch: number;
  readonly shuffle: boolean;
  /** Samples a rank takes in one step. */
  readonly batchSize: number;
  readonly worldSize?: number;
  readonly rank?: number;
  /** Leave out a last batch that is not full. */
  readonly dropLast?: boolean;
}

/**
 * The batches of one rank as lists of record indices. Every rank gets ceil(count / worldSize)
 * samples: the list is filled up with its own first elements before it is shuffled. A global batch
 * is worldSize runs of batchSize, one for each rank; what is left at the end is divided evenly.
 */
export function epochOrder(count: number, options: EpochOrderOptions): Int32Array[] {
  const { seed = 0, epoch, shuffle, batchSize, worldSize = 1, rank = 0, dropLast } = options;
  if (!(batchSize >= 1 && worldSize >= 1 && rank >= 0 && rank < worldSize)) {
    throw usageError(
      'epochOrder: expected a batch size and a world size of at least 1 and a rank below the world ' +
        `size, got batch size ${batchSize}, world size ${worldSize}, rank ${rank}.`,
    );
  }
  const perRank = Math.ceil(count / worldSize);
  const order = Int32Array.from({ length: perRank * worldSize }, (_, i) => i % count);
  if (shuffle) mt19937(seed + epoch).shuffle(order);
  const batches: Int32Array[] = [];
  for (let done = 0; done < perRank; done += batchSize) {
    const size = Math.min(batchSize, perRank - done);
    if (dropLast && size < batchSize) break;
    const start = done * worldSize + rank * size;
    batches.push(order.slice(start, start + size));
  }
  return batches;
}
