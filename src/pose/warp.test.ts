import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Affine, affineTransform, invertAffine } from './affine.ts';
import { type RgbImage, warpAffine } from './warp.ts';

/** The definition of spec 3.8, one pixel after the other, in float64 and without shifts. */
function plainWarp(src: RgbImage, m: Affine, width: number, height: number): Uint8Array {
  const [i0, i1, i2, i3, i4, i5] = invertAffine(m) as unknown as number[];
  const rint = (v: number) => {
    const r = Math.round(v);
    return Math.abs(v % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
  };
  const pixel = (x: number, y: number, c: number) =>
    x < 0 || y < 0 || x >= src.width || y >= src.height
      ? 0
      : src.data[(y * src.width + x) * 3 + c]!;
  const out = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const X = Math.floor((rint((i1! * y + i2!) * 1024) + 16 + rint(i0! * x * 1024)) / 32);
      const Y = Math.floor((rint((i4! * y + i5!) * 1024) + 16 + rint(i3! * x * 1024)) / 32);
      const [sx, sy] = [Math.floor(X / 32), Math.floor(Y / 32)];
      const [fx, fy] = [X - sx * 32, Y - sy * 32];
      for (let c = 0; c < 3; c++) {
        const sum =
          pixel(sx, sy, c) * (32 - fx) * (32 - fy) +
          pixel(sx + 1, sy, c) * fx * (32 - fy) +
          pixel(sx, sy + 1, c) * (32 - fx) * fy +
          pixel(sx + 1, sy + 1, c) * fx * fy;
        out[(y * width + x) * 3 + c] = Math.floor((sum * 32 + 16384) / 32768);
      }
    }
  }
  return out;
}

function noisePicture(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  let state = width * 31 + height;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state >>> 24;
  }
  return { width, height, data };
}

function mirrorColumns({ width, height, data }: RgbImage): RgbImage {
  const out = new Uint8Array(data.length);
  for (let i = 0; i < width * height; i++) {
    const from = i - (i % width) + width - 1 - (i % width);
    out.set(data.subarray(from * 3, from * 3 + 3), i * 3);
  }
  return { width, height, data: out };
}

const out = { width: 24, height: 32 };
const coordinate = fc.double({ min: -60, max: 90, noNaN: true });
const crops = fc.record({
  width: fc.integer({ min: 1, max: 40 }),
  height: fc.integer({ min: 1, max: 40 }),
  center: fc.tuple(coordinate, coordinate),
  size: fc.double({ min: 0.5, max: 200, noNaN: true }),
  rotation: fc.double({ min: -180, max: 180, noNaN: true }),
});

test('the warp equals its definition to the byte for any box, inside, across and outside', () => {
  fc.assert(
    fc.property(crops, ({ width, height, center, size, rotation }) => {
      const picture = noisePicture(width, height);
      const m = affineTransform(center, [size, size], rotation, out);
      const got = new Uint8Array(out.width * out.height * 3).fill(99);
      warpAffine(picture, m, out, got, false);
      assert.deepEqual(got, plainWarp(picture, m, out.width, out.height));
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('reading mirrored equals warping a picture that was mirrored before', () => {
  fc.assert(
    fc.property(crops, ({ width, height, center, size, rotation }) => {
      const picture = noisePicture(width, height);
      const m = affineTransform(center, [size, size], rotation, out);
      const got = new Uint8Array(out.width * out.height * 3);
      const want = new Uint8Array(out.width * out.height * 3);
      warpAffine(picture, m, out, got, true);
      warpAffine(mirrorColumns(picture), m, out, want, false);
      assert.deepEqual(got, want);
    }),
    { seed: 8, numRuns: 200 },
  );
});

test('the identity copies the picture', () => {
  const picture = noisePicture(24, 32);
  const got = new Uint8Array(picture.data.length);
  warpAffine(picture, Float64Array.of(1, 0, 0, 0, 1, 0), out, got, false);
  assert.deepEqual(got, picture.data);
});

test('a box far away gives black pixels, not an overflow', () => {
  const picture = noisePicture(24, 32);
  for (const offset of [1e4, 1e7, 1e12, Number.MAX_VALUE]) {
    const got = new Uint8Array(out.width * out.height * 3).fill(99);
    warpAffine(picture, Float64Array.of(1, 0, offset, 0, 1, -offset), out, got, false);
    assert.ok(
      got.every((v) => v === 0),
      `${offset}`,
    );
  }
});
