// Turns a graph into dispatches on tensors of the device. Kernels ask this for inputs in the layout
// they want (a reorder is added where a tensor lies differently) and for outputs; where in the arena a
// tensor lies is decided in arena.ts.
import type { Graph, Node, State, Value, ValueId } from '../../graph/graph.ts';
import type { OpName } from '../../ops/index.ts';
import { type Site, siteOf } from '../site.ts';
import type { ConvDims, ConvKind } from './conv/dims.ts';
import { convTiles, type Tile, unitOf, unitTiles } from './conv/tile.ts';
import { type Storage, vectors } from './halves.ts';
import { type Finish, Joins } from './joins.ts';
import type { Dispatch, GpuBlock, GpuFeatures, GpuTensor, Shader } from './kernel.ts';
import { copyShader, reorderShader } from './kernels/reorder.ts';
import { type Layout, layoutBytes, stridesOf } from './layout.ts';
import type { StateTable } from './stateTable.ts';

export type Kernel = (at: Site, low: Lowering) => void;

/** How a convolution is cut: the best guess, or what was measured. */
export type ChooseTile = (
  kind: ConvKind,
  dims: ConvDims,
  features: GpuFeatures,
  activations: Storage,
) => Tile;

const bestGuess: ChooseTile = (kind, dims, features) => convTiles(kind, dims, features)[0]!;

export interface LoweringOptions {
  /** How convolutions are cut; the best guess by default. */
  readonly chooseTile?: ChooseTile | undefined;
  /** How activations and their gradients lie (default f32). */
  readonly activations?: Storage;
}

export interface StateStep {
  /** Of the node whose work it is. */
  readonly attrs: Node['attrs'];
  /** The state's. */
  readonly tensor: GpuTensor;
}

export class Lowering {
  readonly features: GpuFeatures;
  readonly dispatches: Dispatch[] = [];
  readonly feeds = new Map<string, GpuTensor>();
  readonly outputs = new Map<string, GpuTensor>();
  readonly #graph: Graph;
  readonly #joins: Joins;
  /** Nodes whose work another one has done. */
  readonly #done = new Set<Node>();
  readonly #states: StateTable;
  readonly #chooseTile: ChooseTile;
  readonly #activations: Storage;
  /** Values that stay f32 whatever activations are. */
  readonly #exact: ReadonlySet<ValueId>;
  readonly #tensors = new Map<ValueId, GpuTensor>();
  readonly #reordered = new Map<ValueId, GpuTensor[]>();
  readonly #stateBlocks = new Map<string, GpuBlock>();
  readonly #stateOf = new Map<ValueId, State>();
  readonly #replaces = new Map<ValueId, State>();
  /** Index of the last node that reads a value; past the end for those that are handed out. */
  readonly #lastRead = new Map<ValueId, number>();
  #node = 0;
  /** What dispatches belong to: the node under way, or the graph's edges. */
  #owner = { op: 'feed', name: '' };

  constructor(
    graph: Graph,
    states: StateTable,
    features: GpuFeatures,
    { chooseTile = bestGuess, activations = 'f32' }: LoweringOptions = {},
  ) {
    this.#chooseTile = chooseTile;
    this.#activations = activations;
    this.#exact = exactValues(graph);
    this.#graph = graph;
    this.#joins = new Joins(graph);
    this.#states = states;
    this.features = features;
    for (const state of graph.states) {
      this.#stateOf.set(state.value, state);
      if (state.next !== undefined) this.#replaces.set(state.next, state);
    }
    graph.nodes.forEach((node, i) => {
      for (const id of node.inputs) this.#lastRead.set(id, i);
    });
    const end = graph.nodes.length;
    for (const { value } of graph.outputs) this.#lastRead.set(value, end);
    for (const { next } of graph.states) if (next !== undefined) this.#lastRead.set(next, end);
  }

