// Poses drawn onto their picture: box, limbs, points, and the score on a small plate.
import { drawText, letterStep } from './bitmapFont.ts';
import { type Colour, drawBox, drawPerson } from './draw.ts';
import type { Box } from './estimate.ts';
import type { Skeleton } from './skeleton.ts';
import type { RgbImage } from './warp.ts';

export interface DrawnPose {
  /** [K, 3] x, y in px, score. */
  readonly keypoints: ArrayLike<number>;
  readonly score: number;
  /** Outlined where given, px. */
  readonly box?: Box;
  /** Written beside the score, a track's number for instance. */
  readonly name?: string;
}

export interface DrawPosesOptions {
  readonly skeleton: Skeleton;
  /** Keypoints with a lower score are not drawn, nor are limbs that end in them. */
  readonly threshold: number;
  /** Leave the scores out. */
  readonly plain?: boolean;
}

const boxColour: Colour = [235, 235, 235];
const rimColour: Colour = [16, 16, 20];
const plate: Colour = [16, 16, 20];
const ink: Colour = [255, 255, 255];

/** Draws the weakest first, so that who is surest lies on top; scores come last. */
export function drawPoses(
  image: RgbImage,
  poses: readonly DrawnPose[],
  { skeleton, threshold, plain = false }: DrawPosesOptions,
): void {
  const ordered = [...poses].sort((a, b) => a.score - b.score);
  for (const { keypoints, box } of ordered) {
    if (box) {
      drawBox(image, box, 3, rimColour);
      drawBox(image, box, 1, boxColour);
    }
    drawPerson(image, keypoints, skeleton, { style: 'prediction', point: 'dot', threshold });
  }
  if (plain) return;
  for (const pose of ordered) drawScore(image, pose, threshold);
}

function drawScore(image: RgbImage, pose: DrawnPose, threshold: number): void {
  const bounds = pose.box ?? drawnBounds(pose.keypoints, threshold);
  if (bounds === undefined) return;
  const [left, top, , height] = bounds;
  const text = [pose.name, pose.score.toFixed(2)].filter((part) => part !== undefined).join(' ');
  const largest = Math.max(1, Math.round(Math.min(image.width, image.height) / 300));
  const scale = Math.min(largest, Math.max(1, Math.round(height / 120)));
  const padding = 2 * scale;
  const width = text.length * letterStep * scale - scale + 2 * padding;
  const tall = 7 * scale + 2 * padding;
  const x = Math.round(Math.max(0, Math.min(image.width - width, left)));
  const y = Math.round(Math.max(0, Math.min(image.height - tall, top - tall)));
  fillRectangle(image, x, y, width, tall, plate);
  drawText(image, text, x + padding, y + padding, ink, scale);
}

/** The box around the keypoints that are drawn; undefined where none is. */
function drawnBounds(keypoints: ArrayLike<number>, threshold: number): Box | undefined {
  const [xs, ys]: [number[], number[]] = [[], []];
  for (let i = 0; i < keypoints.length; i += 3) {
    if (!(keypoints[i + 2]! >= threshold)) continue;
    xs.push(keypoints[i]!);
    ys.push(keypoints[i + 1]!);
  }
  if (xs.length === 0) return undefined;
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return [x, y, Math.max(...xs) - x, Math.max(...ys) - y];
}

/** What leaves the picture is cut off. */
function fillRectangle(
  image: RgbImage,
  left: number,
  top: number,
  width: number,
  height: number,
  colour: Colour,
): void {
  const right = Math.min(image.width, left + width);
  for (let y = Math.max(0, top); y < Math.min(image.height, top + height); y++) {
    for (let x = Math.max(0, left); x < right; x++) {
      image.data.set(colour, (y * image.width + x) * 3);
    }
  }
}
