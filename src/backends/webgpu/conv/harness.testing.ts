// Runs shaders on plain arrays: what a test or bench of single kernels needs, without a program.
import { bufferUsage, type Gpu, mapModeRead } from '../device.ts';
import type { Shader } from '../kernel.ts';

/** A dispatch on arrays that are named; the same name is the same memory. */
export interface Call {
  readonly shader: Shader;
  /** One name a binding. */
  readonly arrays: readonly string[];
}

/**
 * Uploads `arrays`, runs the calls in order and reads back `wanted`. What is written first holds NaN
 * before, so that an element that no invocation writes shows.
 */
export async function runCalls(
  gpu: Gpu,
  arrays: Readonly<Record<string, Float32Array>>,
  calls: readonly Call[],
  wanted: readonly string[],
): Promise<Record<string, Float32Array>> {
  const { device } = gpu;
  const buffers = new Map<string, GPUBuffer>();
  const { storage, copySource, copyDestination, mapRead } = bufferUsage;
  const make = (name: string, bytes: number, usage: number) => {
    const buffer = gpu.createBuffer(name, bytes, usage);
    buffers.set(name, buffer);
    return buffer;
  };
  try {
    for (const [name, values] of Object.entries(arrays)) {
      const buffer = make(name, values.byteLength, storage | copySource | copyDestination);
      device.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>);
    }
    const pipelines = await Promise.all(calls.map(({ shader }) => gpu.pipeline(shader)));
    const encoder = device.createCommandEncoder({ label: 'calls' });
    const { done } = gpu.checked('calls', () => {
      calls.forEach(({ shader, arrays: names }, i) => {
        const { pipeline, layout } = pipelines[i]!;
        const entries = names.map((name, binding) => ({
          binding,
          resource: { buffer: buffers.get(name)! },
        }));
        const pass = encoder.beginComputePass({ label: shader.label });
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, device.createBindGroup({ label: shader.label, layout, entries }));
        pass.dispatchWorkgroups(...shader.workgroups);
        pass.end();
      });
      for (const name of wanted) {
        const bytes = arrays[name]!.byteLength;
        const staging = make(`${name}, read`, bytes, mapRead | copyDestination);
        encoder.copyBufferToBuffer(buffers.get(name)!, 0, staging, 0, bytes);
      }
      device.queue.submit([encoder.finish()]);
    });
    await done;
    const results: Record<string, Float32Array> = {};
    for (const name of wanted) {
      const staging = buffers.get(`${name}, read`)!;
      await gpu.whileAlive(staging.mapAsync(mapModeRead));
      const { byteLength } = arrays[name]!;
      results[name] = new Float32Array(staging.getMappedRange(0, byteLength).slice(0));
    }
    return results;
  } finally {
    for (const buffer of buffers.values()) gpu.free(buffer);
  }
}

export const unwritten = (floats: number): Float32Array =>
  new Float32Array(floats).fill(Number.NaN);
