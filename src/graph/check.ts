// The invariants of a graph, written once. The pass loop runs this after every pass.
import { ops } from '../ops/index.ts';
import { type Graph, showShape } from './graph.ts';

/** Throws an Error that names the first broken invariant; a broken graph is a bug, not bad input. */
export function checkGraph(graph: Graph, when: string): void {
  const fail = (what: string): never => {
    throw new Error(`graph check after ${when}: ${what}`);
  };
  graph.values.forEach((value, i) => {
    if (value.id !== i) fail(`value ${i} carries id ${value.id}`);
  });
  const written = new Set([...graph.feeds, ...graph.states.map((s) => s.value)]);
  if (written.size !== graph.feeds.length + graph.states.length)
    fail('a feed or state is listed twice');
  for (const node of graph.nodes) {
    const op = ops[node.op] ?? fail(`unknown op '${node.op}' at '${node.name}'`);
    for (const id of node.inputs) {
      if (!written.has(id)) fail(`'${node.name}' reads value ${id} before it is written`);
    }
    const inputs = node.inputs.map((id) => graph.values[id]!);
    const inferred = op.infer(inputs, node.attrs);
    if (inferred.length !== node.outputs.length)
      fail(`'${node.name}' has ${node.outputs.length} outputs`);
    node.outputs.forEach((id, i) => {
      const value = graph.values[id] ?? fail(`'${node.name}' writes unknown value ${id}`);
      if (written.has(id)) fail(`'${node.name}' writes value ${id} a second time`);
      written.add(id);
      const want = inferred[i]!;
      if (showShape(want.shape) !== showShape(value.shape) || want.dtype !== value.dtype) {
        fail(
          `'${node.name}' output ${i} is ${showShape(value.shape)}, its rule says ${showShape(want.shape)}`,
        );
      }
    });
  }
  for (const { name, value } of graph.outputs) {
    if (!written.has(value)) fail(`output '${name}' is never written`);
  }
  for (const { name, value, next } of graph.states) {
    if (next === undefined) continue;
    if (!written.has(next)) fail(`state '${name}' is replaced by a value that is never written`);
    if (showShape(graph.values[value]!.shape) !== showShape(graph.values[next]!.shape)) {
      fail(`state '${name}' changes shape`);
    }
  }
}
