// Which part of its picture any augmentation of a person can read, and what of a picture is worth keeping
// for all of its people. A bound with a margin: whoever warps from a part asks `holdsReads` besides.
import { pixelsPerScale } from '../pose/affine.ts';
import type { PixelRect } from '../pose/warp.ts';
import { startSamples } from './augment.ts';
import type { SampleRules } from './placeSample.ts';
import type { PersonRecord, Size } from './record.ts';

/** The second tap of a pixel, the column that mirroring is off by, and float32 in the transform. */
const MARGIN = 3;

/**
 * Every box that may be drawn lies in the box around its centre that holds it under all scales and angles:
 * for half sides a, b of the largest scale, a·|cos θ| + b·|sin θ| across and a·|sin θ| + b·|cos θ| down.
 * A mirrored box is the mirror image of one that is turned the other way, and angles come with both signs.
 */
export function cropReach(rules: SampleRules, record: PersonRecord, picture: Size): PixelRect {
  const { augment, inputSize, udp } = rules;
  const aspect = inputSize.width / inputSize.height;
  const samples = augment ? startSamples(record, augment, aspect) : [record];
  const factor = 1 + Math.abs(augment?.scaleFactor ?? 0);
  const degrees = augment && augment.rotationProbability >= 0 ? 2 * augment.rotationFactor : 0;
  const rects = samples.map(({ center, scale }) => {
    const a = (Math.abs(scale[0]!) * pixelsPerScale * factor) / 2;
    // Without UDP the height of a box follows from its width.
    const b = udp ? (Math.abs(scale[1]!) * pixelsPerScale * factor) / 2 : a / aspect;
    const [x, y] = [turnedExtent(a, b, degrees) + MARGIN, turnedExtent(b, a, degrees) + MARGIN];
    return { left: center[0] - x, top: center[1] - y, right: center[0] + x, bottom: center[1] + y };
  });
  return inPicture(rects, picture);
}

/** The largest a·|cos θ| + b·|sin θ| for |θ| up to `degrees`: it rises until tan θ = b / a. */
function turnedExtent(a: number, b: number, degrees: number): number {
  const most = (Math.min(Math.abs(degrees), 90) * Math.PI) / 180;
  return most >= Math.atan2(b, a) ? Math.hypot(a, b) : a * Math.cos(most) + b * Math.sin(most);
}

function inPicture(rects: readonly PixelRect[], { width, height }: Size): PixelRect {
  const clamp = (value: number, most: number) => Math.max(0, Math.min(most, value));
  const left = clamp(Math.floor(Math.min(...rects.map((rect) => rect.left))), width);
  const top = clamp(Math.floor(Math.min(...rects.map((rect) => rect.top))), height);
  const right = clamp(Math.ceil(Math.max(...rects.map((rect) => rect.right))), width);
  const bottom = clamp(Math.ceil(Math.max(...rects.map((rect) => rect.bottom))), height);
  // Boxes that are no numbers reach anywhere.
  if (![left, top, right, bottom].every(Number.isFinite))
    return { left: 0, top: 0, right: width, bottom: height };
  return { left, top, right, bottom };
}

export interface KeptPart {
  readonly rect: PixelRect;
  /** Positions in the given list of people. */
  readonly people: readonly number[];
}

/** A part for each person, or the picture for all of them where that is not larger. */
export function partsToKeep(
  rules: SampleRules,
  people: readonly PersonRecord[],
  picture: Size,
): KeptPart[] {
  const parts = people.map((record, i) => ({
    rect: cropReach(rules, record, picture),
    people: [i],
  }));
  const bytes = parts.reduce((sum, { rect }) => sum + bytesOf(rect), 0);
  const whole = { left: 0, top: 0, right: picture.width, bottom: picture.height };
  return bytes < bytesOf(whole) ? parts : [{ rect: whole, people: [...people.keys()] }];
}

export const bytesOf = ({ left, top, right, bottom }: PixelRect) =>
  (right - left) * (bottom - top) * 3;

/** The pixels of `rect`, row by row, into `target`. */
export function copyRect(
  { width, data }: { readonly width: number; readonly data: Uint8Array },
  { left, top, right, bottom }: PixelRect,
  target: Uint8Array,
): void {
  const row = (right - left) * 3;
  for (let y = top; y < bottom; y++) {
    const start = (y * width + left) * 3;
    target.set(data.subarray(start, start + row), (y - top) * row);
  }
}
