// Joins a batch norm by running statistics with the convolution before it. Both are linear in x, so
// that scaled weights and one bias do the work of two passes over memory. For inference only.
import { inputError } from '../errors.ts';
import { createBuilder } from '../graph/builder.ts';
import { consumers, type Graph, type Node, producers, type State } from '../graph/graph.ts';
import { removeDead } from './rebuild.ts';

/** State name → values, row-major. */
export type StateValues = ReadonlyMap<string, Float32Array>;

export interface Folded {
  readonly graph: Graph;
  /** The states of the folded graph from those of the one that came in; others are left out. */
  readonly fold: (states: StateValues) => Map<string, Float32Array>;
}

/** One convolution with the batch norm that reads it; names are state names. */
interface Fold {
  readonly weight: string;
  /** Name of the new bias. */
  readonly bias: string;
  /** Bias that the convolution had before. */
  readonly oldBias: string | undefined;
  /** gamma, beta, mean, variance. */
  readonly norm: readonly [string, string, string, string];
  readonly epsilon: number;
}

/**
 * batchNormInference(conv2d(x, w)) becomes conv2d(x, w′, b′) with the batch norm's ReLU, where
 * nothing else reads the convolution's result or its weight. w keeps its state; b′ is `<conv>.bias`.
 */
export function foldBatchNorm(graph: Graph): Folded {
  const nodes: Node[] = [...graph.nodes];
  const g = createBuilder({ ...graph, nodes: [] });
  const folds = findFolds(graph).map(({ norm, convolution, fold }) => {
    const conv = nodes[convolution]!;
    const batchNorm = nodes[norm]!;
    const [x, w] = conv.inputs as [number, number];
    const bias = g.state(fold.bias, 'parameter', [graph.values[w]!.shape[0]!]);
    nodes[norm] = {
      ...conv,
      attrs: { ...conv.attrs, ...(batchNorm.attrs.relu ? { relu: true } : {}) },
      inputs: [x, w, bias.id],
      outputs: batchNorm.outputs,
    };
    return fold;
  });
  // The convolutions that were folded write what nothing reads any more.
  const folded = removeDead({ ...g.finish(), nodes });
  return { graph: folded, fold: (states) => foldStates(folded, folds, states) };
}

function findFolds(graph: Graph) {
  const readers = consumers(graph);
  const writer = producers(graph);
  const shown = new Set(graph.outputs.map((o) => o.value));
  const stateOf = new Map<number, State>(graph.states.map((s) => [s.value, s]));
  return graph.nodes.flatMap((node, norm) => {
    if (node.op !== 'batchNormInference') return [];
    const [x, ...perChannel] = node.inputs as [number, ...number[]];
    const convolution = writer[x]!;
    const conv = graph.nodes[convolution];
    if (conv?.op !== 'conv2d' || readers[x]!.length !== 1 || shown.has(x)) return [];
    if (conv.attrs.relu || conv.attrs.residual) return [];
    const names = [...conv.inputs.slice(1), ...perChannel].map((id) => stateOf.get(id)?.name);
    const ownStates = conv.inputs.slice(1).every((id) => readers[id]!.length === 1);
    if (!ownStates || names.includes(undefined)) return [];
    const convStates = names.slice(0, conv.inputs.length - 1) as string[];
    const fold: Fold = {
      weight: convStates[0]!,
      bias: `${convStates[0]!.replace(/\.weight$/, '')}.bias`,
      oldBias: convStates[1],
      norm: names.slice(-4) as unknown as Fold['norm'],
      epsilon: node.attrs.epsilon,
    };
    return [{ norm, convolution, fold }];
  });
}

function foldStates(graph: Graph, folds: readonly Fold[], states: StateValues) {
  const get = (name: string) => {
    const values = states.get(name);
    if (values) return values;
    throw inputError(`weights: expected a tensor '${name}', found none. Check the weights file.`);
  };
  const made = new Map<string, Float32Array>();
  for (const fold of folds) {
    const [weight, bias] = foldOne(fold, get);
    made.set(fold.weight, weight);
    made.set(fold.bias, bias);
  }
  return new Map(graph.states.map(({ name }) => [name, made.get(name) ?? get(name)]));
}

/** w′ = w·s, b′ = beta + (b − mean)·s with s = gamma/√(variance + ε), in double precision. */
function foldOne(
  { weight, oldBias, norm, epsilon }: Fold,
  get: (name: string) => Float32Array,
): [Float32Array, Float32Array] {
  const [gamma, beta, mean, variance] = norm.map(get) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const w = Float32Array.from(get(weight));
  const b = oldBias === undefined ? undefined : get(oldBias);
  const perChannel = w.length / gamma.length;
  const bias = gamma.map((_, m) => {
    const scale = gamma[m]! / Math.sqrt(variance[m]! + epsilon);
    for (let i = m * perChannel; i < (m + 1) * perChannel; i++) w[i]! *= scale;
    return beta[m]! + ((b?.[m] ?? 0) - mean[m]!) * scale;
  });
  return [w, bias];
}
