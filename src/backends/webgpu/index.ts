// The WebGPU backend: float32, or float32 on activations in halves, on any GPU, in Node (nodeDevice.ts opens the device)
// and in browsers.
import { usageError } from '../../errors.ts';
import type { Backend } from '../backend.ts';
import type { Gpu } from './device.ts';
import type { LoweringOptions } from './lower.ts';
import { measureGpuPeak } from './peak.ts';
import { GpuProgram, type GpuRun } from './program.ts';
import { GpuStates } from './states.ts';

export interface GpuBackendOptions extends LoweringOptions {
  /** Opens a device in place of one that was lost. */
  readonly reopen?: () => Promise<Gpu>;
  /** Bytes that may be taken; WebGPU does not tell how many there are. */
  readonly memoryBytes?: number;
}

/** The backend owns the device: close() ends both. */
export function createGpuBackend(first: Gpu, options: GpuBackendOptions = {}): Backend {
  const { reopen, memoryBytes = Number.POSITIVE_INFINITY } = options;
  const halves = options.activations === 'f16';
  let gpu = first;
  let renewal: Promise<void> | undefined;
  /** Several users may meet the same loss: the first one renews the device for all. */
  const renew = (open: () => Promise<Gpu>) => {
    renewal ??= replaceLost(open).finally(() => {
      renewal = undefined;
    });
    return renewal;
  };
  const replaceLost = async (open: () => Promise<Gpu>) => {
    if (!gpu.isLost) return;
    gpu.close();
    gpu = await open();
  };
  return {
    name: 'webgpu',
    get device() {
      return gpu.adapter.name;
    },
    activationBytes: halves ? 2 : 4,
    halfRange: halves,
    memory: 'device',
    availableBytes: () => memoryBytes,
    createStates: () => new GpuStates(gpu),
    prepare(graph, { states, quantization } = {}) {
      if (quantization) {
        throw usageError('gpu: 8 bits are computed on the CPU only. Use another backend.');
      }
      const store = (states as GpuStates | undefined) ?? new GpuStates(gpu);
      return new GpuProgram(gpu, graph, store, states === undefined, options);
    },
    runInTurn: (runs) => GpuProgram.runInTurn(runs as readonly GpuRun[]),
    ...(reopen && { renew: () => renew(reopen) }),
    measurePeak: () => measureGpuPeak(gpu),
    close: () => gpu.close(),
  };
}
