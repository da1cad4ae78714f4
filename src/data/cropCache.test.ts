import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { HrposeError } from '../errors.ts';
import { coco17 } from '../pose/skeletons.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { usualAugment } from './augment.ts';
import type { CacheOptions } from './cropCache.ts';
import { createLoader } from './loader.ts';
import { philox } from './philox.ts';
import type { Batch, PersonRecord } from './record.ts';
import { epochOrder } from './sampler.ts';

const folder = temporaryFolder();

const width = 160;
const height = 120;
const whole = width * height * 3;

async function picture(name: string, step: number): Promise<string> {
  const file = join(folder, name);
  const data = Uint8Array.from({ length: whole }, (_, j) => (j * step) % 251);
  // Stored without compression, so that other pixels take as many bytes.
  await sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toFile(file);
  return file;
}

const files = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => picture(`${i}.png`, i + 3)));

/** Six people in each picture: small ones in the first three, all sizes in the others. */
const records: PersonRecord[] = Array.from({ length: 36 }, (_, i) => {
  const rng = philox(4, 0, i, 'person');
  const at = (side: number) => Math.fround(side * rng.uniform());
  const center = [at(width), at(height)] as const;
  const tall = i % 6 < 3 ? 0.08 : 0.08 + 0.7 * rng.uniform();
  return {
    imageFile: files[i % 6],
    imageId: i % 6,
    annotationId: i,
    center,
    scale: [Math.fround(tall * 0.75), Math.fround(tall)] as const,
    keypoints: Float32Array.from({ length: 34 }, (_, j) =>
      Math.fround(center[j % 2] + 100 * tall * (rng.uniform() - 0.5)),
    ),
    visible: Float32Array.from({ length: 17 }, () => Number(rng.uniform() < 0.8)),
    score: 1,
  };
});
const common = {
  records,
  skeleton: coco17,
  inputSize: { width: 18, height: 24 },
  augment: usualAugment(coco17.upperBody),
  udp: false,
  seed: 5,
};

function digest({ indices, images, keypoints, visible, centers, scales }: Batch): string {
  const hash = createHash('sha256');
  for (const array of [indices, images, keypoints, visible, centers, scales]) hash.update(array);
  return hash.digest('hex');
}

const loaderWith = (cache?: CacheOptions, workers = 0) =>
  createLoader({ ...common, workers, cache });

async function hashes(loader: ReturnType<typeof createLoader>, epochs = [0, 1, 2]) {
  const all: string[] = [];
  for (const epoch of epochs) {
    const order = epochOrder(records.length, { epoch, shuffle: true, batchSize: 8 });
    for await (const batch of loader.batches(order, epoch)) all.push(digest(batch));
  }
  return all;
}

/** The hashes of some epochs and what is kept after them. */
async function runOnce(cache?: CacheOptions, workers = 0) {
  const loader = loaderWith(cache, workers);
  try {
    return { all: await hashes(loader), kept: loader.cachedBytes };
  } finally {
    await loader.close();
  }
}

const expected = (await runOnce()).all;
let folders = 0;
const onDisk = (bytes?: number) =>
  ({ place: 'disk', bytes, folder: join(folder, `cache ${folders++}`) }) as const;
const cropFiles = ({ folder: at }: { readonly folder: string }) =>
  fs.readdirSync(join(at, 'crops')).map((name) => join(at, 'crops', name));

test('batches are the same to the byte from memory and disk, whatever has room, for any number of workers', async () => {
  for (const workers of [0, 2])
    for (const bytes of [undefined, 1 << 20, 2 * whole, 1000, 0])
      for (const cache of [{ place: 'ram', bytes } as const, onDisk(bytes)]) {
        const { all, kept } = await runOnce(cache, workers);
        assert.deepEqual(all, expected, JSON.stringify({ workers, cache }));
        assert.ok(kept <= (bytes ?? 6 * whole), `${kept} of ${bytes}`);
        // Parts of the small people, pictures for the others.
        if (bytes === undefined) assert.ok(kept > 3 * whole && kept < 5.5 * whole, `${kept}`);
      }
});

