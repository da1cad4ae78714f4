// Draws a picture and writes it as a JPEG file.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Size } from '../record.ts';
import { pictureFile, type WrittenPicture } from './cocoFile.ts';
import { createPainter } from './picture.ts';

export interface WriterSettings {
  readonly seed: number;
  /** Folders of split 0 (training) and split 1 (evaluation). */
  readonly folders: readonly [string, string];
  readonly size?: Size;
}

export interface PictureJob {
  readonly split: 0 | 1;
  readonly index: number;
}

const quality = 90;

export function createPictureWriter({ seed, folders, size }: WriterSettings) {
  // One picture at a time and no threads beside the worker: encoding is a small part of the work.
  sharp.concurrency(1);
  const painter = createPainter();
  return async ({ split, index }: PictureJob): Promise<WrittenPicture> => {
    const { width, height, data, persons } = painter.paint(seed, split, index, size);
    const raw = { width, height, channels: 3 } as const;
    const jpeg = await sharp(data, { raw }).jpeg({ quality }).toBuffer();
    await writeFile(join(folders[split], pictureFile(index)), jpeg);
    return { index, width, height, persons };
  };
}
