// A prepared program: the steps of lower.ts bound to memory. Arguments are encoded once; a run
// walks a list of closures.
import type { Graph } from '../../graph/graph.ts';
import { type BufferRequest, planMemory } from '../../passes/planMemory.ts';
import type { Feeds, Program, StepProfile } from '../backend.ts';
import { feedFor } from '../feeds.ts';
import type { Dnnl } from './dnnl2.ts';
import type { Ffi, Handle, NativeMemory } from './ffi.ts';
import { int8Kernels } from './int8.ts';
import { kernels } from './kernels.ts';
import {
  Lowering,
  type LoweringOptions,
  type MemoryBuffer,
  type Step,
  type Tensor,
} from './lower.ts';
import { type DnnlStates, writeArgs } from './states.ts';

/** The event loop is let through when this much time has passed. */
const breathMilliseconds = 12;

const immediate = () => new Promise<void>((resolve) => setImmediate(resolve));

const touched = (step: Step): readonly Tensor[] =>
  step.kind === 'primitive'
    ? step.args.map(([, tensor]) => tensor)
    : [...step.reads, ...step.writes];

const inArena = ({ state, address }: MemoryBuffer) => state === undefined && address === undefined;

interface ArenaPlan {
  readonly offsets: ReadonlyMap<MemoryBuffer, number>;
  readonly arenaBytes: number;
  readonly lowerBound: number;
}

/** Lifetimes of all arena buffers, in-place ones joined, and where each one lies. */
function planArena(steps: readonly Step[], pinned: readonly Tensor[]): ArenaPlan {
  const life = new Map<MemoryBuffer, { first: number; last: number }>();
  const touch = (buffer: MemoryBuffer, at: number) => {
    if (!inArena(buffer)) return;
    const span = life.get(buffer);
    if (span) span.last = Math.max(span.last, at);
    else life.set(buffer, { first: at, last: at });
  };
  for (const { buffer } of pinned) if (buffer.pinned === 'feed') touch(buffer, -1);
  steps.forEach((step, i) => {
    for (const { buffer } of touched(step)) touch(buffer, i);
  });
  for (const { buffer } of pinned) touch(buffer, steps.length);
  const root = new Map<MemoryBuffer, MemoryBuffer>();
  const rootOf = (buffer: MemoryBuffer): MemoryBuffer => root.get(buffer) ?? buffer;
  for (const [buffer, span] of life) {
    if (!buffer.inPlaceOf) continue;
    const under = rootOf(buffer.inPlaceOf);
    const below = life.get(under)!;
    if (under.pinned || below.last !== span.first || under.bytes < buffer.bytes) continue;
    root.set(buffer, under);
    below.last = span.last;
  }
  const buffers = [...life.keys()].filter((buffer) => !root.has(buffer));
  const requests: BufferRequest[] = buffers.map((b) => ({ bytes: b.bytes, ...life.get(b)! }));
  const plan = planMemory(requests);
  const offsets = new Map(buffers.map((buffer, i) => [buffer, plan.offsets[i]!]));
  for (const buffer of root.keys()) offsets.set(buffer, offsets.get(rootOf(buffer))!);
  return { offsets, arenaBytes: plan.arenaBytes, lowerBound: plan.lowerBound };
}

export class DnnlProgram implements Program {
  readonly states: DnnlStates;
  readonly #graph: Graph;
  readonly #dnnl: Dnnl;
  readonly #ownsStates: boolean;
  readonly #lowering: Lowering;
  readonly #plan: ArenaPlan;
  readonly #arena: NativeMemory;
  readonly #args: NativeMemory;
  readonly #memories: Handle[] = [];
  readonly #run: (() => void)[];
  readonly #feeds: Map<string, Uint8Array>;
  readonly #outputs: Map<string, Float32Array>;
  #closed = false;

