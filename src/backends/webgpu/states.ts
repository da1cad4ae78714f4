// The states of one or more programs in buffers of the device. A state's layout is the one that the
// first program to use it wants; states of one role that were laid out together lie side by side, those
// of parameters in the parameters' order, so that the optimizer makes one pass over all of them.
import { inputError } from '../../errors.ts';
import {
  elementCount,
  type Shape,
  type State,
  type StateRole,
  showShape,
} from '../../graph/graph.ts';
import type { StateStore } from '../backend.ts';
import { bufferUsage, type Gpu, mapModeRead } from './device.ts';
import type { BufferRange } from './kernel.ts';
import { type Layout, layoutBytes, pack, unpack } from './layout.ts';

interface Entry {
  readonly name: string;
  readonly role: StateRole;
  /** Position among all states, of the parameter that it belongs to where it does. */
  readonly order: number;
  readonly shape: Shape;
  readonly layout: Layout;
  readonly bytes: number;
  range?: BufferRange;
}

/** What any adapter accepts as the offset of a binding. */
export const bindingAlignment = 256;
export const aligned = (bytes: number): number =>
  Math.ceil(bytes / bindingAlignment) * bindingAlignment;

const usage = bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyDestination;

export class GpuStates implements StateStore {
  readonly #gpu: Gpu;
  readonly #entries = new Map<string, Entry>();
  readonly #buffers: GPUBuffer[] = [];
  readonly #arenas: GPUBuffer[] = [];
  #running = false;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** The entry of a state; one that is not there yet takes this layout. Memory comes with allocate(). */
  declare({ name, role, like }: State, shape: Shape, ifNew: Layout): Entry {
    const known = this.#entries.get(name);
    if (known) return known;
    const parameter = like === undefined ? undefined : this.#entries.get(like);
    const layout = shape.length < 4 ? 'plain' : (parameter?.layout ?? ifNew);
    const bytes = layoutBytes(shape, layout);
    const order = parameter?.order ?? this.#entries.size;
    const entry: Entry = { name, role, order, shape, layout, bytes };
    this.#entries.set(name, entry);
    return entry;
  }

  /**
   * Gives memory, zeroed, to those of these states that have none: one buffer a role, more where one
   * would be too large.
   */
  allocate(states: readonly State[]): void {
    const fresh = new Map<StateRole, Entry[]>();
    for (const { name } of states) {
      const entry = this.#entries.get(name);
      if (!entry || entry.range) continue;
      fresh.set(entry.role, [...(fresh.get(entry.role) ?? []), entry]);
    }
    for (const [role, entries] of fresh) {
      entries.sort((a, b) => a.order - b.order);
      for (const group of this.#groups(entries)) this.#place(role, group);
    }
  }

  rangeOf(name: string): BufferRange {
    const { range } = this.#entry(name);
    if (!range) throw new Error(`state '${name}' has no memory yet`);
    return range;
  }

  /**
   * Buffers for a program's run. Programs of one store run one after the other and keep nothing in
   * them between runs, so that they share them; only where one asks for more than those before it do
   * new ones come.
   */
  arenas(sizes: readonly number[]): readonly GPUBuffer[] {
    return sizes.map((bytes, i) => {
      const known = this.#arenas[i];
      if (known && known.size >= bytes) return known;
      const arena = this.#gpu.createBuffer(`arena ${i}`, bytes, usage);
      this.#buffers.push(arena);
      this.#arenas[i] = arena;
      return arena;
    });
  }

  /** Programs that share states and memory must not run at the same time. */
  begin(): void {
    if (this.#running) throw new Error('run: another program of these states is running');
    this.#running = true;
  }

  end(): void {
    this.#running = false;
  }

  shapes(): ReadonlyMap<string, Shape> {
    return new Map([...this.#entries.values()].map((e) => [e.name, e.shape]));
  }

  /** The values as of now: a run that begins later does not change them. */
  async read(name: string): Promise<Float32Array> {
    const { shape, layout, bytes } = this.#entry(name);
    const { buffer, offset } = this.rangeOf(name);
    const gpu = this.#gpu;
    gpu.expectAlive();
    const staging = gpu.createBuffer(
      `read ${name}`,
      bytes,
      bufferUsage.mapRead | bufferUsage.copyDestination,
    );
    try {
      const encoder = gpu.device.createCommandEncoder({ label: `read ${name}` });
      encoder.copyBufferToBuffer(buffer, offset, staging, 0, bytes);
      gpu.device.queue.submit([encoder.finish()]);
      await gpu.whileAlive(staging.mapAsync(mapModeRead));
      return unpack(new Float32Array(staging.getMappedRange(0, bytes)), shape, layout);
    } finally {
      gpu.free(staging);
    }
  }

  write(name: string, values: Float32Array): void {
    const { shape, layout } = this.#entry(name);
    if (values.length !== elementCount(shape)) {
      throw inputError(
        `state '${name}': expected ${showShape(shape)} (${elementCount(shape)} values), got ${values.length}.`,
      );
    }
    this.#gpu.expectAlive();
    const { buffer, offset } = this.rangeOf(name);
    this.#gpu.device.queue.writeBuffer(buffer, offset, pack(values, shape, layout));
  }

  close(): void {
    for (const buffer of this.#buffers.splice(0)) this.#gpu.free(buffer);
    this.#arenas.length = 0;
    this.#entries.clear();
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry) return entry;
    throw inputError(
      `state '${name}': no program has such a state. Check the names of the weights.`,
    );
  }

  /** Neighbours that fit into one buffer, all of which can be bound at once. */
  #groups(entries: readonly Entry[]): Entry[][] {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#gpu.limits;
    const most = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    const groups: Entry[][] = [[]];
    let bytes = 0;
    for (const entry of entries) {
      const size = aligned(entry.bytes);
      if (bytes > 0 && bytes + size > most) {
        groups.push([]);
        bytes = 0;
      }
      groups.at(-1)!.push(entry);
      bytes += size;
    }
    return groups;
  }

  #place(role: StateRole, entries: readonly Entry[]): void {
    const total = entries.reduce((sum, { bytes }) => sum + aligned(bytes), 0);
    const buffer = this.#gpu.createBuffer(`${role}s`, total, usage);
    this.#buffers.push(buffer);
    let offset = 0;
    for (const entry of entries) {
      entry.range = { buffer, offset, bytes: entry.bytes };
      offset += aligned(entry.bytes);
    }
  }
}
