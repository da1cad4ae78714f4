import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asIs, imageNet } from './family.ts';
import { pictureTensor, placePicture, toPicture } from './pictureTensor.ts';

const ramp = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [pixel, c] = [Math.floor(i / 3), i % 3];
    return c === 0 ? (pixel % width) * 10 : c === 1 ? Math.floor(pixel / width) * 10 : 200;
  }),
});

test('a picture of the input’s size goes through unchanged, channels apart', () => {
  const picture = ramp(6, 4);
  const size = { width: 6, height: 4 };
  const rules = { placement: 'stretch', order: 'rgb', fill: 0, ...asIs } as const;
  const tensor = pictureTensor(picture, size, placePicture(picture, size, 'stretch'), rules);
  assert.deepEqual([...tensor.subarray(0, 6)], [0, 10, 20, 30, 40, 50]);
  assert.deepEqual([...tensor.subarray(24 + 18, 24 + 24)], [30, 30, 30, 30, 30, 30]);
  assert.ok(tensor.subarray(48).every((value) => value === 200));
  const bgr = pictureTensor(picture, size, placePicture(picture, size, 'stretch'), {
    ...rules,
    order: 'bgr',
  });
  assert.deepEqual(bgr.subarray(48), tensor.subarray(0, 24));
});

test('pixel middles lie on pixel middles: twice the size puts a quarter and three quarters between', () => {
  const picture = ramp(2, 1);
  const size = { width: 4, height: 2 };
  const rules = { placement: 'stretch', order: 'rgb', fill: 0, ...asIs } as const;
  const tensor = pictureTensor(picture, size, placePicture(picture, size, 'stretch'), rules);
  assert.deepEqual([...tensor.subarray(0, 4)], [0, 2.5, 7.5, 10]);
});

test('the frame around the picture is filled, and normalised like it', () => {
  const picture = { width: 4, height: 2, data: new Uint8Array(24).fill(114) };
  const size = { width: 8, height: 8 };
  const rules = { placement: 'middle', order: 'rgb', fill: 114, ...imageNet } as const;
  const frame = placePicture(picture, size, 'middle');
  const tensor = pictureTensor(picture, size, frame, rules);
  assert.deepEqual([frame.left, frame.top, frame.inner], [0, 2, { width: 8, height: 4 }]);
  // Float32 rounding of the same number on two ways.
  tensor.forEach((value, i) => {
    const c = Math.floor(i / 64);
    assert.ok(Math.abs(value - (114 - imageNet.mean[c]!) / imageNet.std[c]!) < 1e-5);
  });
});

test('boxes come back to where they were, however the picture lies in the input', () => {
  for (const placement of ['stretch', 'corner', 'middle'] as const) {
    for (const [width, height] of [
      [640, 480],
      [333, 777],
      [5, 4000],
    ] as const) {
      const frame = placePicture({ width, height }, { width: 416, height: 352 }, placement);
      assert.ok(frame.left + frame.inner.width <= 416 && frame.top + frame.inner.height <= 352);
      const x = (value: number) => value * frame.scaleX + frame.left;
      const y = (value: number) => value * frame.scaleY + frame.top;
      const back = toPicture(frame, [x(1), y(2), x(3), y(300)]);
      [1, 2, 3, 300].forEach((value, i) => {
        assert.ok(Math.abs(back[i]! - value) < 1e-9);
      });
    }
  }
});
