// What the main thread and the workers share during one pass over an order of records.
// Samples are taken one by one from a common counter, so that all workers work on the same batch and
// none waits for the main thread between samples; they sleep only when the ring of batches is full.
import type { BatchSlots } from './batchSlots.ts';
import type { BadImage } from './fillSample.ts';

/** Plain data over shared memory, sent to every worker at the start of a pass. */
export interface LoaderPass {
  readonly epoch: number;
  /** All batches one after the other: record of each sample. */
  readonly order: Int32Array;
  /** [B + 1] where each batch starts in `order`. */
  readonly starts: Int32Array;
  /** Batch b lies in slot b % slots. */
  readonly slots: BatchSlots;
  readonly control: Int32Array;
}

export type WorkerMessage =
  | { readonly kind: 'ready'; readonly batch: number }
  | { readonly kind: 'skipped'; readonly bad: BadImage }
  | {
      readonly kind: 'failed';
      readonly batch: number;
      readonly position: number;
      readonly message: string;
    }
  /** The last message of a worker in a pass; it touches no slot after it. */
  | { readonly kind: 'idle' };

// Places in `control`: the next sample to take; how many batches the consumer has given back, or
// CANCELLED; then, for each slot, samples still to be made and samples that failed.
const NEXT = 0;
const RELEASED = 1;
const FIRST_SLOT = 2;
const CANCELLED = -1;

const unfinished = (slot: number) => FIRST_SLOT + 2 * slot;
const failed = (slot: number) => FIRST_SLOT + 2 * slot + 1;

export function startPass(
  order: readonly Int32Array[],
  epoch: number,
  slots: BatchSlots,
): LoaderPass {
  const int32 = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length));
  const starts = int32(order.length + 1);
  order.forEach((batch, b) => {
    starts[b + 1] = starts[b] + batch.length;
  });
  const all = int32(starts[order.length]);
  order.forEach((batch, b) => {
    all.set(batch, starts[b]);
  });
  const control = int32(FIRST_SLOT + 2 * slots.buffers.length);
  const pass = { epoch, order: all, starts, slots, control };
  for (let b = 0; b < Math.min(order.length, slots.buffers.length); b++) prepareSlot(pass, b);
  return pass;
}

export const batchSizeOf = ({ starts }: LoaderPass, batch: number) =>
  starts[batch + 1] - starts[batch];

export const slotOf = ({ slots }: LoaderPass, batch: number) => batch % slots.buffers.length;

function prepareSlot(pass: LoaderPass, batch: number): void {
  Atomics.store(pass.control, unfinished(slotOf(pass, batch)), batchSizeOf(pass, batch));
}

/** Main thread: the consumer is done with `batch`; its slot may be filled again. */
export function releaseBatch(pass: LoaderPass, batch: number): void {
  const next = batch + pass.slots.buffers.length;
  if (next + 1 < pass.starts.length) prepareSlot(pass, next);
  Atomics.store(pass.control, RELEASED, batch + 1);
  Atomics.notify(pass.control, RELEASED);
}

/** Main thread: workers finish the sample they are at and report idle. */
export function cancelPass({ control }: LoaderPass): void {
  Atomics.store(control, RELEASED, CANCELLED);
  Atomics.notify(control, RELEASED);
}

export const hasFailures = (pass: LoaderPass, batch: number) =>
  Atomics.load(pass.control, failed(slotOf(pass, batch))) > 0;

/** Worker: the next sample as a place in `order`; undefined when there is none left. */
export function takeSample({ control, order }: LoaderPass): number | undefined {
  if (Atomics.load(control, RELEASED) === CANCELLED) return undefined;
  const sample = Atomics.add(control, NEXT, 1);
  return sample < order.length ? sample : undefined;
}

/** Worker: sleeps until the slot of `batch` is free; false when the pass has been cancelled. */
export function waitForSlot({ control, slots }: LoaderPass, batch: number): boolean {
  for (;;) {
    const released = Atomics.load(control, RELEASED);
    if (released === CANCELLED) return false;
    if (batch < released + slots.buffers.length) return true;
    Atomics.wait(control, RELEASED, released);
  }
}

/** Worker: counts a sample as made; true for the one that completes its batch. */
export function finishSample(pass: LoaderPass, batch: number, success: boolean): boolean {
  const slot = slotOf(pass, batch);
  if (!success) Atomics.add(pass.control, failed(slot), 1);
  return Atomics.sub(pass.control, unfinished(slot), 1) === 1;
}
