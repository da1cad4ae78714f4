// Reading pictures as the reference does (spec 3.5): always 8-bit RGB, no colour management, EXIF
// orientation ignored unless asked for. Decoding is libjpeg-turbo's and libpng's, through sharp.
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { type HrposeError, inputError } from '../errors.ts';
import type { RgbImage } from '../pose/warp.ts';

export type { RgbImage } from '../pose/warp.ts';

export interface DecodeImageOptions {
  /** Turn the picture as its EXIF orientation says. */
  readonly honourExif?: boolean;
}

/**
 * For a process that decodes many pictures in parallel by itself: one thread a picture, nothing kept
 * between pictures.
 */
export function configureImageDecoding(): void {
  sharp.concurrency(1);
  sharp.cache(false);
}

/** source: a file name, or the bytes of a file. */
export async function decodeImage(
  source: string | Uint8Array,
  options: DecodeImageOptions = {},
): Promise<RgbImage> {
  const name = typeof source === 'string' ? source : `picture of ${source.length} bytes`;
  // libvips reads a buffer about 0.5 ms faster than it opens a file by name.
  const bytes = typeof source === 'string' ? await readPicture(source) : source;
  if (!isPicture(bytes)) throw notAPicture(name, bytes);
  try {
    return await decode(bytes, options.honourExif ?? false);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw inputError(
      `${name}: expected a complete picture, but it cannot be decoded (${reason}). ` +
        'Fetch or save the file again, or leave it out.',
      { cause: error },
    );
  }
}

async function decode(bytes: Uint8Array, honourExif: boolean): Promise<RgbImage> {
  const picture = sharp(bytes, { ignoreIcc: true, autoOrient: honourExif });
  const { data, info } = await picture
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: asRgb(data, info.channels) };
}

/** Grey pixels become three equal channels. */
function asRgb(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return data;
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i++) rgb.fill(data[i * channels]!, 3 * i, 3 * i + 3);
  return rgb;
}

async function readPicture(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw inputError(
      `${file}: expected a picture, but it cannot be read (${reason}). Check the path, or image_dir and dataset_dir.`,
      { cause: error },
    );
  }
}

function notAPicture(name: string, bytes: Uint8Array): HrposeError {
  const start = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0'));
  const got = bytes.length === 0 ? 'an empty file' : `a file that starts with ${start.join(' ')}`;
  return inputError(
    `${name}: expected a JPEG, PNG, WebP or TIFF picture, got ${got}. ` +
      'Fetch the file again, or convert it to JPEG or PNG.',
  );
}

/** Only these formats reach the decoder, which knows more of them than a data set should bring. */
const signatures: readonly (readonly [offset: number, text: string])[] = [
  [0, '\xff\xd8\xff'],
  [0, '\x89PNG\r\n\x1a\n'],
  [8, 'WEBP'],
  [0, 'II*\0'],
  [0, 'MM\0*'],
];

function isPicture(bytes: Uint8Array): boolean {
  return signatures.some(([offset, text]) =>
    [...text].every((char, i) => bytes[offset + i] === char.charCodeAt(0)),
  );
}
