// The WebGPU backend: float32 on any GPU, in Node (nodeDevice.ts opens the device) and in browsers.
import type { Backend } from '../backend.ts';
import type { Gpu } from './device.ts';
import { type GpuOptions, GpuProgram } from './program.ts';
import { GpuStates } from './states.ts';

/** The backend owns the device: close() ends both. */
export function createGpuBackend(gpu: Gpu, options: GpuOptions = {}): Backend {
  return {
    name: 'webgpu',
    activationBytes: 4,
    availableBytes: () => Number.POSITIVE_INFINITY,
    createStates: () => new GpuStates(gpu),
    prepare(graph, { states } = {}) {
      const store = (states as GpuStates | undefined) ?? new GpuStates(gpu);
      return new GpuProgram(gpu, graph, store, states === undefined, options);
    },
    close: () => gpu.close(),
  };
}
