// Work that a kernel does for another node, which spares that one's pass over memory: sums are formed by the kernel
// of one of their terms, gradients of ReLUs by the first kernel that reads them, running statistics by that of the
// batch norm. Here is which may do so, read off the graph, and what waits for whom.
import {
  consumers,
  type Graph,
  type Node,
  producers,
  type State,
  type Value,
  type ValueId,
} from '../../graph/graph.ts';
import type { OpName } from '../../ops/index.ts';
import type { GpuTensor } from './kernel.ts';

/** Where a kernel writes at its end: its result or, with `plus`, the sum of it and that. */
export interface End {
  readonly to: GpuTensor;
  readonly plus?: GpuTensor;
  /** Whether a ReLU comes last. */
  readonly relu: boolean;
}

export type Finish = (end: End) => void;

/** Ops whose kernels can add a tensor to their result, and then apply a ReLU. */
const adding: ReadonlySet<string> = new Set<OpName>([
  'batchNormTrain',
  'batchNormInference',
  'conv2dGradInput',
]);

/** Whether the gradient of a ReLU may arrive at a node unmade: at a batch norm without a ReLU of its own, and as dy alone. */
function appliesRelu({ op, attrs, inputs }: Node, gradient: ValueId): boolean {
  const [dy, ...others] = [...inputs].reverse();
  return op === 'batchNormGrad' && !attrs.relu && dy === gradient && !others.includes(gradient);
}

export class Joins {
  readonly #graph: Graph;
  readonly #readers: readonly (readonly number[])[];
  readonly #writers: readonly number[];
  /** Read by whoever takes them after the run. */
  readonly #kept: ReadonlySet<ValueId | undefined>;
  /** States that change in the run: what reads them must do so at its turn. */
  readonly #replaced: ReadonlySet<ValueId>;
  /** Terms that are formed into their sum, and what does so when its turn comes. */
  readonly #terms: ReadonlySet<ValueId>;
  readonly #finishes = new Map<ValueId, Finish>();
  readonly #left = new Map<ValueId, readonly Value[]>();

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#readers = consumers(graph);
    this.#writers = producers(graph);
    this.#kept = new Set([
      ...graph.outputs.map(({ value }) => value),
      ...graph.states.map(({ next }) => next),
    ]);
    const replaced = graph.states.filter(({ next }) => next !== undefined);
    this.#replaced = new Set(replaced.map(({ value }) => value));
    const sums = graph.nodes.filter(({ op }) => op === 'add');
    this.#terms = new Set(sums.flatMap((sum) => this.#termOf(sum) ?? []));
  }

  /** Whether the value's kernel should wait for the sum that it is a term of. */
  isTerm({ id }: Value): boolean {
    return this.#terms.has(id);
  }

  wait({ id }: Value, finish: Finish): void {
    this.#finishes.set(id, finish);
  }

  /** Of a sum's terms what one waits with, and the other. */
  waiting(terms: readonly Value[]): { readonly finish: Finish; readonly other: Value } | undefined {
    const term = terms.find(({ id }) => this.#finishes.has(id));
    const other = terms.find((value) => value !== term);
    return term && other && { finish: this.#finishes.get(term.id)!, other };
  }

  /** Leaves the gradient of a ReLU to the kernel that reads it first, if it can make it; it asks by left() of what. */
  leave({ id }: Value, made: readonly Value[]): boolean {
    const first = this.#graph.nodes[this.#readers[id]![0]!];
    if (!first || !appliesRelu(first, id)) return false;
    if (made.some((value) => this.#replaced.has(value.id))) return false;
    this.#left.set(id, made);
    return true;
  }

  left({ id }: Value): readonly Value[] | undefined {
    return this.#left.get(id);
  }

  /** The node of this op that makes a state's next value of `value` and is the only one to look at the state. */
  stateStep({ id }: Value, op: OpName): { readonly node: Node; readonly state: State } | undefined {
    const node = this.#readers[id]!.map((i) => this.#graph.nodes[i]!).find((n) => n.op === op);
    const state = this.#graph.states.find(({ next }) => next === node?.outputs[0]);
    if (!node || !state || this.#kept.has(state.value)) return undefined;
    return this.#readers[state.value]!.length === 1 && node.inputs.includes(state.value)
      ? { node, state }
      : undefined;
  }

  /** The term that can form the sum: one that nothing else reads; of two the later one, so that the other is there. */
  #termOf({ inputs }: Node): ValueId | undefined {
    const writers = this.#writers;
    return inputs
      .filter((id) => this.#canAdd(id))
      .sort((a, b) => writers[b]! - writers[a]!)
      .at(0);
  }

  #canAdd(id: ValueId): boolean {
    const node = this.#graph.nodes[this.#writers[id]!];
    if (!node || !adding.has(node.op) || node.attrs.relu || id !== node.outputs[0]) return false;
    if (node.inputs.some((input) => this.#replaced.has(input))) return false;
    return this.#readers[id]!.length === 1 && !this.#kept.has(id);
  }
}
