// What a device does at best: multiply-adds on registers, and a copy from memory to memory. What kernels reach
// is compared with these two.
import { environmentError } from '../../errors.ts';
import type { Peak } from '../backend.ts';
import type { Command } from './bind.ts';
import { bufferUsage, type Gpu } from './device.ts';
import type { Shader } from './kernel.ts';
import { copyShader } from './kernels/reorder.ts';
import { profileCommands } from './profile.ts';
import { declare, groupSize, readWrite } from './wgsl.ts';

/** Vectors that an invocation multiplies side by side: few where registers are, more where waiting is. */
const vectorsAtOnce = [1, 2, 4, 8] as const;
/** Multiply-adds of each, between two looks at the loop's counter and in all. */
const unrolled = 16;
const products = 1024;
const leastGroups = 64;
const mostGroups = 65535;
/** A run that takes this long, ms, is not disturbed by what starting it takes. */
const longEnough = 20;
/** Larger than the caches of a device. */
const copiedBytes = 2 ** 28;
const runs = 5;

/** Nothing else may use the device meanwhile. */
export async function measureGpuPeak(gpu: Gpu): Promise<Required<Peak>> {
  const rates: number[] = [];
  for (const vectors of vectorsAtOnce) rates.push(await multiplyAddRate(gpu, vectors));
  return {
    gflops: Math.max(...rates),
    gigabytesPerSecond: await copyRate(gpu),
    of: 'multiply-adds on registers',
  };
}

/**
 * x ← x · a + b on `vectors` vectors of four. What starts them comes from memory, and nothing goes back but what
 * never occurs, so that a compiler can leave out neither.
 */
export function multiplyAddShader(vectors: number, groups: number): Shader {
  const bindings = [readWrite('x')];
  const each = (line: (i: number) => string) =>
    Array.from({ length: vectors }, (_, i) => line(i)).join('\n');
  const round = each((i) => `    x${i} = x${i} * a + b;`);
  const code = `${declare(bindings)}

@compute @workgroup_size(${groupSize})
fn main(@builtin(local_invocation_index) lane: u32) {
  let a = x[0];
  let b = x[1] + f32(lane);
${each((i) => `  var x${i} = b * ${i + 1}.0;`)}
  for (var i = 0u; i < ${products / unrolled}u; i++) {
${Array.from({ length: unrolled }, () => round).join('\n')}
  }
  let sum = ${Array.from({ length: vectors }, (_, i) => `x${i}`).join(' + ')};
  if (sum.x == -1.0) { x[2] = sum; }
}
`;
  const label = `multiply-add ${vectors}×4, ${products} times`;
  return { label, code, bindings, workgroups: [groups, 1, 1] };
}

/** GFLOP/s. */
async function multiplyAddRate(gpu: Gpu, vectors: number): Promise<number> {
  return withBuffers(gpu, [3 * 16], async (buffers) => {
    gpu.device.queue.writeBuffer(
      buffers[0]!,
      0,
      Float32Array.of(...[0.5, 0.5, 0.5, 0.5], 1, 1, 1, 1),
    );
    for (let groups = leastGroups; ; groups = Math.min(mostGroups, groups * 4)) {
      const command = await commandOf(gpu, multiplyAddShader(vectors, groups), buffers);
      const milliseconds = await fastest(gpu, command);
      const flops = groups * groupSize * vectors * 4 * products * 2;
      if (milliseconds >= longEnough || groups === mostGroups) return flops / milliseconds / 1e6;
    }
  });
}

/** GB/s. */
async function copyRate(gpu: Gpu): Promise<number> {
  const { maxBufferSize, maxStorageBufferBindingSize } = gpu.limits;
  const bytes = Math.min(copiedBytes, maxBufferSize, maxStorageBufferBindingSize);
  return withBuffers(gpu, [bytes, bytes], async (buffers) => {
    const command = await commandOf(gpu, copyShader(bytes / 16), buffers);
    return (2 * bytes) / (await fastest(gpu, command)) / 1e6;
  });
}

/** ms, of a few runs. */
async function fastest(gpu: Gpu, command: Command): Promise<number> {
  const milliseconds: number[] = [];
  for (let i = 0; i < runs; i++) milliseconds.push(...(await profileCommands(gpu, [command])));
  const least = Math.min(...milliseconds);
  if (least > 0) return least;
  throw environmentError(`gpu: the clock of ${gpu.adapter.name} stands still. Use --device cpu.`);
}

async function withBuffers<T>(
  gpu: Gpu,
  bytes: readonly number[],
  use: (buffers: readonly GPUBuffer[]) => Promise<T>,
): Promise<T> {
  const { storage, copyDestination } = bufferUsage;
  const { value: buffers, done } = gpu.checked('buffers to measure with', () =>
    bytes.map((size) => gpu.createBuffer('peak', size, storage | copyDestination)),
  );
  try {
    await done;
    return await use(buffers);
  } finally {
    for (const buffer of buffers) gpu.free(buffer);
  }
}

async function commandOf(
  gpu: Gpu,
  shader: Shader,
  buffers: readonly GPUBuffer[],
): Promise<Command> {
  const { pipeline, layout } = await gpu.pipeline(shader);
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const bindGroup = gpu.device.createBindGroup({ label: shader.label, layout, entries });
  const dispatch = { shader, tensors: [], flops: 0, bytes: 0, op: 'peak', node: '' };
  return { dispatch, pipeline, bindGroup };
}
