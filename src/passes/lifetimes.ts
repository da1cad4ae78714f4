// When the values of a graph are alive, as requests to planMemory: by their logical sizes, in the
// order of the nodes. States have memory of their own and are left out.
import { elementCount, type Graph, type Value, type ValueId } from '../graph/graph.ts';
import type { BufferRequest } from './planMemory.ts';

export interface Lifetime extends BufferRequest {
  readonly value: ValueId;
}

export const valueBytes = ({ dtype, shape }: Value) =>
  elementCount(shape) * (dtype === 'uint8' ? 1 : 4);

/**
 * From the node that writes a value to the last one that reads it. Feeds are there from node 0 on; what
 * is handed out or stored stays to the end.
 */
export function lifetimes(graph: Graph): Lifetime[] {
  const end = graph.nodes.length;
  const first = new Map<ValueId, number>(graph.feeds.map((id) => [id, 0]));
  const last = new Map<ValueId, number>(first);
  graph.nodes.forEach(({ inputs, outputs }, at) => {
    for (const id of outputs) first.set(id, at);
    for (const id of [...inputs, ...outputs]) last.set(id, at);
  });
  for (const { value } of graph.outputs) last.set(value, end);
  for (const { next } of graph.states) if (next !== undefined) last.set(next, end);
  return [...first].map(([value, from]) => ({
    value,
    bytes: valueBytes(graph.values[value]!),
    first: from,
    last: last.get(value)!,
  }));
}
