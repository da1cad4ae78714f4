// Pictures in a browser: files and video frames to 8-bit RGB, without colour management. Transparent
// pixels become black, where Node takes the colour behind the alpha.
import { inputError } from '../errors.ts';
import type { RgbImage } from '../pose/warp.ts';
import { withoutExif } from './exif.ts';

/** More than any camera's, and what a canvas can hold in all browsers. */
const mostPixels = 64e6;

export interface DecodePictureOptions {
  /** Turn the picture as its EXIF orientation says. Data sets are annotated as stored: false for them. */
  readonly honourExif?: boolean;
  /** Names it in errors; a File's own name unless given. */
  readonly name?: string;
}

export async function decodePicture(
  file: Blob,
  options: DecodePictureOptions = {},
): Promise<RgbImage> {
  const bitmap = await openBitmap(file, options);
  try {
    return rgbOf(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}

/** The decoded picture, for showing; whoever calls closes it. */
export async function openBitmap(
  file: Blob,
  { honourExif = false, name = file instanceof File ? file.name : 'picture' }: DecodePictureOptions,
): Promise<ImageBitmap> {
  const bytes = honourExif
    ? file
    : new Blob([withoutExif(new Uint8Array(await file.arrayBuffer()))]);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(bytes, {
      colorSpaceConversion: 'none',
      premultiplyAlpha: 'none',
    });
  } catch (error) {
    throw inputError(
      `${name}: expected a picture, got a file of ${file.size} bytes that this browser cannot decode. Save it as JPEG or PNG.`,
      { cause: error },
    );
  }
  if (bitmap.width * bitmap.height <= mostPixels) return bitmap;
  const size = `${bitmap.width}×${bitmap.height}`;
  bitmap.close();
  throw inputError(
    `${name}: expected at most ${mostPixels / 1e6} million pixels, got ${size}. Save it smaller.`,
  );
}

/** The pixels of anything that a canvas can draw. */
export function rgbOf(source: CanvasImageSource, width: number, height: number): RgbImage {
  const context = new OffscreenCanvas(width, height).getContext('2d', {
    alpha: false,
    willReadFrequently: true,
  });
  if (!context) throw inputError(`picture: this browser gives no canvas of ${width}×${height}.`);
  context.drawImage(source, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    rgb[to] = data[from]!;
    rgb[to + 1] = data[from + 1]!;
    rgb[to + 2] = data[from + 2]!;
  }
  return { width, height, data: rgb };
}
