import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import sharp, { type JpegOptions } from 'sharp';
import { HrposeError } from '../errors.ts';
import { configureImageDecoding, decodeImage } from './image.ts';

configureImageDecoding();

const width = 64;
const height = 48;

/** Smooth ramps, so that compression changes little. [H, W, 3] */
const ramp = Buffer.from(
  Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return [x * 4, y * 5, 255 - x * 2];
  }).flat(),
);
const picture = () => sharp(ramp, { raw: { width, height, channels: 3 } });

async function meanError(bytes: Uint8Array, want: Uint8Array = ramp): Promise<number> {
  const image = await decodeImage(bytes);
  assert.deepEqual([image.width, image.height], [width, height]);
  assert.equal(image.data.length, want.length);
  return image.data.reduce((sum, v, i) => sum + Math.abs(v - want[i]!), 0) / want.length;
}

test('pictures without loss are read exactly: PNG, 16 bits, alpha, WebP, TIFF', async () => {
  assert.equal(await meanError(await picture().png().toBuffer()), 0);
  assert.equal(await meanError(await picture().toColourspace('rgb16').png().toBuffer()), 0);
  assert.equal(await meanError(await picture().ensureAlpha(0.3).png().toBuffer()), 0);
  assert.equal(await meanError(await picture().webp({ lossless: true }).toBuffer()), 0);
  assert.equal(await meanError(await picture().tiff({ compression: 'none' }).toBuffer()), 0);
});

test('JPEG is read in baseline and progressive form, 4:4:4 and 4:2:0', async () => {
  const jpeg = (options: JpegOptions) =>
    picture()
      .jpeg({ quality: 95, ...options })
      .toBuffer();
  for (const chromaSubsampling of ['4:4:4', '4:2:0']) {
    const baseline = await jpeg({ chromaSubsampling });
    const progressive = await jpeg({ chromaSubsampling, progressive: true });
    assert.equal((await sharp(progressive).metadata()).isProgressive, true);
    assert.equal((await sharp(baseline).metadata()).chromaSubsampling, chromaSubsampling);
    // Quality 95 quantises to steps of a few grey levels.
    assert.ok((await meanError(baseline)) < 1.5);
    // Both forms hold the same coefficients, so the pixels are the same.
    assert.deepEqual((await decodeImage(progressive)).data, (await decodeImage(baseline)).data);
  }
});

test('chroma of a 4:2:0 file is interpolated, not repeated', async () => {
  const bytes = await picture().jpeg({ quality: 100, chromaSubsampling: '4:2:0' }).toBuffer();
  const { data } = await decodeImage(bytes);
  // Repeated chroma moves red − blue in steps of two columns; the ramp moves by 6 in every column.
  const difference = (x: number) => data[(24 * width + x) * 3]! - data[(24 * width + x) * 3 + 2]!;
  for (let x = 8; x < 56; x++) {
    const step = difference(x + 1) - difference(x);
    assert.ok(step >= 3 && step <= 9, `column ${x}: ${step}`);
  }
});

test('grey pictures become three equal channels, CMYK three channels', async () => {
  for (const bytes of [
    await picture().grayscale().jpeg({ quality: 95 }).toBuffer(),
    await picture().grayscale().png().toBuffer(),
    await picture().grayscale().ensureAlpha(0.5).png().toBuffer(),
    await picture().toColourspace('grey16').png().toBuffer(),
  ]) {
    const { data } = await decodeImage(bytes);
    assert.equal(data.length, ramp.length);
    for (let i = 0; i < data.length; i += 3) {
      assert.ok(data[i] === data[i + 1] && data[i] === data[i + 2]);
    }
    assert.ok(data[0]! < data[data.length - 1]!, 'the ramp is still there');
  }
  const cmyk = await picture().toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
  assert.equal((await sharp(cmyk).metadata()).channels, 4);
  // Inks cover less than all colours.
  assert.ok((await meanError(cmyk)) < 20);
});

test('a colour profile changes nothing', async () => {
  const plain = await picture().png().toBuffer();
  const tagged = await picture().withIccProfile('p3').png().toBuffer();
  const stored = await sharp(tagged, { ignoreIcc: true }).raw().toBuffer();
  assert.ok((await sharp(tagged).metadata()).icc, 'the file has a profile');
  assert.ok((await meanError(plain)) === 0);
  assert.equal(await meanError(tagged, stored), 0);
});

test('EXIF orientation is ignored unless asked for', async () => {
  const bytes = await picture().withMetadata({ orientation: 6 }).png().toBuffer();
  assert.equal(await meanError(bytes), 0);
  const turned = await decodeImage(bytes, { honourExif: true });
  assert.deepEqual([turned.width, turned.height], [height, width]);
  // Orientation 6 is turned clockwise to be upright: the lower left corner comes to the upper left.
  assert.deepEqual([...turned.data.subarray(0, 3)], [...ramp.subarray(-width * 3, -width * 3 + 3)]);
});

test('files that are no picture, cut off or damaged are named in an input error', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-image-'));
  try {
    const jpeg = await picture().jpeg().toBuffer();
    const png = await picture().png({ compressionLevel: 0 }).toBuffer();
    const damagedPng = Buffer.from(png);
    damagedPng.fill(0x55, 2000, 2100);
    const damagedJpeg = Buffer.concat([jpeg.subarray(0, -200), Buffer.alloc(200, 0)]);
    const huge = Buffer.from(png);
    huge.writeUInt32BE(60_000, 16);
    huge.writeUInt32BE(60_000, 20);
    const files: Record<string, Uint8Array> = {
      'empty.jpg': new Uint8Array(0),
      'page.jpg': Buffer.from('<html>not found</html>'),
      'drawing.png': Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
      'cut.jpg': jpeg.subarray(0, jpeg.length / 2),
      'header.jpg': jpeg.subarray(0, 100),
      'damaged.jpg': damagedJpeg,
      'cut.png': png.subarray(0, png.length / 2),
      'damaged.png': damagedPng,
      'huge.png': huge,
    };
    for (const [name, bytes] of Object.entries(files)) {
      writeFileSync(join(folder, name), bytes);
      await assert.rejects(decodeImage(join(folder, name)), (error: Error) => {
        assert.ok(error instanceof HrposeError, `${name}: ${error}`);
        assert.equal(error.exitCode, 3);
        assert.ok(error.message.startsWith(join(folder, name)), error.message);
        return true;
      });
    }
    await assert.rejects(decodeImage(join(folder, 'absent.jpg')), /absent\.jpg: .*ENOENT/);
    await assert.rejects(decodeImage(folder), /EISDIR/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('damaged bytes anywhere give a picture or an input error, never anything else', async () => {
  const sources = [await picture().jpeg().toBuffer(), await picture().png().toBuffer()];
  const damage = fc.record({
    source: fc.constantFrom(...sources),
    at: fc.nat(6000),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ source, at, bytes }) => {
      const file = Buffer.from(source);
      file.set(bytes.subarray(0, file.length - (at % file.length)), at % file.length);
      try {
        const image = await decodeImage(file);
        assert.equal(image.data.length, image.width * image.height * 3);
      } catch (error) {
        assert.ok(error instanceof HrposeError && error.exitCode === 3, String(error));
      }
    }),
    { seed: 5, numRuns: 150 },
  );
});
