// The states of one or more programs in buffers of the device, and the arenas that these programs share.
import type { Shape } from '../../graph/graph.ts';
import type { StateStore } from '../backend.ts';
import { expectValues } from '../namedStates.ts';
import { bufferUsage, type Gpu, mapModeRead } from './device.ts';
import { pack, unpack } from './layout.ts';
import { StateTable } from './stateTable.ts';

const usage = bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyDestination;

export class GpuStates implements StateStore {
  /** Where each state lies. */
  readonly table: StateTable;
  readonly #gpu: Gpu;
  readonly #buffers: GPUBuffer[] = [];
  readonly #arenas: GPUBuffer[] = [];
  #running = false;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
    // The optimizer binds a whole buffer at once.
    const { maxBufferSize, maxStorageBufferBindingSize } = gpu.limits;
    const most = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    this.table = new StateTable(most, (label, bytes) => this.#allocate(label, bytes));
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
      const arena = this.#allocate(`arena ${i}`, bytes);
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
    return this.table.shapes();
  }

  async read(name: string): Promise<Float32Array> {
    const { shape, layout } = this.table.entry(name);
    const { buffer, offset, bytes } = this.table.rangeOf(name);
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
    const { shape, layout } = this.table.entry(name);
    expectValues(name, shape, values);
    this.#gpu.expectAlive();
    const { buffer, offset } = this.table.rangeOf(name);
    this.#gpu.device.queue.writeBuffer(buffer, offset, pack(values, shape, layout));
  }

  close(): void {
    for (const buffer of this.#buffers.splice(0)) this.#gpu.free(buffer);
    this.#arenas.length = 0;
    this.table.clear();
  }

  #allocate(label: string, bytes: number): GPUBuffer {
    const buffer = this.#gpu.createBuffer(label, bytes, usage);
    this.#buffers.push(buffer);
    return buffer;
  }
}
