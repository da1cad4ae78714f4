// A prepared program: dispatches bound to memory. Pipelines compile side by side as soon as the memory is
// there and are awaited at the first run; a run, or several in turn, is feeds up, one submission, outputs down.
import { formatBytes } from '../../format.ts';
import { elementCount, type Graph } from '../../graph/graph.ts';
import type { Feeds, Outputs, Program, StepProfile } from '../backend.ts';
import { feedFor } from '../feeds.ts';
import { type ArenaPlan, planArenas } from './arena.ts';
import { bindDispatches, type Command, expectBindable } from './bind.ts';
import { bufferUsage, type Gpu, mapModeRead } from './device.ts';
import type { BufferRange, GpuBlock, GpuTensor } from './kernel.ts';
import { kernels } from './kernels.ts';
import { Lowering, type LoweringOptions } from './lower.ts';
import { profileCommands } from './profile.ts';
import type { GpuStates } from './states.ts';

/** The event loop is let through when recording has taken this long. */
const breathMilliseconds = 12;

const breathe = () =>
  new Promise<void>((resolve) => {
    if ('setImmediate' in globalThis) setImmediate(resolve);
    else setTimeout(resolve, 0);
  });

interface FeedPlace {
  readonly range: BufferRange;
  /** What goes up: the caller's values and padding, which is zero and stays. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface GpuRun {
  readonly program: GpuProgram;
  readonly feeds: Feeds;
}

/** What runs of these programs, in turn, submit; a device takes a list of commands once. */
interface Recorded {
  readonly programs: readonly GpuProgram[];
  readonly commands: Promise<GPUCommandBuffer>;
}

interface OutputPlace {
  readonly name: string;
  readonly source: BufferRange;
  /** Where it lies in the staging buffer, bytes. */
  readonly offset: number;
  readonly floats: number;
}

const blockBytes = (tensors: Iterable<GpuTensor>) =>
  Array.from(tensors, ({ block }) => block.bytes).reduce((sum, bytes) => sum + bytes, 0);

/** Buffers of their own: feeds of several runs lie there at once, where an arena is of one run. */
function makeFeedBuffers(gpu: Gpu, feeds: ReadonlyMap<string, GpuTensor>) {
  const use = bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyDestination;
  return new Map(
    Array.from(feeds, ([name, { block }]) => [
      block,
      gpu.createBuffer(`feed ${name}`, block.bytes, use),
    ]),
  );
}

export class GpuProgram implements Program {
  readonly states: GpuStates;
  readonly bytes: number;
  readonly allocated: Promise<void>;
  readonly #gpu: Gpu;
  readonly #graph: Graph;
  readonly #ownsStates: boolean;
  readonly #low: Lowering;
  readonly #plan: ArenaPlan;
  readonly #feedBuffers: ReadonlyMap<GpuBlock, GPUBuffer>;
  readonly #feeds: ReadonlyMap<string, FeedPlace>;
  readonly #outputs: readonly OutputPlace[];
  readonly #arenas: readonly GPUBuffer[];
  readonly #staging: GPUBuffer;
  readonly #ready: Promise<readonly Command[]>;
  /** For the next run that begins with this program. */
  #recorded: Recorded | undefined;
  #closed = false;

