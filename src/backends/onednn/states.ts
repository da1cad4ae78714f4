// The states of one or more programs in native memory. A state's layout is the one that the first
// program to use it wants; states of one role that were laid out together are contiguous, so that
// the optimizer makes one pass over all of them.
import { elementCount, type Shape, type State, type StateRole } from '../../graph/graph.ts';
import type { StateStore } from '../backend.ts';
import { expectState, expectValues } from '../namedStates.ts';
import type { Dnnl, MemoryDesc } from './dnnl2.ts';
import type { Ffi, NativeMemory } from './ffi.ts';

interface Entry {
  readonly name: string;
  readonly role: StateRole;
  readonly shape: Shape;
  readonly desc: MemoryDesc;
  readonly bytes: number;
  /** Address in native memory; 0 until allocate() has run. */
  address: number;
  /** Its bytes, once it has memory. */
  memory?: Uint8Array;
}

const roundUp = (bytes: number) => Math.ceil(bytes / 64) * 64;

export class DnnlStates implements StateStore {
  readonly #ffi: Ffi;
  readonly #dnnl: Dnnl;
  readonly #entries = new Map<string, Entry>();
  readonly #blocks: NativeMemory[] = [];
  #arena: NativeMemory | undefined;
  #staging: NativeMemory | undefined;
  #running = false;

  constructor(ffi: Ffi, dnnl: Dnnl) {
    this.#ffi = ffi;
    this.#dnnl = dnnl;
  }

  find(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  /** Fixes the layout of a state that is not there yet; memory comes with allocate(). */
  declare({ name, role }: State, shape: Shape, desc: MemoryDesc): Entry {
    const entry: Entry = { name, role, shape, desc, bytes: this.#dnnl.bytes(desc), address: 0 };
    this.#entries.set(name, entry);
    return entry;
  }

  /** Gives memory, zeroed, to all states declared since the last call: one block a role, in the order of `order`. */
  allocate(order: readonly State[]): void {
    const fresh = new Map<StateRole, Entry[]>();
    for (const { name } of order) {
      const entry = this.#entries.get(name);
      if (entry?.address !== 0) continue;
      fresh.set(entry.role, [...(fresh.get(entry.role) ?? []), entry]);
    }
    for (const entries of fresh.values()) {
      const block = this.#ffi.allocate(entries.reduce((sum, e) => sum + roundUp(e.bytes), 0));
      block.clear();
      this.#blocks.push(block);
      let offset = 0;
      for (const entry of entries) {
        entry.address = block.address + offset;
        entry.memory = block.view(offset, entry.bytes);
        offset += roundUp(entry.bytes);
      }
    }
  }

  /**
   * Memory for a program's run. Programs of one store run one after the other and keep nothing in
   * it between runs, so that they share it; only a larger one than those before gets its own.
   */
  arena(bytes: number): NativeMemory {
    if (this.#arena && this.#arena.bytes >= bytes) return this.#arena;
    this.#arena = this.#ffi.allocate(bytes);
    // Touch every page once: fresh ones are slow, and this way they are not met inside a step.
    this.#arena.clear();
    this.#blocks.push(this.#arena);
    return this.#arena;
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

  async read(name: string): Promise<Float32Array> {
    const entry = this.#entry(name);
    const copy = this.#stage(elementCount(entry.shape) * 4);
    this.#reorder(entry.desc, entry.address, this.#plain(entry), copy.address);
    return floats(copy, elementCount(entry.shape)).slice();
  }

  write(name: string, values: Float32Array): void {
    const entry = this.#entry(name);
    expectValues(name, entry.shape, values);
    const copy = this.#stage(values.byteLength);
    floats(copy, values.length).set(values);
    this.#reorder(this.#plain(entry), copy.address, entry.desc, entry.address);
  }

  close(): void {
    for (const block of this.#blocks.splice(0)) block.free();
    this.#staging?.free();
    this.#staging = undefined;
    this.#entries.clear();
  }

  #entry(name: string): Entry {
    return expectState(name, this.#entries.get(name));
  }

  /** Memory through which values go in and out in logical order: the same for all, as large as the largest. */
  #stage(bytes: number): NativeMemory {
    if (this.#staging && this.#staging.bytes >= bytes) return this.#staging;
    this.#staging?.free();
    this.#staging = this.#ffi.allocate(bytes);
    return this.#staging;
  }

  #plain({ shape }: Entry): MemoryDesc {
    return this.#dnnl.desc('float32', shape, shape.length === 4 ? 'nchw' : 'x');
  }

  #reorder(from: MemoryDesc, source: number, to: MemoryDesc, destination: number): void {
    const dnnl = this.#dnnl;
    const pd = dnnl.reorder(from, to);
    const primitive = dnnl.primitive(pd);
    const memories = [dnnl.memory(from, source), dnnl.memory(to, destination)] as const;
    const args = encodeArgs(this.#ffi, [
      [1, memories[0]],
      [17, memories[1]],
    ]);
    try {
      dnnl.run(primitive, 2, args.address);
    } finally {
      args.free();
      for (const memory of memories) dnnl.destroyMemory(memory);
      dnnl.destroyPrimitive(primitive);
      pd.destroy();
    }
  }
}

function floats(memory: NativeMemory, count: number): Float32Array {
  const { buffer, byteOffset } = memory.view(0, count * 4);
  return new Float32Array(buffer, byteOffset, count);
}

/** dnnl_exec_arg_t records: 16 bytes each, {int32 argument, padding, pointer to dnnl_memory}. */
export function encodeArgs(ffi: Ffi, args: readonly (readonly [number, number])[]): NativeMemory {
  const memory = ffi.allocate(args.length * 16);
  writeArgs(memory, 0, args);
  return memory;
}

export function writeArgs(
  memory: NativeMemory,
  offset: number,
  args: readonly (readonly [number, number])[],
): void {
  const { buffer, byteOffset } = memory.view(offset, args.length * 16);
  const view = new DataView(buffer, byteOffset);
  args.forEach(([index, handle], i) => {
    view.setInt32(i * 16, index, true);
    view.setBigUint64(i * 16 + 8, BigInt(handle), true);
  });
}
