// Crops to try an exported model on: people of a data set, pictures, drawn people, noise.

import { decodeImage } from '../data/image.ts';
import { createLoader } from '../data/loader.ts';
import { philox } from '../data/philox.ts';
import type { PersonRecord, Size } from '../data/record.ts';
import { createPainter } from '../data/synth/picture.ts';
import { boxCrop, cutCrop, type ReadingRules, wholePictureCrop } from '../pose/estimate.ts';

export interface Crops {
  /** '8 people of the data set' */
  readonly what: string;
  readonly count: number;
  /** [count, H, W, 3] uint8 */
  readonly images: Uint8Array;
}

const bytesOf = ({ width, height }: Size) => width * height * 3;

/** Every picture as one person who fills it. */
export async function cropsOfPictures(
  files: readonly string[],
  rules: ReadingRules,
): Promise<Crops> {
  const one = bytesOf(rules.inputSize);
  const images = new Uint8Array(files.length * one);
  for (const [i, file] of files.entries()) {
    const picture = await decodeImage(file, { honourExif: true });
    const crop = wholePictureCrop(picture, rules.inputSize);
    cutCrop(picture, crop, rules, images.subarray(i * one, (i + 1) * one));
  }
  return { what: counted(files.length, 'picture', 'pictures'), count: files.length, images };
}

/** Up to `most` people, spread evenly over the data set. */
export async function cropsOfRecords(
  all: readonly PersonRecord[],
  { skeleton, inputSize, udp }: ReadingRules,
  most: number,
): Promise<Crops> {
  const count = Math.min(most, all.length);
  const records = Array.from(
    { length: count },
    (_, i) => all[Math.floor((i * all.length) / count)]!,
  );
  const loader = createLoader({ records, skeleton, inputSize, udp, workers: 0, seed: 0 });
  const images = new Uint8Array(count * bytesOf(inputSize));
  try {
    const order = [Int32Array.from(records.keys())];
    for await (const batch of loader.batches(order, 0)) images.set(batch.images);
  } finally {
    await loader.close();
  }
  return { what: `${counted(count, 'person', 'people')} of the data set`, count, images };
}

/** The nearest person of each of `count` drawn pictures, the same every time. */
export function cropsOfDrawnPeople(count: number, rules: ReadingRules): Crops {
  const painter = createPainter();
  const one = bytesOf(rules.inputSize);
  const images = new Uint8Array(count * one);
  for (let i = 0; i < count; i++) {
    const picture = painter.paint(1, 0, i, { width: 480, height: 360 });
    const crop = boxCrop(picture.persons[0]!.bbox, rules.inputSize);
    cutCrop(picture, crop, rules, images.subarray(i * one, (i + 1) * one));
  }
  return { what: counted(count, 'drawn person', 'drawn people'), count, images };
}

/** Pixels drawn evenly from all values, the same every time. */
export function cropsOfNoise(count: number, inputSize: Size): Crops {
  const rng = philox(1, 0, 0, 'noise');
  const images = Uint8Array.from({ length: count * bytesOf(inputSize) }, () => rng.uniform() * 256);
  return { what: counted(count, 'crop of noise', 'crops of noise'), count, images };
}

const counted = (count: number, one: string, many: string) =>
  `${count} ${count === 1 ? one : many}`;
