// The intermediate representation: plain data, nothing that runs. A graph lists its nodes in an
// order in which they may be computed; every value is written by exactly one node, feed or state.

export type DType = 'float32' | 'uint8';
/** Dimensions, outermost first. Activations are logically [N, C, H, W] whatever a backend stores. */
export type Shape = readonly number[];
/** Index into `Graph.values`. */
export type ValueId = number;

export interface Value {
  readonly id: ValueId;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface Node {
  /** Where it came from, for messages and profiles: 'stage2.0.branches.0.0.conv1'. */
  readonly name: string;
  readonly op: string;
  // biome-ignore lint/suspicious/noExplicitAny: attributes are typed by the op that reads them.
  readonly attrs: any;
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
}

/**
 * What a state is for. States of one role that belong to parameters lie in one flat buffer each,
 * in parameter order, so that an update or an all-reduce is one pass.
 */
export type StateRole = 'parameter' | 'statistic' | 'gradient' | 'moment1' | 'moment2' | 'scalar';

/** A tensor that outlives a run: read through `value`, replaced by `next` (if any) when the run ends. */
export interface State {
  readonly name: string;
  readonly role: StateRole;
  readonly value: ValueId;
  readonly next?: ValueId;
  /** Name of the parameter whose shape and layout this state shares. */
  readonly like?: string;
}

export interface Output {
  readonly name: string;
  readonly value: ValueId;
}

export interface Graph {
  readonly values: readonly Value[];
  readonly nodes: readonly Node[];
  /** Values the caller hands over at every run, by value name. */
  readonly feeds: readonly ValueId[];
  readonly states: readonly State[];
  /** Values handed back after every run. */
  readonly outputs: readonly Output[];
}

/** Product of the dimensions; 1 for a scalar. */
export const elementCount = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** For every value, the indices of the nodes that read it. */
export function consumers(graph: Graph): number[][] {
  const readers: number[][] = graph.values.map(() => []);
  graph.nodes.forEach((node, index) => {
    for (const id of node.inputs) readers[id]!.push(index);
  });
  return readers;
}

/** For every value, the index of the node that writes it, or -1 for feeds and states. */
export function producers(graph: Graph): number[] {
  const writers = graph.values.map(() => -1);
  graph.nodes.forEach((node, index) => {
    for (const id of node.outputs) writers[id] = index;
  });
  return writers;
}
