// Puts buffers with lifetimes into one arena so that buffers alive at the same time never overlap.

export interface BufferRequest {
  readonly bytes: number;
  /** First and last step that touches the buffer, inclusive. */
  readonly first: number;
  readonly last: number;
}

export interface MemoryPlan {
  /** Byte offset of each buffer in the arena, a multiple of `alignment`. */
  readonly offsets: readonly number[];
  readonly arenaBytes: number;
  /** Most bytes alive at one step: no plan can be smaller. */
  readonly lowerBound: number;
}

const alignment = 64;
/** Bytes of a buffer with what it is filled up with. */
export const align = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

/**
 * Greedy by size: the largest buffer first, each at the lowest offset that is free for its whole life.
 * @param segment where the arena consists of several pieces of memory, bytes of each: no buffer lies in two
 */
export function planMemory(
  requests: readonly BufferRequest[],
  segment = Number.POSITIVE_INFINITY,
): MemoryPlan {
  const order = requests
    .map((_, i) => i)
    .sort((a, b) => requests[b]!.bytes - requests[a]!.bytes || a - b);
  const offsets = new Array<number>(requests.length).fill(0);
  /** Buffers placed so far, by offset. */
  const placed: number[] = [];
  let arenaBytes = 0;
  for (const i of order) {
    const request = requests[i]!;
    const size = align(request.bytes);
    const offset = lowestGap(request, size, segment, placed, requests, offsets);
    offsets[i] = offset;
    insertByOffset(placed, i, offsets);
    arenaBytes = Math.max(arenaBytes, offset + size);
  }
  return { offsets, arenaBytes, lowerBound: lowerBound(requests) };
}

function lowestGap(
  request: BufferRequest,
  size: number,
  segment: number,
  placed: readonly number[],
  requests: readonly BufferRequest[],
  offsets: readonly number[],
): number {
  let start = 0;
  for (const j of placed) {
    const other = requests[j]!;
    if (other.last < request.first || other.first > request.last) continue;
    if (offsets[j]! - start >= size) break;
    start = undivided(Math.max(start, offsets[j]! + align(other.bytes)), size, segment);
  }
  return start;
}

/** The first offset from `start` on at which `size` bytes lie in one segment. */
function undivided(start: number, size: number, segment: number): number {
  const room = segment - (start % segment);
  return size <= room ? start : start + room;
}

function insertByOffset(placed: number[], i: number, offsets: readonly number[]): void {
  let low = 0;
  let high = placed.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (offsets[placed[mid]!]! <= offsets[i]!) low = mid + 1;
    else high = mid;
  }
  placed.splice(low, 0, i);
}

function lowerBound(requests: readonly BufferRequest[]): number {
  const change = new Map<number, number>();
  for (const { bytes, first, last } of requests) {
    change.set(first, (change.get(first) ?? 0) + align(bytes));
    change.set(last + 1, (change.get(last + 1) ?? 0) - align(bytes));
  }
  let alive = 0;
  let most = 0;
  for (const step of [...change.keys()].sort((a, b) => a - b)) {
    alive += change.get(step)!;
    most = Math.max(most, alive);
  }
  return most;
}
