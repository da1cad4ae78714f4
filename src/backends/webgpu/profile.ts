// The time of every command of a run: by the device's own clock where it has one, else by waiting for
// each command alone, which adds the way to the device and back.
import type { Command } from './bind.ts';
import { bufferUsage, type Gpu, mapModeRead } from './device.ts';

/** Commands a query set: two timestamps each, of the 4096 that a set may have. */
const commandsAtOnce = 2048;

/** Runs the commands in order; ms each. */
export async function profileCommands(gpu: Gpu, commands: readonly Command[]): Promise<number[]> {
  const milliseconds: number[] = [];
  for (let start = 0; start < commands.length; start += commandsAtOnce) {
    const part = commands.slice(start, start + commandsAtOnce);
    milliseconds.push(...(await (gpu.hasTimestamps ? timed : waited)(gpu, part)));
  }
  return milliseconds;
}

function record(pass: GPUComputePassEncoder, { pipeline, bindGroup, dispatch }: Command): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...dispatch.shader.workgroups);
  pass.end();
}

async function timed(gpu: Gpu, commands: readonly Command[]): Promise<number[]> {
  const { device } = gpu;
  const count = commands.length * 2;
  const bytes = count * 8;
  const querySet = device.createQuerySet({ label: 'profile', type: 'timestamp', count });
  const resolved = gpu.createBuffer(
    'timestamps',
    bytes,
    bufferUsage.queryResolve | bufferUsage.copySource,
  );
  const staging = gpu.createBuffer(
    'timestamps, read',
    bytes,
    bufferUsage.mapRead | bufferUsage.copyDestination,
  );
  try {
    const encoder = device.createCommandEncoder({ label: 'profile' });
    commands.forEach((command, i) => {
      const timestampWrites = {
        querySet,
        beginningOfPassWriteIndex: 2 * i,
        endOfPassWriteIndex: 2 * i + 1,
      };
      record(encoder.beginComputePass({ timestampWrites }), command);
    });
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await gpu.whileAlive(staging.mapAsync(mapModeRead));
    const times = new BigUint64Array(staging.getMappedRange(0, bytes));
    return commands.map((_, i) => Number(times[2 * i + 1]! - times[2 * i]!) / 1e6);
  } finally {
    querySet.destroy();
    gpu.free(resolved);
    gpu.free(staging);
  }
}

async function waited(gpu: Gpu, commands: readonly Command[]): Promise<number[]> {
  const { device } = gpu;
  const milliseconds: number[] = [];
  for (const command of commands) {
    const encoder = device.createCommandEncoder({ label: 'profile' });
    record(encoder.beginComputePass(), command);
    const start = performance.now();
    device.queue.submit([encoder.finish()]);
    await gpu.whileAlive(device.queue.onSubmittedWorkDone());
    milliseconds.push(performance.now() - start);
  }
  return milliseconds;
}
