// Pictures to time the loader with: made here, with texture at all scales, so that they take as many
// bytes and as long to decode as photos of COCO do.
import { join } from 'node:path';
import sharp from 'sharp';
import { philox } from './philox.ts';
import type { PersonRecord, Size } from './record.ts';
import type { Rng } from './rng.ts';

const SIZE: Size = { width: 640, height: 480 };
/** Cell size in px and weight in grey levels of each layer of noise. */
const layers = [
  [80, 60],
  [20, 40],
  [5, 26],
  [1, 16],
] as const;

/** Writes JPEG files of 640x480, 4:4:4, about 130 kB each; returns their names. */
export async function writePictures(
  folder: string,
  count: number,
  seed: number,
): Promise<string[]> {
  const files: string[] = [];
  for (let i = 0; i < count; i++) {
    const file = join(folder, `${String(i).padStart(6, '0')}.jpg`);
    const raw = { ...SIZE, channels: 3 } as const;
    await sharp(await texture(philox(seed, 0, i, 'picture')), { raw })
      .jpeg({ quality: 92, chromaSubsampling: '4:4:4' })
      .toFile(file);
    files.push(file);
  }
  return files;
}

async function texture(rng: Rng): Promise<Uint8Array> {
  const sum = new Float32Array(SIZE.width * SIZE.height * 3).fill(128);
  for (const [cell, weight] of layers) {
    const layer = await noise(rng, cell);
    for (let i = 0; i < sum.length; i++) sum[i] += (layer[i] / 128 - 1) * weight;
  }
  return Uint8Array.from(sum, (value) => Math.min(255, Math.max(0, value)));
}

/** Grey noise with a tint, smooth over `cell` px. */
async function noise(rng: Rng, cell: number): Promise<Uint8Array> {
  const [width, height] = [SIZE.width / cell, SIZE.height / cell];
  const cells = new Uint8Array(width * height * 3);
  for (let i = 0; i < cells.length; i += 3) {
    const grey = rng.integer(256);
    for (let c = 0; c < 3; c++) cells[i + c] = 0.8 * grey + 0.2 * rng.integer(256);
  }
  const small = sharp(cells, { raw: { width, height, channels: 3 } });
  return small.resize(SIZE.width, SIZE.height, { fit: 'fill', kernel: 'cubic' }).raw().toBuffer();
}

/** People of usual sizes in the pictures, all keypoints visible. */
export function madeUpPeople(
  files: readonly string[],
  count: number,
  keypointCount: number,
  seed: number,
): PersonRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const rng = philox(seed, 0, i, 'person');
    const height = 0.4 + 1.6 * rng.uniform();
    const at = (side: number, share: number) => Math.fround(side * share);
    return {
      imageFile: files[i % files.length],
      imageId: i % files.length,
      annotationId: i,
      center: [at(SIZE.width, rng.uniform()), at(SIZE.height, rng.uniform())] as const,
      scale: [Math.fround(height * 0.75), Math.fround(height)] as const,
      keypoints: Float32Array.from({ length: 2 * keypointCount }, (_, j) =>
        at(j % 2 === 0 ? SIZE.width : SIZE.height, rng.uniform()),
      ),
      visible: new Float32Array(keypointCount).fill(1),
      score: 1,
    };
  });
}
