// Turns a graph into steps on physical tensors. Kernels ask this for inputs in the layout they
// want (a reorder step is added where a tensor lies differently) and for outputs; which memory a
// tensor lives in is decided here and in program.ts.
import {
  elementCount,
  type Graph,
  type Node,
  type State,
  type Value,
  type ValueId,
} from '../../graph/graph.ts';
import { batchOf, batchParts, type Stretch } from '../../passes/batchParts.ts';
import {
  activationSteps,
  type Quantization,
  type Step as Step8,
} from '../../passes/quantization.ts';
import { type Site, siteOf } from '../site.ts';
import { arg, type DataType, type Dnnl, type MemoryDesc, type PrimitiveDesc } from './dnnl2.ts';
import type { Handle } from './ffi.ts';
import { stepsOfOtherParts } from './repeatSteps.ts';
import type { ConvSearch } from './search.ts';
import type { DnnlStates } from './states.ts';

/** A stretch of memory: in the program's arena, where its lifetime decides, or owned by a state. */
export interface MemoryBuffer {
  readonly bytes: number;
  readonly state?: string;
  /** Where it lies, for a part of a state's memory. */
  readonly address?: number;
  /** May take the place of this buffer if that one is read for the last time by the step that writes this one. */
  readonly inPlaceOf?: MemoryBuffer;
  /** Handed in before or back after the run, so that nothing else may use its place. */
  pinned?: 'feed' | 'output';
}

export interface Tensor {
  readonly desc: MemoryDesc;
  readonly buffer: MemoryBuffer;
  /** Some pictures of a batch: where in the buffer, and the tensor of all of them. */
  readonly part?: { readonly of: Tensor; readonly offset: number; readonly bytes: number };
}

export type Step =
  | {
      readonly kind: 'primitive';
      readonly label: string;
      readonly type: string;
      readonly implementation: string;
      readonly primitive: Handle;
      readonly args: readonly (readonly [number, Tensor])[];
      readonly writes: readonly Tensor[];
      readonly flops: number;
    }
  | {
      readonly kind: 'host';
      readonly label: string;
      readonly type: string;
      readonly reads: readonly Tensor[];
      readonly writes: readonly Tensor[];
      /** Called once with the memory of reads then writes; the result runs at every step. */
      readonly bind: (memory: readonly Float32Array[]) => () => void;
    };

export type Kernel = (at: Site, low: Lowering) => void;

export interface LoweringOptions {
  readonly storage: DataType;
  readonly quantization?: Quantization | undefined;
  readonly search: ConvSearch;
  /** Elements of a result that inference makes at a time; see passes/batchParts.ts. */
  readonly partElements?: number | undefined;
}

/** Ops at the end of the network, which compute in float32. */
const lossOps = new Set(['heatmapMse', 'heatmapMseGrad']);

/** Values that no op but those of the loss reads. */
function edgeValues(graph: Graph): ReadonlySet<ValueId> {
  const inner = new Set(
    graph.nodes.filter(({ op }) => !lossOps.has(op)).flatMap(({ inputs }) => inputs),
  );
  return new Set(graph.values.map(({ id }) => id).filter((id) => !inner.has(id)));
}

/**
 * Results of more elements than this are made for some pictures at a time: 2 MiB in float32, 1 MiB in
 * bfloat16, about what the second-level caches of two cores hold (measured: docs/log.md).
 */
const usualPartElements = 2 ** 19;

/** What is known of the pictures that go through a stretch of nodes while the others wait. */
interface Part {
  readonly pictures: number;
  /** One past the stretch's last node. */
  readonly end: number;
  readonly tensors: Map<ValueId, Tensor>;
  readonly reordered: Map<ValueId, Tensor[]>;
}

export class Lowering {
  readonly dnnl: Dnnl;
  readonly search: ConvSearch;
  /** Element type of activations between kernels, and of the weights that meet them. */
  readonly storage: DataType;
  /** Whether the graph makes gradients. */
  readonly training: boolean;
  /** Layout of master weights, by shape of the convolution. */
  readonly masterLayouts = new Map<string, MemoryDesc>();
  /** Values that are stored in 8 bits, and steps of weights by state name; empty without quantisation. */
  readonly steps8: ReadonlyMap<ValueId, Step8>;
  readonly weightSteps: Quantization['weightSteps'];
  readonly steps: Step[] = [];
  /** Workspaces that a forward kernel leaves for its gradient, by a value that both know. */
  readonly workspaces = new Map<ValueId, Tensor>();
  readonly feeds = new Map<string, Tensor>();
  readonly outputs = new Map<string, Tensor>();
  readonly #graph: Graph;
  readonly #states: DnnlStates;
  readonly #tensors = new Map<ValueId, Tensor>();
  readonly #reordered = new Map<ValueId, Tensor[]>();
  readonly #stateBuffers = new Map<string, MemoryBuffer>();
  readonly #stateOf = new Map<ValueId, State>();
  readonly #replaces = new Map<ValueId, State>();
  /** Index of the last node that reads a state's old value. */
  readonly #lastRead = new Map<ValueId, number>();
  /** Values that are read after the last node: outputs and new states. */
  readonly #outlives: ReadonlySet<ValueId>;
  readonly #atEdge: ReadonlySet<ValueId>;
  readonly #partElements: number;
  #node = 0;
  #part: Part | undefined;