  run(kernels: Readonly<Record<string, Kernel>>): void {
    const { nodes, feeds, values, outputs } = this.#graph;
    for (const id of feeds) this.#addFeed(values[id]!);
    nodes.forEach((node, i) => {
      if (this.#done.has(node)) return;
      this.#node = i;
      this.#owner = node;
      kernels[node.op]!(siteOf(this.#graph, node), this);
    });
    this.#owner = { op: 'state', name: '' };
    this.#finishStates();
    this.#owner = { op: 'output', name: '' };
    for (const { name, value } of outputs) this.#addOutput(name, values[value]!);
  }

  /** The tensor of a value as it lies. A state that no program has used yet takes the layout `ifNew`. */
  tensor(value: Value, ifNew: Layout = 'plain'): GpuTensor {
    const known = this.#tensors.get(value.id);
    if (known) return known;
    const state = this.#stateOf.get(value.id);
    if (!state) throw new Error(`lower: '${value.name}' is read before it is written`);
    const tensor = this.#stateTensor(state, value, ifNew);
    this.#tensors.set(value.id, tensor);
    return tensor;
  }

  /** The tensor of a value in exactly this layout, by a reorder where needed. */
  in(value: Value, layout: Layout): GpuTensor {
    const tensor = this.tensor(value, layout);
    if (tensor.layout === layout) return tensor;
    const copies = this.#reordered.get(value.id) ?? [];
    const known = copies.find((copy) => copy.layout === layout);
    if (known) return known;
    const copy = this.scratch(value.shape, layout, this.#storageOf(value, layout));
    this.#reorder(tensor, copy);
    this.#reordered.set(value.id, [...copies, copy]);
    return copy;
  }

  /** How a convolution is cut. */
  tile(kind: ConvKind, dims: ConvDims): Tile {
    const unit = unitOf(this.features, this.#activations);
    const [onUnit] = unit ? unitTiles(kind, dims, this.features, unit) : [];
    return onUnit ?? this.#chooseTile(kind, dims, this.features, this.#activations);
  }

  /** Memory that lives between the dispatches that touch it. */
  scratch(shape: readonly number[], layout: Layout = 'plain', storage: Storage = 'f32'): GpuTensor {
    return { shape, layout, storage, block: { bytes: layoutBytes(shape, layout, storage) } };
  }

  /**
   * The tensor that a kernel writes for `value`. Where the value replaces a state of the same layout
   * whose old contents nothing reads later, that is the state's own memory.
   */
  out(value: Value, layout: Layout): GpuTensor {
    const state = this.#replaces.get(value.id);
    const own = state && this.#stateTensor(state, this.#graph.values[state.value]!, layout);
    const readLater = state !== undefined && (this.#lastRead.get(state.value) ?? -1) > this.#node;
    const inPlace = own !== undefined && !readLater && own.layout === layout;
    const tensor = inPlace
      ? own
      : this.scratch(value.shape, layout, this.#storageOf(value, layout));
    this.#tensors.set(value.id, tensor);
    return tensor;
  }

  /** Writes a result, channels last, by `write`: at once or, where it is the term of a sum, with that. */
  finish(value: Value, write: Finish): void {
    if (!this.#joins.isTerm(value)) {
      write({ to: this.out(value, 'channelsLast'), relu: false });
      return;
    }
    const owner = this.#owner;
    this.#joins.wait(value, (end) => {
      const sum = this.#owner;
      this.#owner = owner;
      write(end);
      this.#owner = sum;
    });
  }

  /** Has a sum written by the kernel of one of its terms, where one waits for that. */
  finishSum(terms: readonly Value[], sum: Value, relu: boolean): boolean {
    const waiting = this.#joins.waiting(terms);
    if (!waiting) return false;
    const plus = this.in(waiting.other, 'channelsLast');
    waiting.finish({ to: this.out(sum, 'channelsLast'), plus, relu });
    return true;
  }

  /** Leaves the gradient of a ReLU to the kernel that reads it first, if it can make it; it asks by left() of what. */
  leave(value: Value, made: readonly Value[]): boolean {
    return this.#joins.leave(value, made);
  }

  left(value: Value): readonly Value[] | undefined {
    return this.#joins.left(value);
  }

  /** Takes over the node of this op that moves a state on by `value`, in the state's own memory; none, where others look at it. */
  takeStateStep(value: Value, op: OpName): StateStep | undefined {
    const step = this.#joins.stateStep(value, op);
    if (!step) return undefined;
    const { node, state } = step;
    const tensor = this.tensor(this.#graph.values[state.value]!);
    this.#tensors.set(state.next!, tensor);
    this.#done.add(node);
    return { attrs: node.attrs, tensor };
  }

  /** Gives memory to all states laid out so far and says where a state's tensor lies. */
  rangeOf({ block }: GpuTensor) {
    this.#states.place(this.#graph.states);
    return this.#states.rangeOf(block.state!);
  }

  /**
   * A dispatch whose bindings are these tensors. WebGPU lets no memory be bound twice where one of
   * the bindings is written: such a one is read from a copy. Kernels that go element by element name the
   * binding once instead (see kernels/elementwise.ts).
   */
  dispatch(shader: Shader, tensors: readonly GpuTensor[], flops = 0, op = this.#owner.op): void {
    if (shader.bindings.length !== tensors.length)
      throw new Error(`lower: ${shader.label}: ${tensors.length} tensors for its bindings`);
    shader.bindings.forEach(({ name, type }, i) => {
      if ((type === vectors('f16')) !== (tensors[i]!.storage === 'f16'))
        throw new Error(`lower: ${shader.label}: ${name} does not lie as the shader reads it`);
    });
    const apart = this.#apart(shader, tensors);
    const bytes = apart.reduce((sum, { block }) => sum + block.bytes, 0);
    const node = this.#owner.name;
    this.dispatches.push({ shader, tensors: apart, flops, bytes, op, node });
  }

  #apart({ bindings }: Shader, tensors: readonly GpuTensor[]): GpuTensor[] {
    const seen = new Set<GpuBlock>();
    bindings.forEach(({ access }, i) => {
      if (access === 'read_write') seen.add(tensors[i]!.block);
    });
    return tensors.map((tensor, i) => {
      if (bindings[i]!.access === 'read_write') return tensor;
      if (!seen.has(tensor.block)) {
        seen.add(tensor.block);
        return tensor;
      }
      const copy = this.scratch(tensor.shape, tensor.layout, tensor.storage);
      this.#copy(tensor, copy);
      return copy;
    });
  }

  #storageOf({ id }: Value, layout: Layout): Storage {
    return layout === 'channelsLast' && !this.#exact.has(id) ? this.#activations : 'f32';
  }

  #reorder(from: GpuTensor, to: GpuTensor): void {
    const storages = { x: from.storage, y: to.storage };
    const shader = reorderShader(from.shape, from.layout, to.layout, storages);
    this.dispatch(shader, [from, to], 0, 'reorder');
  }

  #copy(from: GpuTensor, to: GpuTensor): void {
    const { floats } = stridesOf(from.shape, from.layout);
    this.dispatch(copyShader(floats / 4, from.storage), [from, to], 0, 'copy');
  }

  #addFeed(value: Value): void {
    const { shape, dtype } = value;
    const bytes =
      dtype === 'uint8'
        ? Math.ceil(shape.reduce((a, b) => a * b, 1) / 16) * 16
        : layoutBytes(shape, 'plain');
    const block: GpuBlock = { bytes, feed: true };
    const tensor: GpuTensor = { shape, layout: 'plain', storage: 'f32', block };
    this.#tensors.set(value.id, tensor);
    this.feeds.set(value.name, tensor);
  }

  #addOutput(name: string, value: Value): void {
    this.outputs.set(name, this.in(value, 'plain'));
  }

