// Draws people onto pictures: limbs, points and boxes with soft edges and a dark rim, so that they
// can be read on any background. Pixel (i, j) has its middle at (i, j), as keypoints have it.
import type { Skeleton } from './skeleton.ts';
import type { RgbImage } from './warp.ts';

export type Colour = readonly [number, number, number];

const clampTo = (x: number, low: number, high: number) => (x < low ? low : x > high ? high : x);

/**
 * Blends a colour over every pixel by how far inside a shape it lies. distance(x, y) is the signed
 * distance to the edge in px, negative inside; the box bounds the shape. Where most of the box lies outside
 * of the shape, span(y) bounds a row of it.
 */
function fillShape(
  image: RgbImage,
  [left, top, right, bottom]: readonly [number, number, number, number],
  colour: Colour,
  distance: (x: number, y: number) => number,
  span: (y: number) => readonly [number, number] = () => [left, right],
): void {
  const { width, height, data } = image;
  const [y0, y1] = [Math.max(0, Math.floor(top)), Math.min(height - 1, Math.ceil(bottom))];
  for (let y = y0; y <= y1; y++) {
    const [from, to] = span(y);
    const [x0, x1] = [Math.max(0, Math.floor(from)), Math.min(width - 1, Math.ceil(to))];
    for (let x = x0; x <= x1; x++) {
      const alpha = clampTo(0.5 - distance(x, y), 0, 1);
      if (alpha === 0) continue;
      const i = (y * width + x) * 3;
      for (let c = 0; c < 3; c++)
        data[i + c] = Math.round(data[i + c]! + (colour[c]! - data[i + c]!) * alpha);
    }
  }
}

/** A line with round ends, `width` px thick. Does nothing where a number is not finite. */
export function drawLine(
  image: RgbImage,
  [ax, ay]: readonly [number, number],
  [bx, by]: readonly [number, number],
  width: number,
  colour: Colour,
): void {
  if (![ax, ay, bx, by].every(Number.isFinite)) return;
  const half = width / 2;
  const [dx, dy] = [bx - ax, by - ay];
  const squared = dx * dx + dy * dy;
  const reach = half + 1;
  const bounds = [
    Math.min(ax, bx) - reach,
    Math.min(ay, by) - reach,
    Math.max(ax, bx) + reach,
    Math.max(ay, by) + reach,
  ] as const;
  const distance = (x: number, y: number) => {
    const t = squared === 0 ? 0 : clampTo(((x - ax) * dx + (y - ay) * dy) / squared, 0, 1);
    return Math.hypot(x - ax - t * dx, y - ay - t * dy) - half;
  };
  // A row meets the strip around the whole line, not only this stretch of it, in these columns.
  const around = (reach * Math.sqrt(squared)) / Math.abs(dy);
  const span = (y: number) => {
    const middle = ax + ((y - ay) * dx) / dy;
    return [Math.max(bounds[0], middle - around), Math.min(bounds[2], middle + around)] as const;
  };
  fillShape(image, bounds, colour, distance, Math.abs(dy) < 1 ? undefined : span);
}

/** A filled dot, or a ring of `ring` px when given. */
export function drawDot(
  image: RgbImage,
  [cx, cy]: readonly [number, number],
  radius: number,
  colour: Colour,
  ring = 0,
): void {
  if (!Number.isFinite(cx) || !Number.isFinite(cy)) return;
  const reach = radius + 1;
  fillShape(image, [cx - reach, cy - reach, cx + reach, cy + reach], colour, (x, y) => {
    const outside = Math.hypot(x - cx, y - cy) - radius;
    return ring > 0 ? Math.max(outside, -outside - ring) : outside;
  });
}

/** A square standing on its corner. */
export function drawDiamond(
  image: RgbImage,
  [cx, cy]: readonly [number, number],
  radius: number,
  colour: Colour,
): void {
  if (!Number.isFinite(cx) || !Number.isFinite(cy)) return;
  const reach = radius + 1;
  fillShape(
    image,
    [cx - reach, cy - reach, cx + reach, cy + reach],
    colour,
    (x, y) => (Math.abs(x - cx) + Math.abs(y - cy) - radius) * Math.SQRT1_2,
  );
}

