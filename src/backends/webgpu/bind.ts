// Dispatches to commands: the buffer range behind every binding, pipelines, bind groups.
import { environmentError } from '../../errors.ts';
import { tooLarge } from '../faults.ts';
import type { Gpu } from './device.ts';
import type { Binding, BufferRange, Dispatch, GpuTensor, Shader } from './kernel.ts';

/** What a run records for a dispatch. */
export interface Command {
  readonly dispatch: Dispatch;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
}

/** Pipelines compile side by side; the promise fails with the first shader that does not compile. */
export async function bindDispatches(
  gpu: Gpu,
  dispatches: readonly Dispatch[],
  rangeOf: (tensor: GpuTensor) => BufferRange,
): Promise<readonly Command[]> {
  const bound = dispatches.map((dispatch) => {
    const ranges = dispatch.tensors.map(rangeOf);
    return { dispatch, ranges, compiled: gpu.pipeline(withoutConflicts(dispatch.shader, ranges)) };
  });
  const pipelines = await Promise.all(bound.map(({ compiled }) => compiled));
  const { value, done } = gpu.checked('bind groups', () =>
    bound.map(({ dispatch, ranges }, i): Command => {
      const { pipeline, layout } = pipelines[i]!;
      const bindGroup = gpu.device.createBindGroup({
        label: dispatch.shader.label,
        layout,
        entries: ranges.map(({ buffer, offset, bytes }, binding) => ({
          binding,
          resource: { buffer, offset, size: bytes },
        })),
      });
      return { dispatch, pipeline, bindGroup };
    }),
  );
  await done;
  return value;
}

/**
 * One dispatch may not use a buffer both as read-only and as writable storage, even where the ranges are
 * apart, and most tensors share an arena. So read-only bindings of a buffer that is also
 * written become writable ones, which may share it as long as their ranges are apart.
 */
export function withoutConflicts(shader: Shader, ranges: readonly BufferRange[]): Shader {
  const written = new Set(
    ranges.filter((_, i) => shader.bindings[i]!.access === 'read_write').map((r) => r.buffer),
  );
  const promoted = (i: number) =>
    shader.bindings[i]!.access === 'read' && written.has(ranges[i]!.buffer);
  let { code } = shader;
  const bindings = shader.bindings.map((binding, i): Binding => {
    if (!promoted(i)) return binding;
    const before = new RegExp(`(@binding\\(${i}\\)\\s*var<storage,\\s*)read\\s*>`);
    if (!before.test(code)) throw new Error(`bind: ${shader.label} does not declare binding ${i}`);
    code = code.replace(before, '$1read_write>');
    return { ...binding, access: 'read_write' };
  });
  return { ...shader, code, bindings };
}

/** Throws where a kernel asks for more than the device can bind. */
export function expectBindable(gpu: Gpu, dispatches: readonly Dispatch[]): void {
  const { maxStorageBufferBindingSize: most, maxStorageBuffersPerShaderStage: bindings } =
    gpu.limits;
  for (const { shader, tensors, node } of dispatches) {
    const largest = Math.max(...tensors.map(({ block }) => block.bytes));
    if (largest > most) {
      throw tooLarge(
        `gpu: '${node}' (${shader.label}) needs a tensor of ${largest} bytes, ${gpu.adapter.name} binds at most ${most}`,
        'Use a smaller batch or picture size.',
      );
    }
    if (tensors.length > bindings) {
      throw environmentError(
        `gpu: '${node}' (${shader.label}) reads and writes ${tensors.length} buffers, ${gpu.adapter.name} binds at most ${bindings}. Use --device cpu.`,
      );
    }
  }
}
