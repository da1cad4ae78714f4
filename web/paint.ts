// What is drawn over a picture: heatmaps, boxes, skeletons. A context is given in picture pixels, where
// pixel (x, y) covers [x, x + 1) and has its middle at x + ½, y + ½; keypoints count middles as whole
// numbers. Widths are in screen pixels, so that lines stay crisp at any zoom.
import { keypointSides, sideColours } from '../src/pose/draw.ts';
import { heatmapToPicture } from '../src/pose/estimate.ts';
import type { Box, Pose, PoseModel, Skeleton } from '../src/web/index.ts';

/** Keypoints with a lower score are left out of the drawing. */
export const shownFrom = 0.2;

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;
const css = ([r, g, b]: readonly [number, number, number], alpha = 1) =>
  `rgb(${r} ${g} ${b} / ${alpha})`;

/** The colour of each keypoint, by its side of the body. */
export const keypointColours = (skeleton: Skeleton): string[] =>
  keypointSides(skeleton).map((side) => css(sideColours[side]));

/**
 * keypoints: [K, 3] in the picture; pixel: the size of a screen pixel in picture pixels. `truth` draws
 * hollow points and thin limbs.
 */
export function paintSkeleton(
  context: Context,
  keypoints: ArrayLike<number>,
  skeleton: Skeleton,
  pixel: number,
  { truth = false, least = shownFrom, thickness = 3 } = {},
): void {
  const colours = keypointColours(skeleton);
  const shown = (k: number) => keypoints[3 * k + 2]! >= least;
  const at = (k: number) => [keypoints[3 * k]! + 0.5, keypoints[3 * k + 1]! + 0.5] as const;
  const limbs = skeleton.limbs.filter(([a, b]) => shown(a) && shown(b));
  const stroke = (width: number, colour: (a: number, b: number) => string) => {
    context.lineWidth = width * pixel;
    context.lineCap = 'round';
    for (const [a, b] of limbs) {
      context.strokeStyle = colour(a, b);
      context.beginPath();
      context.moveTo(...at(a));
      context.lineTo(...at(b));
      context.stroke();
    }
  };
  if (truth) stroke(1, () => 'rgb(255 255 255 / 0.75)');
  else {
    stroke(thickness + 2, () => 'rgb(16 16 20 / 0.8)');
    stroke(thickness, (a, b) => colours[colours[a] === css(sideColours.middle) ? b : a]!);
  }
  skeleton.keypoints.forEach((_, k) => {
    if (!shown(k)) return;
    context.beginPath();
    context.arc(...at(k), (truth ? 2.5 : thickness * 1.1) * pixel, 0, 2 * Math.PI);
    context.lineWidth = pixel;
    context.strokeStyle = truth ? 'white' : 'rgb(16 16 20 / 0.9)';
    if (!truth) {
      context.fillStyle = colours[k]!;
      context.fill();
    }
    context.stroke();
  });
}

/**
 * Heatmaps of a pose, the strongest of each cell, in the colours of the sides; `only` shows one keypoint's.
 * A cell's middle falls where decoding would place it.
 */
export function paintHeatmaps(
  context: Context,
  { heatmaps, crop }: Pose,
  { skeleton, inputSize, udp }: PoseModel,
  only?: number,
): void {
  if (!heatmaps) return;
  const size = { width: inputSize.width / 4, height: inputSize.height / 4 };
  const cells = tintedCells(heatmaps, size.width, size.height, skeleton, only);
  const m = heatmapToPicture(crop, size, udp);
  context.save();
  // Canvas u → cell u − ½ → picture middle → canvas + ½.
  const shift = (a: number, b: number) => 0.5 - 0.5 * (a + b);
  context.transform(
    m[0]!,
    m[3]!,
    m[1]!,
    m[4]!,
    m[2]! + shift(m[0]!, m[1]!),
    m[5]! + shift(m[3]!, m[4]!),
  );
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = 'high';
  context.drawImage(cells, 0, 0);
  context.restore();
}

function tintedCells(
  heatmaps: Float32Array,
  width: number,
  height: number,
  skeleton: Skeleton,
  only: number | undefined,
): OffscreenCanvas {
  const sides = keypointSides(skeleton);
  const cells = width * height;
  const image = new ImageData(width, height);
  const maps = only === undefined ? [...skeleton.keypoints.keys()] : [only];
  for (let cell = 0; cell < cells; cell++) {
    let strength = 0;
    let strongest = maps[0]!;
    for (const k of maps) {
      const value = heatmaps[k * cells + cell]!;
      if (value > strength) [strength, strongest] = [value, k];
    }
    const [r, g, b] = sideColours[sides[strongest]!];
    image.data.set([r, g, b, 255 * 0.85 * Math.min(1, strength)], 4 * cell);
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.putImageData(image, 0, 0);
  return canvas;
}

export function paintBox(
  context: Context,
  [x, y, width, height]: Box,
  pixel: number,
  selected: boolean,
): void {
  const edges = [
    [3, 'rgb(16 16 20 / 0.8)'],
    [selected ? 2 : 1, selected ? '#ffffff' : 'rgb(235 235 235 / 0.8)'],
  ] as const;
  for (const [lineWidth, colour] of edges) {
    context.lineWidth = lineWidth * pixel;
    context.strokeStyle = colour;
    context.strokeRect(x, y, width, height);
  }
  if (!selected) return;
  for (const [screenSize, colour] of [
    [handleSize + 2, 'rgb(16 16 20 / 0.8)'],
    [handleSize, '#ffffff'],
  ] as const) {
    context.fillStyle = colour;
    const side = screenSize * pixel;
    for (const [cx, cy] of cornersOf([x, y, width, height])) {
      context.fillRect(cx - side / 2, cy - side / 2, side, side);
    }
  }
}

/** Of a corner's handle, in screen pixels. */
export const handleSize = 8;
export const cornersOf = ([x, y, w, h]: Box): (readonly [number, number])[] => [
  [x, y],
  [x + w, y],
  [x + w, y + h],
  [x, y + h],
];
