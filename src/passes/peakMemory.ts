// How much memory the values of a graph take while it runs, and of what it consists at the fullest
// moment. States have memory of their own, and so have the values that replace them.
import { type Graph, producers, type Value } from '../graph/graph.ts';
import { lifetimes, valueBytes } from './lifetimes.ts';
import { align } from './planMemory.ts';

export interface Peak {
  /** Most that is alive at one node. */
  readonly bytes: number;
  /** Index of that node. */
  readonly node: number;
  /** Bytes alive there by the op that made them, 'feed' for what was handed over; largest first. */
  readonly live: ReadonlyMap<string, number>;
}

/** @param bytesOf a value as it is stored; by its logical size unless told otherwise */
export function peakMemory(graph: Graph, bytesOf: (value: Value) => number = valueBytes): Peak {
  const inStates = new Set(graph.states.map(({ next }) => next));
  const lives = lifetimes(graph)
    .filter(({ value }) => !inStates.has(value))
    .map((life) => ({ ...life, bytes: align(bytesOf(graph.values[life.value]!)) }));
  const change = new Float64Array(graph.nodes.length + 2);
  for (const { first, last, bytes } of lives) {
    change[first]! += bytes;
    change[last + 1]! -= bytes;
  }
  const { bytes, node } = largestSum(change);
  const writers = producers(graph);
  const live = new Map<string, number>();
  for (const { value, first, last, bytes: size } of lives) {
    if (first > node || last < node) continue;
    const op = graph.nodes[writers[value]!]?.op ?? 'feed';
    live.set(op, (live.get(op) ?? 0) + size);
  }
  return { bytes, node, live: new Map([...live].sort(([, a], [, b]) => b - a)) };
}

/** Largest running sum and where it is first reached. */
function largestSum(change: Float64Array): { bytes: number; node: number } {
  let alive = 0;
  let most = { bytes: 0, node: 0 };
  change.forEach((by, node) => {
    alive += by;
    if (alive > most.bytes) most = { bytes: alive, node };
  });
  return most;
}