  constructor(graph: Graph, dnnl: Dnnl, states: DnnlStates, options: LoweringOptions) {
    const { storage, search, quantization, partElements = usualPartElements } = options;
    this.#graph = graph;
    this.dnnl = dnnl;
    this.storage = storage;
    this.search = search;
    this.#partElements = partElements;
    this.training = graph.nodes.some(({ op }) => op === 'conv2dGradWeight');
    this.steps8 = quantization ? activationSteps(graph, quantization.ranges) : new Map();
    this.weightSteps = quantization?.weightSteps ?? new Map();
    this.#states = states;
    this.#atEdge = edgeValues(graph);
    for (const state of graph.states) {
      this.#stateOf.set(state.value, state);
      if (state.next !== undefined) this.#replaces.set(state.next, state);
    }
    this.#outlives = new Set([...graph.outputs.map((o) => o.value), ...this.#replaces.keys()]);
    graph.nodes.forEach((node, i) => {
      for (const id of node.inputs) this.#lastRead.set(id, i);
    });
  }

  run(kernels: Readonly<Record<string, Kernel>>): void {
    for (const id of this.#graph.feeds) this.#addFeed(this.#graph.values[id]!);
    for (const stretch of this.#stretches()) this.#lower(stretch, kernels);
    for (const { value, next } of this.#graph.states) {
      if (next !== undefined) this.#finishState(this.#stateOf.get(value)!, next);
    }
    for (const { name, value } of this.#graph.outputs)
      this.#addOutput(name, this.#graph.values[value]!);
  }

  /** Plain row-major layout. */
  plain({ shape, dtype }: Value): MemoryDesc {
    if (shape.length === 4) return this.dnnl.desc(dtype, shape, 'nchw');
    return this.dnnl.desc(dtype, [elementCount(shape)], 'x');
  }

  /** Whether only the loss or the caller reads a value: the last convolution can hand it over in float32. */
  atEdge(value: Value): boolean {
    return this.#atEdge.has(value.id);
  }

  /** The layout and element type in which an activation goes from kernel to kernel. */
  activation(
    value: Value,
    layout: 'blocked' | 'channelsLast' | 'nchw' = 'blocked',
    type: DataType = this.storage,
  ): MemoryDesc {
    const { dnnl } = this;
    const tags = { blocked: dnnl.blockedLayout, channelsLast: 'nhwc', nchw: 'nchw' } as const;
    return dnnl.desc(type, value.shape, tags[layout]);
  }

  stateName(value: Value): string {
    return this.#stateOf.get(value.id)!.name;
  }

  /** The tensor of a value, if it lies anywhere yet. */
  known(value: Value): Tensor | undefined {
    const state = this.#stateOf.get(value.id);
    const laid = this.#tensors.has(value.id) || (state && this.#states.find(state.name));
    return laid ? this.tensor(value) : undefined;
  }

  /**
   * Whether this node may lay out a state as it likes, in a form that nothing else understands: no other
   * node or program reads it, no run replaces it.
   */
  hasToItself(value: Value): boolean {
    const state = this.#stateOf.get(value.id);
    if (!state || state.next !== undefined || this.#outlives.has(value.id)) return false;
    const reads = this.#graph.nodes.flatMap(({ inputs }) => inputs).filter((id) => id === value.id);
    return reads.length === 1 && this.known(value) === undefined;
  }

  /** The tensor of a value as it lies. A state that no program has used yet takes the layout `ifNew`. */
  tensor(value: Value, ifNew = this.plain(value)): Tensor {
    const passing = this.#part?.tensors.get(value.id);
    if (passing) return passing;
    const known = this.#tensors.get(value.id);
    const state = this.#stateOf.get(value.id);
    if (known && this.#part && !state) return this.#passing(this.#part, value.id, known);
    if (known) return known;
    if (!state) throw new Error(`lower: '${value.name}' is read before it is written`);
    const tensor = this.#stateTensor(state, value, ifNew);
    this.#tensors.set(value.id, tensor);
    return tensor;
  }

  /** The tensor of a value in exactly this layout, by a reorder (times `scale`) where needed. */
  in(value: Value, desc: MemoryDesc, scale = 1): Tensor {
    const tensor = this.tensor(value, desc);
    if (this.dnnl.equal(tensor.desc, desc)) return tensor;
    const reordered = this.#part?.reordered ?? this.#reordered;
    const copies = reordered.get(value.id) ?? [];
    const known = copies.find((copy) => this.dnnl.equal(copy.desc, desc));
    if (known) return known;
    const copy = this.scratch(desc);
    this.reorder(tensor, copy, `${value.name}.reorder`, scale);
    reordered.set(value.id, [...copies, copy]);
    return copy;
  }

  /**
   * A tensor of `value`'s contents in this layout that the kernel may overwrite: the value's own where
   * this node is the last to read it, and reads it once, else a copy.
   */
  overwritable(value: Value, desc: MemoryDesc): Tensor {
    const tensor = this.tensor(value, desc);
    const { buffer } = tensor;
    const kept = buffer.state !== undefined || buffer.pinned || this.#outlives.has(value.id);
    const reads = this.#graph.nodes[this.#node]!.inputs.filter((id) => id === value.id).length;
    const dies = !kept && reads === 1 && this.#lastRead.get(value.id) === this.#node;
    if (dies && this.dnnl.equal(tensor.desc, desc)) return tensor;
    const copy = this.scratch(desc);
    this.reorder(tensor, copy, `${value.name}.copy`);
    return copy;
  }

  /** Says that `value` is what a kernel leaves in a tensor that it overwrote. */
  left(value: Value, tensor: Tensor): void {
    (this.#part?.tensors ?? this.#tensors).set(value.id, tensor);
  }

  /** Memory that lives between the steps that touch it. */
  scratch(desc: MemoryDesc, inPlaceOf?: Tensor): Tensor {
    const bytes = this.dnnl.bytes(desc);
    const over = inPlaceOf && inPlaceOf.buffer.state === undefined ? inPlaceOf.buffer : undefined;
    return { desc, buffer: { bytes, ...(over ? { inPlaceOf: over } : {}) } };
  }

  /**
   * The tensor that a kernel writes for `value`. Where the value replaces a state of the same layout
   * whose old contents nothing reads later, that is the state's own memory: kernels that read and
   * replace one state are element by element.
   */
  out(value: Value, desc: MemoryDesc, inPlaceOf?: Tensor): Tensor {
    const state = this.#replaces.get(value.id);
    const own = state && this.#stateTensor(state, this.#graph.values[state.value]!, desc);
    const readLater = state !== undefined && (this.#lastRead.get(state.value) ?? -1) > this.#node;
    const tensor =
      own && !readLater && this.dnnl.equal(own.desc, desc)
        ? own
        : (this.#placeAmongAll(value, desc) ?? this.scratch(desc, inPlaceOf));
    this.left(value, tensor);
    return tensor;
  }

  /** Gives memory to all states laid out so far and says where a state's tensor lies. */
  addressOf({ buffer }: Tensor): number {
    this.#states.allocate(this.#graph.states);
    return this.#states.find(buffer.state!)!.address;
  }

  /** A part of native memory as a vector of floats. */
  span(address: number, floats: number): Tensor {
    const desc = this.dnnl.desc('float32', [floats], 'x');
    return { desc, buffer: { bytes: floats * 4, address } };
  }

  /** A step that runs what `pd` describes. The description is destroyed: some 15 KB each, thousands of them. */
  primitive(
    type: string,
    label: string,
    pd: PrimitiveDesc,
    args: readonly (readonly [number, Tensor | undefined])[],
    writes: readonly Tensor[],
    flops = 0,
  ): void {
    const scratchpad = pd.desc('scratchpad');
    const present = [
      ...args.filter((a): a is readonly [number, Tensor] => a[1] !== undefined),
      ...(this.dnnl.bytes(scratchpad) > 0
        ? [[arg.scratchpad, this.scratch(scratchpad)] as const]
        : []),
    ];
    const primitive = this.dnnl.primitive(pd);
    const implementation = pd.implementation();
    pd.destroy();
    this.steps.push({
      kind: 'primitive',
      label,
      type,
      implementation,
      primitive,
      args: present,
      writes,
      flops,
    });
  }

  reorder(from: Tensor, to: Tensor, label: string, scale = 1): void {
    const pd = this.dnnl.reorder(from.desc, to.desc, scale);
    this.primitive(
      'reorder',
      label,
      pd,
      [
        [1, from],
        [17, to],
      ],
      [to],
    );
  }

  host(
    type: string,
    label: string,
    reads: readonly Tensor[],
    writes: readonly Tensor[],
    bind: (memory: readonly Float32Array[]) => () => void,
  ): void {
    this.steps.push({ kind: 'host', label, type, reads, writes, bind });
  }

  /** Training needs whole batches, and so do graphs whose feeds are not pictures; 8 bits are fast enough. */
  #stretches(): readonly Stretch[] {
    const { nodes, feeds } = this.#graph;
    const whole = this.training || feeds.length !== 1 || this.steps8.size > 0;
    const most = whole ? Number.POSITIVE_INFINITY : this.#partElements;
    return nodes.length > 0 ? batchParts(this.#graph, most) : [];
  }

  #lower({ first, end, pictures }: Stretch, kernels: Readonly<Record<string, Kernel>>): void {
    const parts = batchOf(this.#graph) / pictures;
    const begin = this.steps.length;
    if (parts > 1) this.#part = { pictures, end, tensors: new Map(), reordered: new Map() };
    for (this.#node = first; this.#node < end; this.#node++) {
      const node = this.#graph.nodes[this.#node]!;
      kernels[node.op]!(this.#site(node), this);
      for (const id of node.outputs) if (this.#leavesPart(id)) this.#leavePart(id);
    }
    this.#part = undefined;
    for (const step of stepsOfOtherParts(this.steps.slice(begin), parts)) this.steps.push(step);
  }

  /** The node as its kernel sees it: with as many pictures as are under way. */
  #site(node: Node): Site {
    const site = siteOf(this.#graph, node);
    const part = this.#part;
    if (!part) return site;
    const passing = (value: Value): Value =>
      this.#stateOf.has(value.id)
        ? value
        : { ...value, shape: [part.pictures, ...value.shape.slice(1)] };
    return { ...site, inputs: site.inputs.map(passing), outputs: site.outputs.map(passing) };
  }

  /** Whether a value of the part under way is read after all pictures have gone through the stretch. */
  #leavesPart(id: ValueId): boolean {
    const part = this.#part;
    if (!part) return false;
    return this.#outlives.has(id) || (this.#lastRead.get(id) ?? -1) >= part.end;
  }

  /** The first pictures of a tensor of all. */
  #passing({ pictures, tensors }: Part, id: ValueId, all: Tensor): Tensor {
    const { shape } = this.#graph.values[id]!;
    const desc = this.dnnl.firstPictures(all.desc, [pictures, ...shape.slice(1)]);
    const bytes = (this.dnnl.bytes(all.desc) / shape[0]!) * pictures;
    const tensor: Tensor = { desc, buffer: all.buffer, part: { of: all, offset: 0, bytes } };
    tensors.set(id, tensor);
    return tensor;
  }

  /** The place for a value that leaves the stretch among those of all pictures, if it may lie as `desc` says. */
  #placeAmongAll({ id }: Value, desc: MemoryDesc): Tensor | undefined {
    if (!this.#part || !this.#leavesPart(id)) return undefined;
    const all = this.scratch(this.activation(this.#graph.values[id]!));
    const place = this.#passing(this.#part, id, all);
    return this.dnnl.equal(place.desc, desc) ? place : undefined;
  }

  /** A value that leaves the stretch is a tensor of all pictures from here on. */
  #leavePart(id: ValueId): void {
    const part = this.#part!;
    const tensor = part.tensors.get(id)!;
    if (tensor.part) {
      this.#tensors.set(id, tensor.part.of);
      return;
    }
    const value = this.#graph.values[id]!;
    const all = this.scratch(this.activation(value));
    this.reorder(tensor, this.#passing(part, id, all), `${value.name}.part`);
    this.#tensors.set(id, all);
  }

  #addFeed(value: Value): void {
    const bytes = elementCount(value.shape) * (value.dtype === 'uint8' ? 1 : 4);
    const tensor: Tensor = { desc: this.plain(value), buffer: { bytes, pinned: 'feed' } };
    this.#tensors.set(value.id, tensor);
    this.feeds.set(value.name, tensor);
  }

  #addOutput(name: string, value: Value): void {
    const tensor = this.in(value, this.plain(value));
    tensor.buffer.pinned = 'output';
    this.outputs.set(name, tensor);
  }

  #stateTensor(state: State, value: Value, ifNew: MemoryDesc): Tensor {
    const entry = this.#states.find(state.name) ?? this.#declare(state, value, ifNew);
    let buffer = this.#stateBuffers.get(state.name);
    if (!buffer) {
      buffer = { bytes: entry.bytes, state: state.name };
      this.#stateBuffers.set(state.name, buffer);
    }
    return { desc: entry.desc, buffer };
  }

  #declare(state: State, value: Value, ifNew: MemoryDesc) {
    const parameter = state.like === undefined ? undefined : this.#states.find(state.like);
    return this.#states.declare(state, value.shape, parameter?.desc ?? ifNew);
  }

  /** Copies a replaced state into place where its kernel could not write there itself. */
  #finishState(state: State, next: ValueId): void {
    const from = this.#tensors.get(next)!;
    const to = this.#stateTensor(state, this.#graph.values[state.value]!, from.desc);
    if (from.buffer !== to.buffer) this.reorder(from, to, `${state.name}.store`);
  }
}