  #stateTensor(state: State, value: Value, ifNew: Layout): GpuTensor {
    const { layout, bytes } = this.#states.declare(state, value.shape, ifNew);
    let block = this.#stateBlocks.get(state.name);
    if (!block) {
      block = { bytes, state: state.name };
      this.#stateBlocks.set(state.name, block);
    }
    return { shape: value.shape, layout, storage: 'f32', block };
  }

  /**
   * Copies replaced states into place where their kernels could not write there themselves. What is
   * another state's old value is taken before any state changes.
   */
  #finishStates(): void {
    const moves = this.#graph.states.flatMap((state): [GpuTensor, GpuTensor][] => {
      if (state.next === undefined) return [];
      const from = this.tensor(this.#graph.values[state.next]!);
      const to = this.#stateTensor(state, this.#graph.values[state.value]!, from.layout);
      return from.block === to.block ? [] : [[from, to]];
    });
    const taken = moves.map(([from, to]): [GpuTensor, GpuTensor] => {
      if (from.block.state === undefined) return [from, to];
      const copy = this.scratch(from.shape, from.layout, from.storage);
      this.#copy(from, copy);
      return [copy, to];
    });
    for (const [from, to] of taken) this.#reorder(from, to);
  }
}

/** States, outputs, and what the loss compares: of the difference of near numbers little but rounding would be left. */
function exactValues({ nodes, states, outputs }: Graph): ReadonlySet<ValueId> {
  const ofLoss = nodes.filter(({ op }) => op === 'heatmapMse').flatMap(({ inputs }) => inputs);
  const ofStates = states.flatMap(({ value, next }) =>
    next === undefined ? [value] : [value, next],
  );
  return new Set([...ofLoss, ...ofStates, ...outputs.map(({ value }) => value)]);
}
