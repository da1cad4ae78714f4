// Joins a ReLU with the batch norm or sum that feeds it, where nothing else reads the sum: one
// pass over memory instead of two. Runs before autodiff, whose rules know the fused forms.
import { consumers, type Graph, type Node, producers, type ValueId } from '../graph/graph.ts';
import { removeDead, substitute } from './rebuild.ts';

const fusible = new Set(['batchNormTrain', 'batchNormInference', 'add']);

export function fuseRelu(graph: Graph): Graph {
  const readers = consumers(graph);
  const writer = producers(graph);
  const shown = new Set(graph.outputs.map((o) => o.value));
  const nodes: Node[] = [...graph.nodes];
  const replacement = new Map<ValueId, ValueId>();
  graph.nodes.forEach((node) => {
    if (node.op !== 'relu') return;
    const [x] = node.inputs as [ValueId];
    const at = writer[x]!;
    const source = nodes[at];
    if (!source || !fusible.has(source.op) || readers[x]!.length !== 1 || shown.has(x)) return;
    nodes[at] = { ...source, attrs: { ...source.attrs, relu: true } };
    replacement.set(node.outputs[0]!, x);
  });
  return removeDead(substitute({ ...graph, nodes }, replacement));
}