  constructor(
    graph: Graph,
    ffi: Ffi,
    dnnl: Dnnl,
    states: DnnlStates,
    ownsStates: boolean,
    options: LoweringOptions,
  ) {
    this.#graph = graph;
    this.#dnnl = dnnl;
    this.states = states;
    this.#ownsStates = ownsStates;
    const low = new Lowering(graph, dnnl, states, options);
    low.run(options.quantization ? int8Kernels : kernels);
    this.#lowering = low;
    states.allocate(graph.states);
    this.#plan = planArena(low.steps, [...low.feeds.values(), ...low.outputs.values()]);
    this.#arena = states.arena(this.#plan.arenaBytes);
    const argCount = low.steps.reduce(
      (n, s) => n + (s.kind === 'primitive' ? s.args.length : 0),
      0,
    );
    this.#args = ffi.allocate(argCount * 16);
    this.#run = this.#bindSteps();
    const bytes = (t: Tensor) => this.#bytes(t);
    this.#feeds = new Map([...low.feeds].map(([name, tensor]) => [name, bytes(tensor)]));
    this.#outputs = new Map(
      [...low.outputs].map(([name, tensor]) => [name, asFloats(bytes(tensor))]),
    );
  }

  get bytes(): number {
    return this.#plan.arenaBytes + this.#args.bytes;
  }

  async run(feeds: Feeds) {
    this.states.begin();
    try {
      this.#takeFeeds(feeds);
      let breath = performance.now();
      for (const step of this.#run) {
        step();
        if (performance.now() - breath > breathMilliseconds) {
          await immediate();
          breath = performance.now();
        }
      }
      return this.#giveOutputs();
    } finally {
      this.states.end();
    }
  }

  async profile(feeds: Feeds): Promise<readonly StepProfile[]> {
    this.#takeFeeds(feeds);
    const rows: StepProfile[] = [];
    for (const [i, run] of this.#run.entries()) {
      const start = performance.now();
      run();
      const milliseconds = performance.now() - start;
      const step = this.#lowering.steps[i]!;
      const [implementation, flops] =
        step.kind === 'primitive' ? [step.implementation, step.flops] : ['host', 0];
      const bytes = touched(step).reduce((sum, { buffer }) => sum + buffer.bytes, 0);
      rows.push({ label: step.label, kind: step.type, implementation, milliseconds, flops, bytes });
      if (i % 32 === 0) await immediate();
    }
    return rows;
  }

  describe(): string {
    const { arenaBytes, lowerBound, offsets } = this.#plan;
    const lines = this.#lowering.steps.map((step) => {
      const where = touched(step).map(
        ({ buffer }) => buffer.state ?? offsets.get(buffer) ?? 'flat',
      );
      const how = step.kind === 'primitive' ? step.implementation : 'host';
      return `${step.type} '${step.label}' ${how} @ ${where.join(' ')}`;
    });
    return [`arena ${arenaBytes} bytes (lower bound ${lowerBound})`, ...lines, ''].join('\n');
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const memory of this.#memories) this.#dnnl.destroyMemory(memory);
    // Parts of a batch share their primitives.
    const primitives = this.#lowering.steps.flatMap((step) =>
      step.kind === 'primitive' ? [step.primitive] : [],
    );
    for (const primitive of new Set(primitives)) this.#dnnl.destroyPrimitive(primitive);
    this.#args.free();
    if (this.#ownsStates) this.states.close();
  }

  #takeFeeds(feeds: Feeds): void {
    for (const id of this.#graph.feeds) {
      const value = this.#graph.values[id]!;
      const { buffer, byteOffset, byteLength } = feedFor(value, feeds);
      this.#feeds.get(value.name)!.set(new Uint8Array(buffer, byteOffset, byteLength));
    }
  }

  #giveOutputs(): Record<string, Float32Array> {
    return Object.fromEntries([...this.#outputs].map(([name, memory]) => [name, memory.slice()]));
  }

  #address({ buffer, part }: Tensor): number {
    if (buffer.address !== undefined) return buffer.address;
    if (buffer.state !== undefined) return this.states.find(buffer.state)!.address;
    return this.#arena.address + this.#plan.offsets.get(buffer)! + (part?.offset ?? 0);
  }

  #bytes({ buffer, part }: Tensor): Uint8Array {
    if (!inArena(buffer)) return this.states.find(buffer.state!)!.memory!;
    const offset = this.#plan.offsets.get(buffer)!;
    const { offset: within, bytes } = part ?? { offset: 0, bytes: buffer.bytes };
    return this.#arena.view(offset + within, bytes);
  }

  #bindSteps(): (() => void)[] {
    let offset = 0;
    const memories = new Map<Tensor, Handle>();
    const memoryOf = (tensor: Tensor): Handle => {
      const known = memories.get(tensor);
      if (known !== undefined) return known;
      const memory = this.#dnnl.memory(tensor.desc, this.#address(tensor));
      memories.set(tensor, memory);
      this.#memories.push(memory);
      return memory;
    };
    return this.#lowering.steps.map((step) => {
      if (step.kind === 'host') {
        return step.bind([...step.reads, ...step.writes].map((t) => asFloats(this.#bytes(t))));
      }
      const args = step.args.map(([index, tensor]) => [index, memoryOf(tensor)] as const);
      writeArgs(this.#args, offset, args);
      const address = this.#args.address + offset;
      offset += args.length * 16;
      const { primitive } = step;
      const { run } = this.#dnnl;
      return () => run(primitive, args.length, address);
    });
  }
}

/** Bytes as floats; a stretch that is no whole number of them (pixels) keeps its start. */
const asFloats = (bytes: Uint8Array) =>
  new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
