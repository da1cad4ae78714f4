// Graphs lowered to dispatches without a device, to look at the text. Used by tests only.
import type { Graph } from '../../graph/graph.ts';
import type { Dispatch, GpuFeatures } from './kernel.ts';
import { kernels } from './kernels.ts';
import { Lowering, type LoweringOptions } from './lower.ts';
import { StateTable } from './stateTable.ts';

/** The least that the standard guarantees. */
export const leastFeatures: GpuFeatures = {
  subgroups: false,
  software: false,
  maxWorkgroupMemory: 16384,
  maxInvocations: 256,
};

interface LoweredOptions extends LoweringOptions {
  readonly most?: number;
  readonly features?: GpuFeatures;
}

/** The dispatches of graphs that share their states, in buffers of `most` bytes. */
export function loweredDispatches(
  graphs: readonly Graph[],
  { most = 2 ** 30, features = leastFeatures, ...options }: LoweredOptions = {},
): Dispatch[] {
  const states = new StateTable(most, (label) => ({ label }) as GPUBuffer);
  return graphs.flatMap((graph) => {
    const low = new Lowering(graph, states, features, options);
    low.run(kernels);
    return low.dispatches;
  });
}
