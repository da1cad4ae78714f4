// What a kernel is shown of the graph when it is lowered, the same for every backend that lowers.
import type { Graph, Node, Value } from '../graph/graph.ts';

/** One node as its kernel sees it. */
export interface Site {
  readonly node: Node;
  // biome-ignore lint/suspicious/noExplicitAny: typed by the kernel that reads them.
  readonly attrs: any;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

export const siteOf = ({ values }: Graph, node: Node): Site => ({
  node,
  attrs: node.attrs,
  inputs: node.inputs.map((id) => values[id]!),
  outputs: node.outputs.map((id) => values[id]!),
});
