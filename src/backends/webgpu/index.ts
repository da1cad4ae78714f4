// The WebGPU backend: float32 on any GPU, in Node (nodeDevice.ts opens the device) and in browsers.
import type { Backend } from '../backend.ts';
import type { Gpu } from './device.ts';
import { type GpuOptions, GpuProgram } from './program.ts';
import { GpuStates } from './states.ts';

export interface GpuBackendOptions extends GpuOptions {
  /** Opens a device in place of one that was lost. */
  readonly reopen?: () => Promise<Gpu>;
}

/** The backend owns the device: close() ends both. */
export function createGpuBackend(first: Gpu, options: GpuBackendOptions = {}): Backend {
  const { reopen } = options;
  let gpu = first;
  const renew = async (open: () => Promise<Gpu>) => {
    gpu.close();
    gpu = await open();
  };
  return {
    name: 'webgpu',
    activationBytes: 4,
    availableBytes: () => Number.POSITIVE_INFINITY,
    createStates: () => new GpuStates(gpu),
    prepare(graph, { states } = {}) {
      const store = (states as GpuStates | undefined) ?? new GpuStates(gpu);
      return new GpuProgram(gpu, graph, store, states === undefined, options);
    },
    ...(reopen && { renew: () => renew(reopen) }),
    close: () => gpu.close(),
  };
}
