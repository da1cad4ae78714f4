// The size of a picture from its header, without decoding it.
import sharp from 'sharp';
import { inputError } from '../errors.ts';
import type { Size } from './record.ts';

/** Size in px of the pixels as stored: EXIF orientation is not applied. */
export async function imageSize(file: string): Promise<Size> {
  try {
    const { width, height } = await sharp(file).metadata();
    return { width, height };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw inputError(
      `${file}: expected a picture, but its header cannot be read (${reason}). ` +
        'Save the file again, or take it out of the folder.',
      { cause: error },
    );
  }
}
