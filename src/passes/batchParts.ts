// Inference, part of the batch by part of the batch: where the activations of a whole batch are larger than the
// caches, neighbouring nodes run one after the other on as many pictures as fit, then on the next ones. What one
// node leaves is then still near when the next one reads it. Nodes that need the whole batch (batch norm
// in training) never run so.
import type { Graph, Node } from '../graph/graph.ts';
import { elementCount } from '../graph/graph.ts';
import type { OpName } from '../ops/index.ts';

/** Consecutive nodes that run together. */
export interface Stretch {
  readonly first: number;
  /** One past the last. */
  readonly end: number;
  /** Pictures at a time: a divisor of the batch, or all of it. */
  readonly pictures: number;
}

/** Ops of inference whose every picture depends on the same picture of their inputs alone. */
const separable: ReadonlySet<string> = new Set<OpName>([
  'normalizeImage',
  'conv2d',
  'relu',
  'add',
  'upsampleNearest',
]);

/**
 * @param most elements of one result of a stretch; a single picture may have more
 * @returns stretches that make up the whole graph, in order
 */
export function batchParts(graph: Graph, most: number): readonly Stretch[] {
  const stretches: Stretch[] = [];
  graph.nodes.forEach((node, first) => {
    const pictures = picturesOf(graph, node, most);
    const last = stretches.at(-1);
    if (last?.pictures === pictures) stretches[stretches.length - 1] = { ...last, end: first + 1 };
    else stretches.push({ first, end: first + 1, pictures });
  });
  return stretches;
}

/** Pictures that a run of the graph takes. */
export const batchOf = ({ values, feeds }: Graph): number => values[feeds[0] ?? 0]?.shape[0] ?? 1;

function picturesOf(graph: Graph, { op, outputs }: Node, most: number): number {
  const batch = batchOf(graph);
  const results = outputs.map((id) => graph.values[id]!);
  const handedOver = graph.outputs.some(({ value }) => outputs.includes(value));
  if (!separable.has(op) || handedOver) return batch;
  const elements = Math.max(...results.map(({ shape }) => elementCount(shape) / batch));
  for (let pictures = batch; pictures > 1; pictures--) {
    if (batch % pictures === 0 && pictures * elements <= most) return pictures;
  }
  return 1;
}