/** Other pixels in a file that looks as it did. */
async function swapPixels(file: string): Promise<() => void> {
  const bytes = fs.readFileSync(file);
  const { atime, mtime, size } = fs.statSync(file);
  await picture(file.slice(folder.length + 1), 101);
  assert.equal(fs.statSync(file).size, size);
  fs.utimesSync(file, atime, mtime);
  return () => {
    fs.writeFileSync(file, bytes);
    fs.utimesSync(file, atime, mtime);
  };
}

test('a later run reads the parts from disk and decodes nothing; a picture that changed is decoded again', async () => {
  // Whole seconds, as `utimes` keeps no more than microseconds.
  for (const file of files) fs.utimesSync(file, 1e9, 1e9);
  const cache = onDisk();
  const { kept } = await runOnce(cache);
  const undo = await Promise.all(files.map(swapPixels));
  for (const workers of [0, 2])
    assert.deepEqual(await runOnce(cache, workers), { all: expected, kept });
  fs.utimesSync(files[0], 1e9 + 1, 1e9 + 1);
  const changed = await runOnce(cache);
  assert.notDeepEqual(changed.all, expected);
  for (const back of undo) back();
  fs.utimesSync(files[0], 1e9 + 2, 1e9 + 2);
  assert.deepEqual((await runOnce(cache)).all, expected);
  const files2 = cropFiles(cache);
  assert.equal(files2.length, 1, `${files2}`);
});

test('damaged, cut and foreign files give the same batches', async () => {
  const cache = onDisk();
  await runOnce(cache);
  const [file] = cropFiles(cache);
  const good = fs.readFileSync(file);
  const flipped = (from: number, step: number) => {
    const bad = Buffer.from(good);
    for (let i = from; i < bad.length; i += step) bad[i] ^= 0x41;
    return bad;
  };
  for (const bad of [
    flipped(4096, 997),
    flipped(64, 13),
    flipped(0, 5),
    good.subarray(0, good.length / 2),
    good.subarray(0, 100),
    Buffer.alloc(0),
  ]) {
    fs.writeFileSync(file, bad);
    assert.deepEqual((await runOnce(cache)).all, expected);
    // What was damaged has been kept anew.
    assert.deepEqual((await runOnce(cache)).all, expected);
  }
});

test('a second loader reads what the first one is writing and adds nothing', async () => {
  const cache = onDisk();
  const first = loaderWith(cache);
  const second = loaderWith(cache);
  await hashes(first, [0]);
  const { cachedBytes } = first;
  assert.deepEqual(await hashes(second), expected);
  assert.equal(second.cachedBytes, cachedBytes);
  assert.deepEqual(await hashes(first), expected);
  await first.close();
  await second.close();
  await assert.rejects(hashes(first), /is closed/);
});

test('files of other rules give way before they take more than half of the room', async () => {
  const cache = onDisk(3 * whole);
  const crops = join(cache.folder, 'crops');
  fs.mkdirSync(crops, { recursive: true });
  const other = (name: string, age: number) => {
    fs.writeFileSync(join(crops, name), Buffer.alloc(whole, 1));
    fs.utimesSync(join(crops, name), age, age);
  };
  other('a.crops', 1e9 + 1);
  other('b.crops', 1e9);
  const { all, kept } = await runOnce(cache);
  assert.deepEqual(all, expected);
  assert.ok(fs.existsSync(join(crops, 'a.crops')) && !fs.existsSync(join(crops, 'b.crops')));
  assert.ok(kept > 0 && kept <= 2 * whole, `${kept}`);
});

test('a cache folder that cannot be made is an error that names it', () => {
  const blocked = join(folder, 'a file');
  fs.writeFileSync(blocked, '');
  assert.throws(
    () => loaderWith({ place: 'disk', folder: blocked }),
    (error) =>
      error instanceof HrposeError && error.exitCode === 4 && error.message.includes(blocked),
  );
});
