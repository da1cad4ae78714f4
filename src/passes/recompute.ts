// Trades time for memory in training: cheap results of the forward part (normalisation, batch norm,
// sum, ReLU, upsampling) are dropped and made again in the backward part, from the convolutions' results.
import type { Graph, Node, Value, ValueId } from '../graph/graph.ts';
import { producers } from '../graph/graph.ts';
import { peakMemory } from './peakMemory.ts';
import { compact } from './rebuild.ts';

/** Ops that cost a pass over memory and no more. */
const cheap: ReadonlySet<string> = new Set([
  'normalizeImage',
  'batchNormTrain',
  'relu',
  'add',
  'upsampleNearest',
]);

/**
 * How long a chain of cheap results may be that is made again for one of them; what comes after so many
 * stays in memory. Short chains keep much, long ones ask for the residual sums of half the network
 * at once for the first gradient. In HRNet a module is some 11 long.
 */
const chainLengths = [3, 5, 7, 9, 11, 13, 16, 20];

/** The choice that takes the least memory at its fullest moment; the graph itself where none takes less. */
export function recompute(graph: Graph): Graph {
  return chainLengths
    .map((length) => remake(graph, length))
    .map((choice) => ({ choice, bytes: peakMemory(choice).bytes }))
    .reduce((least, next) => (next.bytes < least.bytes ? next : least), {
      choice: graph,
      bytes: peakMemory(graph).bytes,
    }).choice;
}

function remake(graph: Graph, longestChain: number): Graph {
  const boundary = lastForwardNode(graph);
  const remade = chooseRemade(graph, boundary, longestChain);
  const values: Value[] = [...graph.values];
  const nodes: Node[] = graph.nodes.slice(0, boundary + 1);
  const writers = producers(graph);
  const copies = new Map<ValueId, ValueId>();

  /** The id under which the backward part reads a value: of the copy, made here if there is none yet. */
  const again = (id: ValueId): ValueId => {
    if (!remade.has(id)) return id;
    const known = copies.get(id);
    if (known !== undefined) return known;
    const node = graph.nodes[writers[id]!]!;
    const inputs = node.inputs.map(again);
    const copy = {
      ...graph.values[id]!,
      id: values.length,
      name: `${graph.values[id]!.name}.again`,
    };
    values.push(copy);
    copies.set(id, copy.id);
    nodes.push(copyOf(node, inputs, copy.id));
    return copy.id;
  };

  for (const node of graph.nodes.slice(boundary + 1)) {
    const inputs = node.inputs.map(again);
    nodes.push({ ...node, inputs });
  }
  return compact({ ...graph, values, nodes });
}

/** Index of the last node of the forward part: the one that makes the last output, the loss. */
function lastForwardNode(graph: Graph): number {
  const writers = producers(graph);
  return Math.max(...graph.outputs.map(({ value }) => writers[value]!));
}

/** Values of the forward part that are not kept for the backward part. */
function chooseRemade(graph: Graph, boundary: number, longestChain: number): ReadonlySet<ValueId> {
  const wanted = new Set(graph.nodes.slice(boundary + 1).flatMap(({ inputs }) => inputs));
  const depth = new Map<ValueId, number>();
  for (const { op, inputs, outputs } of graph.nodes.slice(0, boundary + 1)) {
    if (!cheap.has(op)) continue;
    const [y] = outputs as [ValueId];
    const chain = 1 + Math.max(...inputs.map((id) => depth.get(id) ?? 0));
    if (chain > longestChain && wanted.has(y)) continue;
    depth.set(y, chain);
  }
  return new Set(depth.keys());
}

/** Batch norm is made again from the statistics of the batch, which are kept. */
function copyOf(node: Node, inputs: readonly ValueId[], y: ValueId): Node {
  const copy = { ...node, name: `${node.name}.again`, outputs: [y] };
  if (node.op !== 'batchNormTrain') return { ...copy, inputs };
  const [, mean, variance] = node.outputs as [ValueId, ValueId, ValueId];
  return { ...copy, op: 'batchNormInference', inputs: [...inputs, mean, variance] };
}
