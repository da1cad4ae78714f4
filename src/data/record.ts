// What passes from annotation files to the loader and from the loader to the device.

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * One person to crop: where the picture is, which part of it, and what is known of the keypoints.
 * Coordinates are in pixels of the original picture (spec 3.2–3.4).
 */
export interface PersonRecord {
  readonly imageFile: string;
  readonly imageId: number;
  /** Annotation id of the ground truth; -1 for a detection. */
  readonly annotationId: number;
  /** [x, y], float32 values. */
  readonly center: readonly [number, number];
  /** Padded box size over 200 px, [w, h], float32 values. */
  readonly scale: readonly [number, number];
  /** [K, 2] float32: x, y. Zeros for a detection. */
  readonly keypoints: Float32Array;
  /** [K] float32: 1 where labelled (v > 0), else 0. Ones for a detection. */
  readonly visible: Float32Array;
  /** Detector score; 1 for ground truth. */
  readonly score: number;
}

/**
 * N crops ready for the device. Arrays may be views of shared memory that the loader reuses:
 * they are valid until the next batch is asked for.
 */
export interface Batch {
  readonly size: number;
  /** Position of each sample in the data set's record list, [N]. */
  readonly indices: Int32Array;
  /** [N, H, W, 3] uint8 RGB crops of inputSize. */
  readonly images: Uint8Array;
  /** [N, K, 2] float32, in input pixels where visible > 0. */
  readonly keypoints: Float32Array;
  /** [N, K] float32, 0 or 1. */
  readonly visible: Float32Array;
  /** [N, 2] float32, after augmentation, in pixels of the original picture. */
  readonly centers: Float32Array;
  /** [N, 2] float32, after augmentation, over 200 px. */
  readonly scales: Float32Array;
}