/** The outline of a box [x, y, width, height], `width` px thick. */
export function drawBox(
  image: RgbImage,
  [x, y, boxWidth, boxHeight]: readonly [number, number, number, number],
  width: number,
  colour: Colour,
): void {
  const corners = [
    [x, y],
    [x + boxWidth, y],
    [x + boxWidth, y + boxHeight],
    [x, y + boxHeight],
  ] as const;
  corners.forEach((corner, i) => {
    drawLine(image, corner, corners[(i + 1) % 4]!, width, colour);
  });
}

type Side = 'left' | 'right' | 'middle';

/** Which side of the body each keypoint is on, by the skeleton's flip pairs, [K]. */
export function keypointSides(skeleton: Skeleton): Side[] {
  const sides: Side[] = skeleton.keypoints.map(() => 'middle');
  for (const [left, right] of skeleton.flipPairs) {
    sides[left] = 'left';
    sides[right] = 'right';
  }
  return sides;
}

/** Ground truth has round points, predictions have diamonds and colours of their own. */
const styles: Record<'truth' | 'prediction', Record<Side, Colour>> = {
  truth: { left: [64, 160, 255], right: [255, 150, 40], middle: [240, 240, 240] },
  prediction: { left: [60, 220, 120], right: [255, 80, 160], middle: [255, 230, 80] },
};
/** The colours of predictions. */
export const sideColours: Readonly<Record<Side, Colour>> = styles.prediction;
const rimColour: Colour = [16, 16, 20];

export interface DrawPersonOptions {
  readonly style: 'truth' | 'prediction';
  /** Shape of the points; by the style when left out. */
  readonly point?: 'dot' | 'diamond';
  /** Keypoints with a lower third number are left out. Default: anything above 0 is drawn. */
  readonly threshold?: number;
  /** Thickness of a limb, px; by the person's size when left out. */
  readonly thickness?: number;
}

/** Limb thickness for a person whose drawn keypoints spread over `extent` px. */
const thicknessFor = (extent: number) => clampTo(extent / 70, 1.2, 32);

/**
 * Draws one person. keypoints: [K, 3] x, y in px and a third number: the visibility for ground
 * truth (1, covered, becomes a hollow point), the score for a prediction.
 */
export function drawPerson(
  image: RgbImage,
  keypoints: ArrayLike<number>,
  skeleton: Skeleton,
  { style, point: shape, threshold, thickness }: DrawPersonOptions,
): void {
  const sides = keypointSides(skeleton);
  const colours = styles[style];
  const at = (k: number) => [keypoints[k * 3]!, keypoints[k * 3 + 1]!] as const;
  const shown = (k: number) => {
    const third = keypoints[k * 3 + 2]!;
    return threshold === undefined ? third > 0 : third >= threshold;
  };
  const drawn = skeleton.keypoints.map((_, k) => k).filter(shown);
  const xs = drawn.map((k) => at(k)[0]);
  const ys = drawn.map((k) => at(k)[1]);
  const extent = Math.hypot(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  const thick = thickness ?? thicknessFor(Number.isFinite(extent) ? extent : 0);
  const rim = Math.max(1, thick * 0.5);
  const limbs = skeleton.limbs.filter(([a, b]) => shown(a) && shown(b));
  for (const [a, b] of limbs) drawLine(image, at(a), at(b), thick + 2 * rim, rimColour);
  for (const [a, b] of limbs) {
    const side =
      sides[a] === sides[b]
        ? sides[a]!
        : sides[a] === 'middle'
          ? sides[b]!
          : sides[b] === 'middle'
            ? sides[a]!
            : 'middle';
    drawLine(image, at(a), at(b), thick, colours[side]);
  }
  const round = (shape ?? (style === 'truth' ? 'dot' : 'diamond')) === 'dot';
  const point = round ? drawDot : drawDiamond;
  const radius = thick * (round ? 1.15 : 1.5) + 0.5;
  for (const k of drawn) {
    point(image, at(k), radius + rim, rimColour);
    const covered = style === 'truth' && keypoints[k * 3 + 2] === 1;
    if (covered) drawDot(image, at(k), radius, colours[sides[k]!], radius * 0.45);
    else point(image, at(k), radius, colours[sides[k]!]);
  }
}
