// Helpers of the passes: dropping what nothing reads, and putting values in place of others.
import type { Graph, Node, Value, ValueId } from '../graph/graph.ts';

/** Renumbers values so that only those in use remain, in their old order. */
export function compact(graph: Graph): Graph {
  const used = new Set<ValueId>([
    ...graph.feeds,
    ...graph.states.map((s) => s.value),
    ...graph.nodes.flatMap((n) => n.outputs),
  ]);
  const renumber = new Map<ValueId, ValueId>();
  const values: Value[] = [];
  for (const value of graph.values) {
    if (!used.has(value.id)) continue;
    renumber.set(value.id, values.length);
    values.push({ ...value, id: values.length });
  }
  const map = (id: ValueId) => renumber.get(id)!;
  return {
    values,
    nodes: graph.nodes.map((n) => ({
      ...n,
      inputs: n.inputs.map(map),
      outputs: n.outputs.map(map),
    })),
    feeds: graph.feeds.map(map),
    states: graph.states.map((s) => ({
      ...s,
      value: map(s.value),
      ...(s.next === undefined ? {} : { next: map(s.next) }),
    })),
    outputs: graph.outputs.map((o) => ({ ...o, value: map(o.value) })),
  };
}

/** Removes nodes whose results reach no output and no state, and states that nothing reads or replaces. */
export function removeDead(graph: Graph): Graph {
  const live = new Set<ValueId>(graph.outputs.map((o) => o.value));
  for (const s of graph.states) if (s.next !== undefined) live.add(s.next);
  const kept: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((id) => live.has(id))) continue;
    for (const id of node.inputs) live.add(id);
    kept.push(node);
  }
  const states = graph.states.filter((s) => s.next !== undefined || live.has(s.value));
  return compact({ ...graph, nodes: kept.reverse(), states });
}

/** Every read of a value in `replacement` becomes a read of its substitute. */
export function substitute(graph: Graph, replacement: ReadonlyMap<ValueId, ValueId>): Graph {
  const map = (id: ValueId) => replacement.get(id) ?? id;
  return {
    ...graph,
    nodes: graph.nodes.map((n) => ({ ...n, inputs: n.inputs.map(map) })),
    outputs: graph.outputs.map((o) => ({ ...o, value: map(o.value) })),
    states: graph.states.map((s) => (s.next === undefined ? s : { ...s, next: map(s.next) })),
  };
}
