// One open device: its limits and features, its buffers (counted), its pipelines (one for each text),
// and what became of it. Works in browsers and, through nodeDevice.ts, in Node.
import { environmentError, type HrposeError } from '../../errors.ts';
import { DeviceLost, tooLarge } from '../faults.ts';
import type { Binding, GpuFeatures, MatrixUnit, Shader } from './kernel.ts';
import { matrixFeatures, matrixUnitsOf } from './matrixFeature.ts';

export interface AdapterSummary {
  /** As much as the adapter tells: its model and driver in Node, its family in a browser. */
  readonly name: string;
  /** Computes on the CPU: correct, and slower than the CPU backend. */
  readonly software: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

const usefulFeatures = ['timestamp-query', 'subgroups'] as const;

/** Without asking, a device has the least that the standard guarantees (bindings of 128 MiB). */
const usefulLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** ms until a device that is gone has said so. */
const lossNotice = 2000;

/** Resolves with the promise, or after so many milliseconds. */
async function within(milliseconds: number, promise: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

/** Of what a driver says: what follows are places in its source. */
export const firstLine = (error: unknown): string =>
  String((error as Error).message).split('\n')[0]!;

export function summarizeAdapter(adapter: GPUAdapter): AdapterSummary {
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const said = [device || `${vendor} ${architecture}`.trim(), description].filter(Boolean);
  const name = said.join(', ') || 'an adapter without a name';
  const known = /swiftshader|llvmpipe|lavapipe|softpipe|\bwarp\b|basic render/i;
  return {
    name,
    software: isFallbackAdapter === true || known.test(`${name} ${architecture}`),
    features: usefulFeatures.filter((feature) => adapter.features.has(feature)),
    limits: Object.fromEntries(usefulLimits.map((limit) => [limit, adapter.limits[limit]])),
  };
}

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/**
 * Opens the adapter's device with all that the kernels can use; matrix units, an experiment, only where
 * asked. `released` is called by close().
 */
export async function openDevice(
  adapter: GPUAdapter,
  released = () => {},
  { matrixUnits = false } = {},
): Promise<Gpu> {
  const summary = summarizeAdapter(adapter);
  const units = matrixUnits ? matrixUnitsOf(adapter) : [];
  try {
    const device = await adapter.requestDevice({
      label: 'hrpose',
      requiredFeatures: [...(summary.features as GPUFeatureName[]), ...matrixFeatures(units)],
      requiredLimits: summary.limits,
    });
    return new Gpu(device, summary, released, units);
  } catch (error) {
    released();
    throw environmentError(
      `gpu: ${summary.name} gives no device (${firstLine(error)}). Use --device cpu.`,
      { cause: error },
    );
  }
}

export class Gpu {
  readonly device: GPUDevice;
  readonly adapter: AdapterSummary;
  readonly features: GpuFeatures;
  readonly hasTimestamps: boolean;
  readonly #released: () => void;
  readonly #pipelines = new Map<string, Promise<Pipeline>>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #buffers = new Set<GPUBuffer>();
  /** Ends what waits for the device, when it is lost. */
  readonly #waiting = new Set<(error: HrposeError) => void>();
  #lostError: HrposeError | undefined;
  #closed = false;

  constructor(
    device: GPUDevice,
    adapter: AdapterSummary,
    released: () => void,
    matrixUnits: readonly MatrixUnit[],
  ) {
    this.device = device;
    this.adapter = adapter;
    this.#released = released;
    this.hasTimestamps = device.features.has('timestamp-query');
    this.features = {
      subgroups: device.features.has('subgroups'),
      software: adapter.software,
      matrixUnits,
      maxWorkgroupMemory: device.limits.maxComputeWorkgroupStorageSize,
      maxInvocations: device.limits.maxComputeInvocationsPerWorkgroup,
    };
    device.lost.then(({ reason, message }) => {
      const why = firstLine({ message: message || reason });
      this.#lostError = environmentError(
        `gpu: ${adapter.name} was lost (${why}). Go on from the last checkpoint with --resume; if it happens again, use a smaller batch or --device cpu.`,
        { cause: new DeviceLost(why) },
      );
      for (const giveUp of this.#waiting) giveUp(this.#lostError);
    });
  }

  get limits(): GPUSupportedLimits {
    return this.device.limits;
  }

  /** Buffers made and not yet freed. */
  get liveBuffers(): number {
    return this.#buffers.size;
  }

  createBuffer(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const most = this.limits.maxBufferSize;
    if (bytes > most) {
      throw tooLarge(
        `gpu: '${label}' needs a buffer of ${bytes} bytes, ${this.adapter.name} allows ${most}`,
        'Use a smaller batch or picture size.',
      );
    }
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    const buffer = this.device.createBuffer({ label, size, usage });
    this.#buffers.add(buffer);
    return buffer;
  }

  free(buffer: GPUBuffer): void {
    if (this.#buffers.delete(buffer)) buffer.destroy();
  }

  /** For good: another one may be had from the adapter. */
  get isLost(): boolean {
    return this.#lostError !== undefined;
  }

  /** Throws what happened to the device, if it is gone. */
  expectAlive(): void {
    if (this.#lostError) throw this.#lostError;
    if (this.#closed) throw new Error('gpu: the device was closed');
  }

  /** The promise's value, or the error of a device that is lost meanwhile. */
  async whileAlive<T>(promise: Promise<T>): Promise<T> {
    let giveUp!: (error: HrposeError) => void;
    // One for each wait: a promise that outlives them would keep all that ever raced it.
    const lost = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    this.#waiting.add(giveUp);
    if (this.#lostError) giveUp(this.#lostError);
    try {
      return await Promise.race([promise, lost]);
    } catch (error) {
      // What was under way fails as the device goes, in a browser long before the device says so.
      await within(
        lossNotice,
        lost.catch(() => {}),
      );
      throw this.#lostError ?? error;
    } finally {
      this.#waiting.delete(giveUp);
    }
  }

  /**
   * Runs `work`, which makes or uses things of the device, and tells by a promise what the device has
   * against it. `what` starts the message.
   */
  checked<T>(what: string, work: () => T): { readonly value: T; readonly done: Promise<void> } {
    this.expectAlive();
    const { device } = this;
    const kinds = ['validation', 'internal', 'out-of-memory'] as const;
    for (const kind of kinds) device.pushErrorScope(kind);
    let value: T;
    let scopes: Promise<GPUError | null>[];
    try {
      value = work();
    } finally {
      scopes = kinds.map(() => device.popErrorScope());
    }
    return { value, done: this.#judge(what, scopes) };
  }

  async #judge(what: string, scopes: readonly Promise<GPUError | null>[]): Promise<void> {
    const [memory, internal, validation] = await this.whileAlive(Promise.all(scopes));
    if (memory) {
      throw tooLarge(
        `gpu: out of memory: ${what} on ${this.adapter.name} (${firstLine(memory)})`,
        'Use a smaller batch, --recompute or --device cpu.',
      );
    }
    const error = internal ?? validation;
    if (error) throw new Error(`gpu: ${what}: ${error.message}`);
  }

  /** The pipeline of a text, compiled once; `accesses` are those of its bindings. */
  pipeline(shader: Shader): Promise<Pipeline> {
    const known = this.#pipelines.get(shader.code);
    if (known) return known;
    const compiled = this.#compile(shader);
    compiled.catch(() => {});
    this.#pipelines.set(shader.code, compiled);
    return compiled;
  }

  bindGroupLayout(bindings: readonly Binding[]): GPUBindGroupLayout {
    const key = bindings.map(({ access }) => access).join();
    const known = this.#layouts.get(key);
    if (known) return known;
    const layout = this.device.createBindGroupLayout({
      label: key,
      entries: bindings.map(({ access }, binding) => ({
        binding,
        visibility: GPUShaderStageCompute,
        buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
      })),
    });
    this.#layouts.set(key, layout);
    return layout;
  }

  async #compile({ label, code, bindings }: Shader): Promise<Pipeline> {
    const { device } = this;
    const layout = this.bindGroupLayout(bindings);
    // The compilation's own messages say more than the error that the scope would hand over.
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ label, code });
    const made = device.createComputePipelineAsync({
      label,
      layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    });
    const scope = device.popErrorScope();
    try {
      const pipeline = await this.whileAlive(made);
      await scope;
      return { pipeline, layout };
    } catch (error) {
      this.expectAlive();
      const { messages } = await module.getCompilationInfo();
      const first = messages.find(({ type }) => type === 'error');
      const where = first ? `line ${first.lineNum}: ${first.message}` : (error as Error).message;
      throw new Error(`gpu: shader '${label}' does not compile: ${where}`, { cause: error });
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
    this.#pipelines.clear();
    this.device.destroy();
    this.#released();
  }
}

/** Values of the standard's flags, which Node has only inside the package. */
const GPUShaderStageCompute = 4;
export const bufferUsage = {
  mapRead: 1,
  copySource: 4,
  copyDestination: 8,
  storage: 128,
  queryResolve: 512,
} as const;
export const mapModeRead = 1;
