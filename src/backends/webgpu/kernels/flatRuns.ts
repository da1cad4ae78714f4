// States that lie side by side, as one tensor: what the optimizer does to all parameters takes few dispatches.
import type { BufferRange, GpuTensor } from '../kernel.ts';
import type { Lowering } from '../lower.ts';
import { aligned } from '../stateTable.ts';

/**
 * Longest stretches in which the states of all parts lie side by side in the same order: one flat
 * tensor a part. `parts[k]` and `parts[0]` are of equal length, and their states of equal sizes.
 */
export function flatRuns(
  low: Lowering,
  parts: readonly (readonly GpuTensor[])[],
): readonly (readonly GpuTensor[])[] {
  const runs: BufferRange[][] = [];
  parts[0]!.forEach((_, i) => {
    const here = parts.map((tensors) => {
      const range = low.rangeOf(tensors[i]!);
      return { ...range, bytes: aligned(range.bytes) };
    });
    const last = runs.at(-1);
    const goesOn = last?.every((before, k) => {
      const range = here[k]!;
      return before.buffer === range.buffer && before.offset + before.bytes === range.offset;
    });
    if (last && goesOn) runs[runs.length - 1] = last.map((before, k) => joined(before, here[k]!));
    else runs.push(here);
  });
  return runs.map((run) => run.map(flat));
}

const joined = (before: BufferRange, { bytes }: BufferRange): BufferRange => ({
  ...before,
  bytes: before.bytes + bytes,
});

const flat = (range: BufferRange): GpuTensor => ({
  shape: [range.bytes / 4],
  layout: 'plain',
  storage: 'f32',
  block: { bytes: range.bytes, range },
});
