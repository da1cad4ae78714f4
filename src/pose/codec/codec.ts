// The contract of a heatmap codec, and what the encoders share: the check whether a keypoint's blob
// can touch its map.
import type { Size } from '../../data/record.ts';
import type { DecodedKeypoints, HeatmapShape } from '../decode.ts';

export interface DecodeOptions {
  /** Side of DARK's blur, odd; 3 unless told (what the reference uses whatever the config says). */
  readonly kernel?: number;
  /** Longest step below a cell that DARK may make along each axis, heatmap px; none unless told. */
  readonly maxOffset?: number;
}

/** One way to write keypoints as heatmaps and to read them back. */
export interface HeatmapCodec {
  /**
   * keypoints: [K, 2] float32, input px; visible: [K] float32, 0 or 1; sigma: heatmap px
   * heatmaps: [K, H, W] float32, filled; targetWeight: [K] float32, filled: visible, and 0 where the
   * blob lies outside of the map.
   */
  encode(
    keypoints: Float32Array,
    visible: Float32Array,
    inputSize: Size,
    heatmapSize: Size,
    sigma: number,
    heatmaps: Float32Array,
    targetWeight: Float32Array,
  ): void;
  decode(heatmaps: Float32Array, shape: HeatmapShape, options?: DecodeOptions): DecodedKeypoints;
}

/** Cells [left, right) x [top, bottom) within 3 sigma of a middle; may lie outside of the map. */
export interface BlobBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Bounds are truncated toward zero, which matters left of and above the map. */
export function blobBox(x: number, y: number, sigma: number): BlobBox {
  const radius = 3 * sigma;
  return {
    left: Math.trunc(x - radius),
    top: Math.trunc(y - radius),
    right: Math.trunc(x + radius + 1),
    bottom: Math.trunc(y + radius + 1),
  };
}

/** A box that ends at exactly 0 counts as touching, though it fills no cell. */
export function touches(box: BlobBox, size: Size): boolean {
  return box.left < size.width && box.top < size.height && box.right >= 0 && box.bottom >= 0;
}

/** The cell of an exact position: half up, then toward zero, so that −0.9 is in cell 0. */
export function nearestCell(position: number): number {
  return Math.trunc(position + 0.5);
}

/** The blob's box cut to the map. */
function clipToMap(box: BlobBox, size: Size): BlobBox {
  return {
    left: Math.max(0, box.left),
    top: Math.max(0, box.top),
    right: Math.min(size.width, box.right),
    bottom: Math.min(size.height, box.bottom),
  };
}

/**
 * An encoder that paints each keypoint's patch around its nearest cell.
 * @param cellSize of a heatmap, input px
 * @param peak where the Gaussian has its middle, of the keypoint's position in cells
 */
export const encodePatches =
  (
    cellSize: (inputSize: Size, heatmapSize: Size) => Size,
    peak: (position: number) => number,
  ): HeatmapCodec['encode'] =>
  (keypoints, visible, inputSize, heatmapSize, sigma, heatmaps, targetWeight) => {
    const { width, height } = heatmapSize;
    const cell = cellSize(inputSize, heatmapSize);
    heatmaps.fill(0);
    for (let k = 0; k < visible.length; k++) {
      const x = keypoints[2 * k]! / cell.width;
      const y = keypoints[2 * k + 1]! / cell.height;
      const box = blobBox(nearestCell(x), nearestCell(y), sigma);
      targetWeight[k] = touches(box, heatmapSize) ? visible[k]! : 0;
      if (!(targetWeight[k]! > 0.5)) continue;
      const map = heatmaps.subarray(k * width * height, (k + 1) * width * height);
      paintGaussian(map, width, clipToMap(box, heatmapSize), peak(x), peak(y), sigma);
    }
  };

/**
 * map[y, x] = exp(−((x − cx)² + (y − cy)²) / 2σ²) for the cells of a box inside of the map, as a
 * product of one factor a column and one a row.
 */
export function paintGaussian(
  map: Float32Array,
  width: number,
  box: BlobBox,
  cx: number,
  cy: number,
  sigma: number,
): void {
  const factor = (d: number) => Math.exp(-(d * d) / (2 * sigma * sigma));
  const columns = new Float64Array(Math.max(0, box.right - box.left));
  for (let i = 0; i < columns.length; i++) columns[i] = factor(box.left + i - cx);
  for (let y = box.top; y < box.bottom; y++) {
    const row = factor(y - cy);
    const start = y * width + box.left;
    for (let i = 0; i < columns.length; i++) map[start + i] = row * columns[i]!;
  }
}
