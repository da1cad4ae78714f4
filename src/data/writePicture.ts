// Writing a picture file in the format of its name.
import { rename, rm, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { environmentError } from '../errors.ts';
import type { RgbImage } from '../pose/warp.ts';

/** JPEGs keep the full resolution of colours, which thin coloured lines need. */
const formats: Readonly<Record<string, (picture: Sharp) => Sharp>> = {
  '.jpg': (picture) => picture.jpeg({ quality: 92, chromaSubsampling: '4:4:4' }),
  '.png': (picture) => picture.png({ compressionLevel: 6 }),
  '.webp': (picture) => picture.webp({ quality: 92 }),
  '.tif': (picture) => picture.tiff({ compression: 'lzw' }),
};
const sameFormat: Readonly<Record<string, string>> = { '.jpeg': '.jpg', '.tiff': '.tif' };

/** Writes by the file's ending, PNG where that says nothing; the file appears only when complete. */
export async function writePicture(file: string, { width, height, data }: RgbImage): Promise<void> {
  const ending = extname(file).toLowerCase();
  const encode = formats[sameFormat[ending] ?? ending] ?? formats['.png']!;
  const picture = encode(sharp(data, { raw: { width, height, channels: 3 } }));
  const partial = `${file}.partial-${process.pid}`;
  try {
    await writeFile(partial, await picture.toBuffer());
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw environmentError(
      `picture: cannot write ${file} (${(error as Error).message}). Check that its folder exists and has room.`,
      { cause: error },
    );
  }
}
