// What graphs, convolutions and loaders take of memory, as the backends and the loader use it. All in bytes.
import type { Size } from '../data/record.ts';
import { elementCount, type Graph, type Value } from '../graph/graph.ts';
import { valueBytes } from '../passes/lifetimes.ts';

export interface MemoryKind {
  readonly memory: 'host' | 'device';
  /** Of one element: 4, or 2 in half precision. */
  readonly activationBytes: number;
}

/** Activations lie in blocks of so many channels. */
const channelBlock = { host: 16, device: 4 };

/** A value as it is stored: activations in the given width, with channels filled up to blocks. */
export function storedBytes({ dtype, shape }: Value, kind: MemoryKind): number {
  const { activationBytes, memory } = kind;
  if (dtype === 'uint8') return elementCount(shape);
  if (shape.length !== 4) return elementCount(shape) * 4;
  const [n, c, h, w] = shape as [number, number, number, number];
  const block = channelBlock[memory];
  const channels = c < 8 && memory === 'host' ? c : Math.ceil(c / block) * block;
  return n * channels * h * w * activationBytes;
}

/** What is handed over, as it is. */
export const feedBytes = ({ feeds, values }: Graph): number =>
  feeds.reduce((sum, id) => sum + valueBytes(values[id]!), 0);

/** The states of these roles. */
export function statesOf(graph: Graph, roles: readonly string[]): number {
  return graph.states
    .filter(({ role }) => roles.includes(role))
    .reduce((sum, { value }) => sum + elementCount(graph.values[value]!.shape) * 4, 0);
}

/** Of a convolution in float32 (Winograd) on the CPU at the fullest moment; in bfloat16 there is next to none. */
export const scratchBytes = ({ memory, activationBytes }: MemoryKind): number =>
  memory === 'host' && activationBytes >= 4 ? 40e6 : 0;

/** A thread of the loader (docs/log.md). */
const threadBytes = 60e6;

/** A loader of the host with the batches that are under way. */
export const loaderBytes = (workers: number, batch: number, { width, height }: Size): number =>
  workers * threadBytes + (2 + workers) * batch * width * height * 3;
