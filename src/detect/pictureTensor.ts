// A picture as a detector's input: resized into the input's frame, normalised, channels apart.
// Resizing is bilinear between the four nearest pixels, pixel middles on pixel middles, as OpenCV's
// INTER_LINEAR does it, which the detectors here were trained or are usually run with.
import type { Size } from '../data/record.ts';
import type { RgbImage } from '../pose/warp.ts';

/** Where the picture lies in the input: filling it, or in one scale in its corner or middle. */
export type Placement = 'stretch' | 'corner' | 'middle';

export interface PictureRules {
  readonly placement: Placement;
  readonly order: 'rgb' | 'bgr';
  /** Of the frame around the picture, 0 to 255. */
  readonly fill: number;
  /** (value − mean) / std, of values 0 to 255; by channel in RGB order. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** x of the input = x of the picture · scaleX + left, measured from outer edges. */
export interface Frame {
  readonly scaleX: number;
  readonly scaleY: number;
  readonly left: number;
  readonly top: number;
  /** Of the picture inside of the input, px. */
  readonly inner: Size;
}

export function placePicture(picture: Size, input: Size, placement: Placement): Frame {
  const [fx, fy] = [input.width / picture.width, input.height / picture.height];
  if (placement === 'stretch') return { scaleX: fx, scaleY: fy, left: 0, top: 0, inner: input };
  const scale = Math.min(fx, fy);
  const fit = placement === 'corner' ? Math.floor : Math.round;
  // A hair above a whole number must not lose a pixel.
  const side = (length: number, most: number) =>
    Math.min(most, Math.max(1, fit(length * scale + (fit === Math.floor ? 1e-9 : 0))));
  const inner = {
    width: side(picture.width, input.width),
    height: side(picture.height, input.height),
  };
  const half = (room: number) =>
    placement === 'corner' ? 0 : Math.max(0, Math.round(room / 2 - 0.1));
  const [left, top] = [half(input.width - inner.width), half(input.height - inner.height)];
  return { scaleX: scale, scaleY: scale, left, top, inner };
}

/** [1, 3, H, W] float32 */
export function pictureTensor(
  picture: RgbImage,
  input: Size,
  frame: Frame,
  { order, fill, mean, std }: PictureRules,
): Float32Array {
  const { width, height } = input;
  const { left, top, inner } = frame;
  const plane = width * height;
  const out = new Float32Array(3 * plane);
  const columns = taps(inner.width, picture.width, 3);
  const rows = taps(inner.height, picture.height, picture.width * 3);
  for (let c = 0; c < 3; c++) {
    const target = out.subarray((order === 'bgr' ? 2 - c : c) * plane).subarray(0, plane);
    const [gain, offset] = [1 / std[c]!, -mean[c]! / std[c]!];
    if (inner.width < width || inner.height < height) target.fill(fill * gain + offset);
    for (let y = 0; y < inner.height; y++) {
      const row = target.subarray((top + y) * width + left);
      blendRow(
        picture.data,
        row,
        columns,
        rows.first[y]! + c,
        rows.second[y]! + c,
        rows.share[y]!,
        gain,
        offset,
      );
    }
  }
  return out;
}

interface Taps {
  /** Offsets of the two pixels that lie around each pixel of the result ... */
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** ... and the share of the second. */
  readonly share: Float32Array;
}

function taps(length: number, sourceLength: number, step: number): Taps {
  const [first, second] = [new Int32Array(length), new Int32Array(length)];
  const share = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const at = Math.min(Math.max(((i + 0.5) * sourceLength) / length - 0.5, 0), sourceLength - 1);
    const low = Math.floor(at);
    first[i] = low * step;
    second[i] = Math.min(low + 1, sourceLength - 1) * step;
    share[i] = at - low;
  }
  return { first, second, share };
}

function blendRow(
  data: Uint8Array,
  row: Float32Array,
  { first, second, share }: Taps,
  upper: number,
  lower: number,
  down: number,
  gain: number,
  offset: number,
): void {
  for (let x = 0; x < first.length; x++) {
    const [a, b, right] = [first[x]!, second[x]!, share[x]!];
    const above = data[upper + a]! + (data[upper + b]! - data[upper + a]!) * right;
    const below = data[lower + a]! + (data[lower + b]! - data[lower + a]!) * right;
    row[x] = (above + (below - above) * down) * gain + offset;
  }
}

/** A box [x0, y0, x1, y1] of the input in px of the picture. */
export const toPicture = (
  { scaleX, scaleY, left, top }: Frame,
  [x0, y0, x1, y1]: readonly [number, number, number, number],
): [number, number, number, number] => [
  (x0 - left) / scaleX,
  (y0 - top) / scaleY,
  (x1 - left) / scaleX,
  (y1 - top) / scaleY,
];
