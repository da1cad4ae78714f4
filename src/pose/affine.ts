// The 2x3 matrices between the picture, the network's input and the heatmap (spec 3.7, 3.8, 4.5, 7.1).
// Pixels are moved by warp.ts.
import type { Size } from '../data/record.ts';

/** 6 numbers, row-major 2x3: x' = m0·x + m1·y + m2, y' = m3·x + m4·y + m5. */
export type Affine = Float64Array;

/** A scale of 1 stands for this many picture pixels, whatever a data set's pixel_std is. */
export const pixelsPerScale = 200;

/** [w, h] in picture pixels of a scale pair, rounded to float32 as the records are. */
export function sizeInPixels(scale: ArrayLike<number>): [number, number] {
  return [Math.fround(scale[0]! * pixelsPerScale), Math.fround(scale[1]! * pixelsPerScale)];
}

/** The smallest [w, h] around the given one with w / h = aspect. */
export function widenToAspect(w: number, h: number, aspect: number): [number, number] {
  return w > aspect * h ? [w, w / aspect] : [h * aspect, h];
}

/** Centre and scale (over 200 px) of a whole picture taken as one box, without padding. */
export function wholeImageCenterScale(width: number, height: number) {
  const center: [number, number] = [width / 2, height / 2];
  const scale: [number, number] = [
    Math.fround(width / pixelsPerScale),
    Math.fround(height / pixelsPerScale),
  ];
  return { center, scale };
}

/**
 * Picture -> crop: the centre goes to out / 2, `sizePx[0]` picture pixels fill the width (the height
 * of the box is not looked at), and a positive rotation turns the picture counter-clockwise.
 */
export function affineTransform(
  center: ArrayLike<number>,
  sizePx: ArrayLike<number>,
  rotationDegrees: number,
  out: Size,
): Affine {
  const src = boxCorners(center, sizePx[0]!, rotationDegrees);
  return threePointAffine(src, outCorners(out));
}

/** Crop -> picture, solved from the same points as `affineTransform`. */
export function inverseAffineTransform(
  center: ArrayLike<number>,
  sizePx: ArrayLike<number>,
  rotationDegrees: number,
  out: Size,
): Affine {
  const src = boxCorners(center, sizePx[0]!, rotationDegrees);
  return threePointAffine(outCorners(out), src);
}

/**
 * Picture -> crop by UDP's rule: sizes are counted in pixel distances (n − 1), both sides of the box
 * count, and a positive rotation turns the picture clockwise. Entries are float32 values.
 *   center: picture px; scale: over 200 px
 */
export function udpTransform(
  center: ArrayLike<number>,
  scale: ArrayLike<number>,
  rotationDegrees: number,
  out: Size,
): Affine {
  const [cx, cy] = [center[0]!, center[1]!];
  const [w, h] = sizeInPixels(scale);
  const [cos, sin] = cosSin(rotationDegrees);
  const sx = (out.width - 1) / w;
  const sy = (out.height - 1) / h;
  return Float64Array.of(
    Math.fround(cos * sx),
    Math.fround(-sin * sx),
    Math.fround(sx * (-cx * cos + cy * sin + w / 2)),
    Math.fround(sin * sy),
    Math.fround(cos * sy),
    Math.fround(sy * (-cx * sin - cy * cos + h / 2)),
  );
}

/** Crop -> picture for an unrotated UDP crop. */
export function inverseUdpTransform(
  center: ArrayLike<number>,
  scale: ArrayLike<number>,
  out: Size,
): Affine {
  const [w, h] = sizeInPixels(scale);
  const sx = w / (out.width - 1);
  const sy = h / (out.height - 1);
  return Float64Array.of(sx, 0, center[0]! - w / 2, 0, sy, center[1]! - h / 2);
}

export function applyAffine(m: Affine, x: number, y: number): [number, number] {
  return [m[0]! * x + m[1]! * y + m[2]!, m[3]! * x + m[4]! * y + m[5]!];
}

/** The matrix of the opposite direction; all zeros where there is none. */
export function invertAffine(m: Affine): Affine {
  const determinant = m[0]! * m[4]! - m[1]! * m[3]!;
  const d = determinant === 0 ? 0 : 1 / determinant;
  const [i0, i1, i3, i4] = [m[4]! * d, -m[1]! * d, -m[3]! * d, m[0]! * d];
  return Float64Array.of(i0, i1, -i0 * m[2]! - i1 * m[5]!, i3, i4, -i3 * m[2]! - i4 * m[5]!);
}

function cosSin(degrees: number): [number, number] {
  const radians = (Math.PI * degrees) / 180;
  return [Math.cos(radians), Math.sin(radians)];
}

/** Centre, middle of the upper edge, and the corner beside it: 3 points (x, y), float32 values. */
function boxCorners(center: ArrayLike<number>, width: number, rotationDegrees: number) {
  const [cos, sin] = cosSin(rotationDegrees);
  const up = -width / 2;
  return thirdPoint(center[0]!, center[1]!, center[0]! - up * sin, center[1]! + up * cos);
}

function outCorners(out: Size) {
  return thirdPoint(out.width / 2, out.height / 2, out.width / 2, out.height / 2 - out.width / 2);
}

/** The float32 rounding of all three points is part of the definition: it shows in the matrix. */
function thirdPoint(x0: number, y0: number, x1: number, y1: number): Float32Array {
  const p = Float32Array.of(x0, y0, x1, y1, 0, 0);
  p[4] = p[2]! - Math.fround(p[1]! - p[3]!);
  p[5] = p[3]! + Math.fround(p[0]! - p[2]!);
  return p;
}

/**
 * The matrix that takes three points to three points; points as x0 y0 x1 y1 x2 y2. Solved as six
 * equations at once, in OpenCV's order: positions in the warp often fall on exact halves, so the last
 * bit of the matrix decides about pixels.
 */
function threePointAffine(src: Float32Array, dst: Float32Array): Affine {
  const equations = new Float64Array(36);
  for (let row = 0; row < 6; row++) {
    const point = row - (row % 2);
    equations.set([src[point]!, src[point + 1]!, 1], row * 6 + (row % 2) * 3);
  }
  return solve(equations, Float64Array.from(dst));
}

/** x with a·x = b, by elimination with row exchange. a: [n, n], b: [n]; both are overwritten. */
function solve(a: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let j = i + 1; j < n; j++) {
      if (Math.abs(a[j * n + i]!) > Math.abs(a[pivot * n + i]!)) pivot = j;
    }
    for (let k = i; k < n; k++) swap(a, i * n + k, pivot * n + k);
    swap(b, i, pivot);
    const d = -1 / a[i * n + i]!;
    for (let j = i + 1; j < n; j++) {
      const alpha = a[j * n + i]! * d;
      for (let k = i + 1; k < n; k++) a[j * n + k]! += alpha * a[i * n + k]!;
      b[j]! += alpha * b[i]!;
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) b[i]! -= a[i * n + k]! * b[k]!;
    b[i]! /= a[i * n + i]!;
  }
  return b;
}

function swap(array: Float64Array, i: number, j: number): void {
  const kept = array[i]!;
  array[i] = array[j]!;
  array[j] = kept;
}
