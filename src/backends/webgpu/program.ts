// A prepared program: dispatches bound to memory. Pipelines compile side by side as soon as the memory is
// there and are awaited at the first run; a run is feeds up, one submission, outputs down.
import { elementCount, type Graph } from '../../graph/graph.ts';
import type { Feeds, Program, StepProfile } from '../backend.ts';
import { feedFor } from '../feeds.ts';
import { type ArenaPlan, planArenas } from './arena.ts';
import { bindDispatches, type Command, expectBindable } from './bind.ts';
import { bufferUsage, type Gpu, mapModeRead } from './device.ts';
import type { BufferRange, GpuTensor } from './kernel.ts';
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

interface OutputPlace {
  readonly name: string;
  readonly source: BufferRange;
  /** Where it lies in the staging buffer, bytes. */
  readonly offset: number;
  readonly floats: number;
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
  readonly #feeds: ReadonlyMap<string, FeedPlace>;
  readonly #outputs: readonly OutputPlace[];
  readonly #arenas: readonly GPUBuffer[];
  readonly #staging: GPUBuffer;
  readonly #ready: Promise<readonly Command[]>;
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
    const handedOver = [...feeds.values(), ...outputs.values()];
    this.#plan = planArenas(dispatches, handedOver, gpu.limits.maxBufferSize);
    const arenaBytes = this.#plan.arenas.reduce((sum, bytes) => sum + bytes, 0);
    const outputBytes = [...outputs.values()].reduce((sum, { block }) => sum + block.bytes, 0);
    this.bytes = arenaBytes + outputBytes;
    const made = gpu.checked(`a program of ${(this.bytes / 2 ** 20).toFixed(0)} MiB`, () => {
      states.table.place(graph.states);
      const use = bufferUsage.mapRead | bufferUsage.copyDestination;
      return {
        arenas: states.arenas(this.#plan.arenas),
        staging: gpu.createBuffer('outputs', outputBytes, use),
      };
    });
    this.#arenas = made.value.arenas;
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

  async run(feeds: Feeds) {
    this.states.begin();
    try {
      const commands = await this.#ready;
      this.#gpu.expectAlive();
      this.#takeFeeds(feeds);
      const encoder = await this.#record(commands);
      const { done } = this.#gpu.checked('a step', () => {
        this.#gpu.device.queue.submit([encoder.finish()]);
      });
      await done;
      return await this.#takeOutputs();
    } finally {
      this.states.end();
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
        return block.state ?? (place ? `${place.arena}:${place.offset}` : 'flat');
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
    this.#gpu.free(this.#staging);
    if (this.#ownsStates) this.states.close();
  }

  #rangeOf({ block }: GpuTensor): BufferRange {
    if (block.range) return block.range;
    if (block.state !== undefined) return this.states.table.rangeOf(block.state);
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

  /** One pass of all commands, then outputs into the staging buffer. */
  async #record(commands: readonly Command[]) {
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'step' });
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
    return encoder;
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
