// The ring of batches in shared memory that workers fill and the training step reads.
import type { Batch, Size } from './record.ts';

export interface BatchShape {
  /** N of the largest batch. */
  readonly batchSize: number;
  /** K */
  readonly keypointCount: number;
  readonly inputSize: Size;
}

/** Plain data over shared memory: it can be sent to a worker, which then sees the same batches. */
export interface BatchSlots {
  readonly shape: BatchShape;
  /** One buffer a slot. */
  readonly buffers: readonly SharedArrayBuffer[];
}

export const cropBytes = ({ inputSize }: BatchShape) => inputSize.width * inputSize.height * 3;

/** Bytes of one slot: the crops, then 4-byte numbers: index, keypoints, visible, center, scale. */
export const slotBytes = (shape: BatchShape) =>
  shape.batchSize * (4 * Math.ceil(cropBytes(shape) / 4) + 4 * (1 + 3 * shape.keypointCount + 4));

export function createBatchSlots(count: number, shape: BatchShape): BatchSlots {
  const buffers = Array.from({ length: count }, () => new SharedArrayBuffer(slotBytes(shape)));
  return { shape, buffers };
}

/** The batch of `size` samples that lies in a slot; its arrays are views of the shared memory. */
export function batchAt({ shape, buffers }: BatchSlots, slot: number, size: number): Batch {
  const { batchSize, keypointCount } = shape;
  const buffer = buffers[slot];
  let offset = batchSize * 4 * Math.ceil(cropBytes(shape) / 4);
  const floats = (width: number) => {
    const view = new Float32Array(buffer, offset, size * width);
    offset += batchSize * width * 4;
    return view;
  };
  return {
    size,
    images: new Uint8Array(buffer, 0, size * cropBytes(shape)),
    keypoints: floats(2 * keypointCount),
    visible: floats(keypointCount),
    centers: floats(2),
    scales: floats(2),
    indices: new Int32Array(buffer, offset, size),
  };
}
