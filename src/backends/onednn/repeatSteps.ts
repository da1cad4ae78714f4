// Steps for some pictures of a batch, again for the pictures that follow: the same primitives on the next
// part of what all pictures share, and on memory of their own between each other.
import type { MemoryBuffer, Step, Tensor } from './lower.ts';

const tensorsOf = (step: Step): readonly Tensor[] =>
  step.kind === 'primitive'
    ? [...step.args.map(([, tensor]) => tensor), ...step.writes]
    : [...step.reads, ...step.writes];

const isOwn = ({ part, buffer }: Tensor) =>
  part === undefined && buffer.state === undefined && buffer.address === undefined;

/** The steps of the first of `parts` as they are for all others, one part after the other. */
export function stepsOfOtherParts(steps: readonly Step[], parts: number): Step[] {
  const own = new Set(
    steps
      .flatMap(tensorsOf)
      .filter(isOwn)
      .map(({ buffer }) => buffer),
  );
  return Array.from({ length: parts - 1 }, (_, i) => stepsOfPart(steps, own, i + 1)).flat();
}

function stepsOfPart(steps: readonly Step[], own: ReadonlySet<MemoryBuffer>, k: number): Step[] {
  const buffers = new Map<MemoryBuffer, MemoryBuffer>();
  const tensors = new Map<Tensor, Tensor>();

  function bufferOf(buffer: MemoryBuffer): MemoryBuffer {
    if (!own.has(buffer)) return buffer;
    const known = buffers.get(buffer);
    if (known) return known;
    const { inPlaceOf } = buffer;
    const copy = { ...buffer, ...(inPlaceOf ? { inPlaceOf: bufferOf(inPlaceOf) } : {}) };
    buffers.set(buffer, copy);
    return copy;
  }

  function tensorOf(tensor: Tensor): Tensor {
    const known = tensors.get(tensor);
    if (known) return known;
    const { part } = tensor;
    const moved = part
      ? { ...tensor, part: { ...part, offset: part.offset + k * part.bytes } }
      : { ...tensor, buffer: bufferOf(tensor.buffer) };
    tensors.set(tensor, moved);
    return moved;
  }

  return steps.map((step) =>
    step.kind === 'primitive'
      ? {
          ...step,
          args: step.args.map(([index, tensor]) => [index, tensorOf(tensor)] as const),
          writes: step.writes.map(tensorOf),
        }
      : { ...step, reads: step.reads.map(tensorOf), writes: step.writes.map(tensorOf) },
  );
}
