// Cutting a crop out of a picture, equal to the byte with OpenCV's warpAffine for 8-bit pixels, linear
// interpolation and a constant black border (spec 3.8). Positions are fixed point: 1/1024 px while
// they add up, 1/32 px where they are used.
import type { Size } from '../data/record.ts';
import { type Affine, invertAffine } from './affine.ts';

/** 8-bit RGB pixels; data: [height, width, 3]. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A rectangle in pixels; right and bottom are the first column and row that are not in it. */
export interface PixelRect {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The pixels of one rectangle of a picture. Positions and border stay those of the whole picture. */
export interface PicturePart {
  readonly picture: Size;
  readonly rect: PixelRect;
  /** [bottom − top, right − left, 3] */
  readonly data: Uint8Array;
}

export function wholePicture({ width, height, data }: RgbImage): PicturePart {
  return {
    picture: { width, height },
    rect: { left: 0, top: 0, right: width, bottom: height },
    data,
  };
}

/** Far outside of any picture, and two of them still add up in 32 bits. */
const farAway = 2 ** 30 - 64;

/**
 * dst[y, x] = src at m⁻¹(x, y), bilinear; pixels outside of the picture are 0.
 *   m: picture -> crop; dst: [out.height, out.width, 3] uint8
 * `mirrored` reads the picture as if its columns were reversed. About 2 ms for 288x384.
 * A part of a picture has to hold what is read (`holdsReads`); the pixels are then those of the whole.
 */
export function warpAffine(
  source: RgbImage | PicturePart,
  m: Affine,
  out: Size,
  dst: Uint8Array,
  mirrored: boolean,
): void {
  const src = 'rect' in source ? source : wholePicture(source);
  const { width, height } = src.picture;
  const inverse = invertAffine(m);
  const dx = columnSteps(inverse[0]!, out.width);
  const dy = columnSteps(inverse[3]!, out.width);
  for (let y = 0; y < out.height; y++) {
    const x0 = fixedPoint(inverse[1]! * y + inverse[2]!) + 16;
    const y0 = fixedPoint(inverse[4]! * y + inverse[5]!) + 16;
    const inside = (x: number) =>
      (x0 + dx[x]!) >> 10 >= 0 &&
      (x0 + dx[x]!) >> 10 < width - 1 &&
      (y0 + dy[x]!) >> 10 >= 0 &&
      (y0 + dy[x]!) >> 10 < height - 1;
    // The source runs along a straight line, so the columns with all four taps inside are one span.
    let first = 0;
    while (first < out.width && !inside(first)) first++;
    let end = out.width;
    while (end > first && !inside(end - 1)) end--;
    const row = dst.subarray(y * out.width * 3, (y + 1) * out.width * 3);
    borderSpan(src, x0, y0, dx, dy, 0, first, row, mirrored);
    innerSpan(src, x0, y0, dx, dy, first, end, row, mirrored);
    borderSpan(src, x0, y0, dx, dy, end, out.width, row, mirrored);
  }
}

/** Columns whose four taps are all inside of the picture. */
function innerSpan(
  src: PicturePart,
  x0: number,
  y0: number,
  dx: Int32Array,
  dy: Int32Array,
  first: number,
  end: number,
  row: Uint8Array,
  mirrored: boolean,
): void {
  const { data } = src;
  const right = mirrored ? -3 : 3;
  const below = bytesOfRow(src);
  const origin = firstPixel(src) + (mirrored ? (src.picture.width - 1) * 3 : 0);
  for (let x = first, o = first * 3; x < end; x++, o += 3) {
    const px = (x0 + dx[x]!) >> 5;
    const py = (y0 + dy[x]!) >> 5;
    const fx = px & 31;
    const fy = py & 31;
    const w11 = Math.imul(fx, fy);
    const w01 = (fx << 5) - w11;
    const w10 = (fy << 5) - w11;
    const w00 = 1024 - w01 - w10 - w11;
    const a = (origin + Math.imul(py >> 5, below) + Math.imul(px >> 5, right)) | 0;
    const b = (a + right) | 0;
    const c = (a + below) | 0;
    const d = (b + below) | 0;
    row[o] =
      (Math.imul(data[a]!, w00) +
        Math.imul(data[b]!, w01) +
        Math.imul(data[c]!, w10) +
        Math.imul(data[d]!, w11) +
        512) >>
      10;
    row[o + 1] =
      (Math.imul(data[a + 1]!, w00) +
        Math.imul(data[b + 1]!, w01) +
        Math.imul(data[c + 1]!, w10) +
        Math.imul(data[d + 1]!, w11) +
        512) >>
      10;
    row[o + 2] =
      (Math.imul(data[a + 2]!, w00) +
        Math.imul(data[b + 2]!, w01) +
        Math.imul(data[c + 2]!, w10) +
        Math.imul(data[d + 2]!, w11) +
        512) >>
      10;
  }
}

/** Columns with at least one tap outside; each tap is looked at by itself. */
function borderSpan(
  src: PicturePart,
  x0: number,
  y0: number,
  dx: Int32Array,
  dy: Int32Array,
  first: number,
  end: number,
  row: Uint8Array,
  mirrored: boolean,
): void {
  const { data } = src;
  const { width, height } = src.picture;
  const origin = firstPixel(src);
  const below = bytesOfRow(src);
  for (let x = first; x < end; x++) {
    const px = (x0 + dx[x]!) >> 5;
    const py = (y0 + dy[x]!) >> 5;
    const sx = px >> 5;
    const sy = py >> 5;
    let red = 512;
    let green = 512;
    let blue = 512;
    if (sx >= -1 && sx < width && sy >= -1 && sy < height) {
      const fx = px & 31;
      const fy = py & 31;
      for (let tap = 0; tap < 4; tap++) {
        const tx = sx + (tap & 1);
        const ty = sy + (tap >> 1);
        if (tx < 0 || tx >= width || ty < 0 || ty >= height) continue;
        const weight = (tap & 1 ? fx : 32 - fx) * (tap & 2 ? fy : 32 - fy);
        const at = origin + ty * below + (mirrored ? width - 1 - tx : tx) * 3;
        red += data[at]! * weight;
        green += data[at + 1]! * weight;
        blue += data[at + 2]! * weight;
      }
    }
    row[x * 3] = red >> 10;
    row[x * 3 + 1] = green >> 10;
    row[x * 3 + 2] = blue >> 10;
  }
}

const bytesOfRow = ({ rect }: PicturePart) => (rect.right - rect.left) * 3;

/** Where pixel (0, 0) of the picture would be in `data`: before its start if the part begins later. */
const firstPixel = (src: PicturePart) => -src.rect.top * bytesOfRow(src) - src.rect.left * 3;

/**
 * Whether `part` holds every pixel of its picture that `warpAffine` with these arguments reads. Exact:
 * a position is a sum of one rounded term in x and one in y, each monotone, so that the outermost taps
 * are those of the four corners.
 */
export function holdsReads(part: PicturePart, m: Affine, out: Size, mirrored: boolean): boolean {
  const { picture, rect } = part;
  const inverse = invertAffine(m);
  // A box without extent: positions are no numbers.
  if (!inverse.every(Number.isFinite)) return false;
  const across = tapRange(inverse[0]!, inverse[1]!, inverse[2]!, out);
  const down = tapRange(inverse[3]!, inverse[4]!, inverse[5]!, out);
  const [low, high] = mirrored
    ? [picture.width - 1 - across.high, picture.width - 1 - across.low]
    : [across.low, across.high];
  const left = Math.max(low, 0);
  const right = Math.min(high + 1, picture.width);
  const top = Math.max(down.low, 0);
  const bottom = Math.min(down.high + 1, picture.height);
  if (left >= right || top >= bottom) return true;
  return left >= rect.left && right <= rect.right && top >= rect.top && bottom <= rect.bottom;
}

/** First and last tap along one axis of the picture. */
function tapRange(stepX: number, stepY: number, start: number, out: Size) {
  const ends = [0, out.height - 1].flatMap((y) =>
    [0, out.width - 1].map(
      (x) => (fixedPoint(stepY * y + start) + 16 + fixedPoint(stepX * x)) >> 10,
    ),
  );
  return { low: Math.min(...ends), high: Math.max(...ends) + 1 };
}

function columnSteps(step: number, width: number): Int32Array {
  return Int32Array.from({ length: width }, (_, x) => fixedPoint(step * x));
}

/** v in 1/1024 px, halves to even. */
function fixedPoint(v: number): number {
  const scaled = v * 1024;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? 1 : 0;
  return Math.max(-farAway, Math.min(farAway, floor + up));
}
