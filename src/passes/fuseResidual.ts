// Joins the sum at the end of a residual block, and its ReLU, with the convolution before it: the
// sum is formed in registers instead of by a pass over three tensors. For inference only.
import { consumers, type Graph, type Node, producers } from '../graph/graph.ts';
import { removeDead } from './rebuild.ts';

/**
 * add(r, conv2d(x, w, b)) becomes conv2d(x, w, b, r), with the ReLU of the sum, where nothing else
 * reads the convolution's result. Of two convolutions the later one takes the sum.
 */
export function fuseResidual(graph: Graph): Graph {
  const readers = consumers(graph);
  const writer = producers(graph);
  const shown = new Set(graph.outputs.map((o) => o.value));
  const nodes: Node[] = [...graph.nodes];

  const convolution = (id: number): Node | undefined => {
    const node = nodes[writer[id]!];
    if (node?.op !== 'conv2d' || node.inputs.length !== 3 || node.attrs.relu) return undefined;
    return readers[id]!.length === 1 && !shown.has(id) ? node : undefined;
  };

  graph.nodes.forEach((sum, at) => {
    if (sum.op !== 'add') return;
    const terms = [...sum.inputs].sort((a, b) => writer[b]! - writer[a]!);
    const [last, first] = terms as [number, number];
    const term = [last, first].find((id) => convolution(id));
    if (term === undefined) return;
    const conv = convolution(term)!;
    const residual = term === last ? first : last;
    nodes[at] = {
      ...conv,
      attrs: { ...conv.attrs, residual: true, ...(sum.attrs.relu ? { relu: true } : {}) },
      inputs: [...conv.inputs, residual],
      outputs: sum.outputs,
    };
  });
  return removeDead({ ...graph, nodes });
}
