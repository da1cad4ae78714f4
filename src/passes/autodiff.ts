// Adds the backward part: the gradient of one scalar for every parameter that it depends on.
import { createBuilder } from '../graph/builder.ts';
import type { Graph, Value, ValueId } from '../graph/graph.ts';
import { add } from '../ops/elementwise.ts';
import { ops } from '../ops/index.ts';

export interface Gradients {
  readonly graph: Graph;
  /** Gradient value of each parameter, by state name. */
  readonly gradients: ReadonlyMap<string, ValueId>;
}

/** Values that a parameter reaches: only these carry gradients. */
function dependOnParameters(graph: Graph): Set<ValueId> {
  const reached = new Set(graph.states.filter((s) => s.role === 'parameter').map((s) => s.value));
  for (const node of graph.nodes) {
    if (node.inputs.some((id) => reached.has(id))) for (const id of node.outputs) reached.add(id);
  }
  return reached;
}

/**
 * Reverse-mode differentiation.
 * @param loss name of the output to differentiate, shape [1]
 * @param seed name of the feed that takes dLoss, shape [1] (usually 1; a micro-batch's share of the whole)
 */
export function autodiff(forward: Graph, loss: string, seed: string): Gradients {
  const g = createBuilder(forward);
  const lossId = forward.outputs.find((o) => o.name === loss)!.value;
  const carries = dependOnParameters(forward);
  const dys = new Map<ValueId, Value>([[lossId, g.feed(seed, 'float32', [1])]]);

  const contribute = (to: ValueId, gradient: Value, name: string) => {
    const before = dys.get(to);
    dys.set(
      to,
      before ? g.add(add, [before, gradient], { relu: false }, `${name}.sum`)[0]! : gradient,
    );
  };

  for (const node of [...forward.nodes].reverse()) {
    const op = ops[node.op]!;
    const outputGradients = node.outputs.map((id) => dys.get(id));
    if (!op.grad || outputGradients.every((dy) => dy === undefined)) continue;
    const needs = node.inputs.map((id) => carries.has(id));
    if (!needs.some(Boolean)) continue;
    const site = {
      node,
      attrs: node.attrs,
      inputs: node.inputs.map(g.value),
      outputs: node.outputs.map(g.value),
      needs,
    };
    op.grad(g, site, outputGradients).forEach((dx, i) => {
      if (dx && needs[i]) contribute(node.inputs[i]!, dx, forward.values[node.inputs[i]!]!.name);
    });
  }
  const gradients = new Map<string, ValueId>();
  for (const state of forward.states) {
    const gradient = dys.get(state.value);
    if (state.role === 'parameter' && gradient) gradients.set(state.name, gradient.id);
  }
  return { graph: g.finish(), gradients };
}
