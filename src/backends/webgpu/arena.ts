// Where every tensor of a program lies: lifetimes over the list of dispatches, placed in one arena or,
// where the device's buffers are too small for that, in several.
import { type BufferRequest, planMemory } from '../../passes/planMemory.ts';
import type { Dispatch, GpuBlock, GpuTensor } from './kernel.ts';
import { aligned } from './stateTable.ts';

export interface Place {
  readonly arena: number;
  readonly offset: number;
}

export interface ArenaPlan {
  readonly places: ReadonlyMap<GpuBlock, Place>;
  /** Bytes of each arena. */
  readonly arenas: readonly number[];
  /** Most bytes alive at one dispatch. */
  readonly lowerBound: number;
}

interface Request extends BufferRequest {
  readonly block: GpuBlock;
}

/**
 * Feeds and states have memory of their own.
 * @param outputs are read after the last dispatch
 * @param most bytes of the largest buffer; every single tensor must fit into one
 */
export function planArenas(
  dispatches: readonly Dispatch[],
  outputs: Iterable<GpuTensor>,
  most: number,
): ArenaPlan {
  const requests = lifetimes(dispatches, outputs);
  const segment = most - (most % aligned(1));
  if (requests.some(({ bytes }) => bytes > segment))
    throw new Error(`arena: a tensor is larger than ${segment} bytes`);
  const { offsets, lowerBound } = planMemory(requests, segment);
  const places = new Map<GpuBlock, Place>();
  const arenas: number[] = [];
  requests.forEach(({ block, bytes }, i) => {
    const arena = Math.floor(offsets[i]! / segment);
    const offset = offsets[i]! - arena * segment;
    places.set(block, { arena, offset });
    arenas[arena] = Math.max(arenas[arena] ?? 0, offset + bytes);
  });
  return { places, arenas, lowerBound };
}

/** From the first to the last dispatch that touches a block; outputs to the end. */
function lifetimes(
  dispatches: readonly Dispatch[],
  outputs: Iterable<GpuTensor>,
): readonly Request[] {
  const life = new Map<GpuBlock, { first: number; last: number }>();
  const touch = (block: GpuBlock, at: number) => {
    if (block.state !== undefined || block.range || block.feed) return;
    const span = life.get(block);
    if (span) span.last = Math.max(span.last, at);
    else life.set(block, { first: at, last: at });
  };
  dispatches.forEach(({ tensors }, i) => {
    for (const { block } of tensors) touch(block, i);
  });
  for (const { block } of outputs) touch(block, dispatches.length);
  return [...life].map(([block, span]) => ({ block, bytes: aligned(block.bytes), ...span }));
}