  constructor(
    gpu: Gpu,
    graph: Graph,
    states: GpuStates,
    ownsStates: boolean,
    options: LoweringOptions = {},
  ) {
    gpu.expectAlive();
    this.#gpu = gpu;
    this.#graph = graph;
    this.states = states;
    this.#ownsStates = ownsStates;
    this.#low = new Lowering(graph, states.table, gpu.features, options);
    this.#low.run(kernels);
    const { dispatches, feeds, outputs } = this.#low;
    expectBindable(gpu, dispatches);
    this.#plan = planArenas(dispatches, outputs.values(), gpu.limits.maxBufferSize);
    const arenaBytes = this.#plan.arenas.reduce((sum, bytes) => sum + bytes, 0);
    const outputBytes = blockBytes(outputs.values());
    this.bytes = arenaBytes + blockBytes(feeds.values()) + outputBytes;
    const made = gpu.checked(`a program of ${formatBytes(this.bytes)}`, () => {
      states.table.place(graph.states);
      const use = bufferUsage.mapRead | bufferUsage.copyDestination;
      return {
        arenas: states.arenas(this.#plan.arenas),
        feedBuffers: makeFeedBuffers(gpu, feeds),
        staging: gpu.createBuffer('outputs', outputBytes, use),
      };
    });
    this.#arenas = made.value.arenas;
    this.#feedBuffers = made.value.feedBuffers;
    this.#staging = made.value.staging;
    this.#feeds = new Map([...feeds].map(([name, tensor]) => [name, this.#feedPlace(tensor)]));
    this.#outputs = this.#placeOutputs();
    this.allocated = made.done;
    this.#ready = made.done.then(() =>
      bindDispatches(gpu, dispatches, (tensor) => this.#rangeOf(tensor)),
    );
    // Whoever runs the program meets the error.
    this.#ready.catch(() => {});
  }

  async run(feeds: Feeds): Promise<Outputs> {
    const [outputs] = await GpuProgram.runInTurn([{ program: this, feeds }]);
    return outputs!;
  }

  /** One submission of runs one after the other. The next one's commands are recorded while the device computes. */
  static async runInTurn(runs: readonly GpuRun[]): Promise<readonly Outputs[]> {
    const programs = runs.map(({ program }) => program);
    const [first, ...rest] = new Set(programs);
    if (!first) return [];
    if (rest.length + 1 < runs.length || rest.some(({ states }) => states !== first.states))
      throw new Error('run: expected different programs of the same states');
    const gpu = first.#gpu;
    first.states.begin();
    try {
      await Promise.all(programs.map((program) => program.#ready));
      gpu.expectAlive();
      for (const { program, feeds } of runs) program.#takeFeeds(feeds);
      const commands = await first.#takeRecorded(programs);
      const { done } = gpu.checked('a step', () => gpu.device.queue.submit([commands]));
      const outputs = done.then(() => Promise.all(programs.map((p) => p.#takeOutputs())));
      first.#recorded = { programs, commands: GpuProgram.#record(gpu, programs) };
      // Whoever submits it meets the error.
      first.#recorded.commands.catch(() => {});
      return await outputs;
    } finally {
      first.states.end();
    }
  }

  async profile(feeds: Feeds): Promise<readonly StepProfile[]> {
    this.states.begin();
    try {
      const commands = await this.#ready;
      this.#gpu.expectAlive();
      this.#takeFeeds(feeds);
      const milliseconds = await profileCommands(this.#gpu, commands);
      return commands.map(({ dispatch: { node, op, shader, flops, bytes } }, i) => ({
        label: node,
        kind: op,
        // Its name without the sizes, so that times can be added up by implementation.
        implementation: shader.label.replace(/ [×\d].*/, ''),
        flops,
        bytes,
        milliseconds: milliseconds[i]!,
      }));
    } finally {
      this.states.end();
    }
  }

  describe(): string {
    const { arenas, lowerBound, places } = this.#plan;
    const { dispatches } = this.#low;
    const total = (of: 'flops' | 'bytes') => dispatches.reduce((sum, d) => sum + d[of], 0);
    const lines = dispatches.map(({ shader, tensors, op, node }) => {
      const where = tensors.map(({ block }) => {
        const place = places.get(block);
        if (place) return `${place.arena}:${place.offset}`;
        return block.state ?? (block.feed ? 'feed' : 'flat');
      });
      return `${op} '${node}' ${shader.label} ${shader.workgroups.join('×')} @ ${where.join(' ')}`;
    });
    const shaders = new Set(dispatches.map(({ shader }) => shader.code)).size;
    return [
      `${dispatches.length} dispatches of ${shaders} shaders, ${(total('bytes') / 1e6).toFixed(1)} MB read and written, ${(total('flops') / 1e9).toFixed(3)} GFLOP a run`,
      `arenas ${arenas.join(' + ')} bytes (lower bound ${lowerBound})`,
      ...lines,
      '',
    ].join('\n');
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#recorded = undefined;
    this.#gpu.free(this.#staging);
    for (const buffer of this.#feedBuffers.values()) this.#gpu.free(buffer);
    if (this.#ownsStates) this.states.close();
  }

  #rangeOf({ block }: GpuTensor): BufferRange {
    if (block.range) return block.range;
    if (block.state !== undefined) return this.states.table.rangeOf(block.state);
    const feed = this.#feedBuffers.get(block);
    if (feed) return { buffer: feed, offset: 0, bytes: block.bytes };
    const { arena, offset } = this.#plan.places.get(block)!;
    return { buffer: this.#arenas[arena]!, offset, bytes: block.bytes };
  }

  #feedPlace(tensor: GpuTensor): FeedPlace {
    const range = this.#rangeOf(tensor);
    return { range, bytes: new Uint8Array(range.bytes) };
  }

  #placeOutputs(): OutputPlace[] {
    let offset = 0;
    return [...this.#low.outputs].map(([name, tensor]) => {
      const source = this.#rangeOf(tensor);
      const place = { name, source, offset, floats: elementCount(tensor.shape) };
      offset += source.bytes;
      return place;
    });
  }

  #takeFeeds(feeds: Feeds): void {
    const given = this.#graph.feeds.map((id) => {
      const value = this.#graph.values[id]!;
      return [this.#feeds.get(value.name)!, feedFor(value, feeds)] as const;
    });
    const { queue } = this.#gpu.device;
    for (const [{ range, bytes }, { buffer, byteOffset, byteLength }] of given) {
      bytes.set(new Uint8Array(buffer, byteOffset, byteLength));
      queue.writeBuffer(range.buffer, range.offset, bytes);
    }
  }

  #takeRecorded(programs: readonly GpuProgram[]): Promise<GPUCommandBuffer> {
    const recorded = this.#recorded;
    this.#recorded = undefined;
    const fits =
      recorded?.programs.length === programs.length &&
      recorded.programs.every((program, i) => program === programs[i]);
    return fits ? recorded.commands : GpuProgram.#record(this.#gpu, programs);
  }

  static async #record(gpu: Gpu, programs: readonly GpuProgram[]): Promise<GPUCommandBuffer> {
    const encoder = gpu.device.createCommandEncoder({ label: 'step' });
    for (const program of programs) await program.#recordOn(encoder, await program.#ready);
    const { value, done } = gpu.checked('the commands of a step', () => encoder.finish());
    await done;
    return value;
  }

  /** One pass of all commands, then outputs into the staging buffer. */
  async #recordOn(encoder: GPUCommandEncoder, commands: readonly Command[]): Promise<void> {
    const pass = encoder.beginComputePass({ label: 'step' });
    let breath = performance.now();
    let current: GPUComputePipeline | undefined;
    for (const { pipeline, bindGroup, dispatch } of commands) {
      if (pipeline !== current) pass.setPipeline(pipeline);
      current = pipeline;
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(...dispatch.shader.workgroups);
      if (performance.now() - breath > breathMilliseconds) {
        await breathe();
        breath = performance.now();
      }
    }
    pass.end();
    for (const { source, offset } of this.#outputs) {
      encoder.copyBufferToBuffer(source.buffer, source.offset, this.#staging, offset, source.bytes);
    }
  }

  async #takeOutputs(): Promise<Record<string, Float32Array>> {
    await this.#gpu.whileAlive(this.#staging.mapAsync(mapModeRead));
    const memory = this.#staging.getMappedRange();
    const outputs = this.#outputs.map(({ name, offset, floats }): [string, Float32Array] => [
      name,
      new Float32Array(memory, offset, floats).slice(),
    ]);
    this.#staging.unmap();
    return Object.fromEntries(outputs);
  }
}
