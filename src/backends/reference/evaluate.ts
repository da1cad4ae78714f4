// Computes a graph node by node. The program is built on this; tests that need doubles in and out
// (finite differences) call it directly.
import { elementCount, type Graph, type Node } from '../../graph/graph.ts';
import { kernels } from './kernels.ts';
import type { Kernel, Tensor } from './tensor.ts';

/** A tensor of zeros for every value of the graph, by value id. */
export const createTensors = (graph: Graph): Tensor[] =>
  graph.values.map(({ shape }) => ({ shape, data: new Float64Array(elementCount(shape)) }));

export function evaluateNode({ op, attrs, inputs, outputs }: Node, tensors: readonly Tensor[]) {
  const kernel: Kernel = (kernels as Readonly<Record<string, Kernel>>)[op]!;
  kernel({
    attrs,
    inputs: inputs.map((id) => tensors[id]!),
    outputs: outputs.map((id) => tensors[id]!),
  });
}

/** Fills the tensors that nodes write from those of feeds and states. States are not replaced. */
export function evaluate(graph: Graph, tensors: readonly Tensor[]): void {
  for (const node of graph.nodes) evaluateNode(node, tensors);
}
