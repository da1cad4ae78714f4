import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { drawText, letterStep } from './bitmapFont.ts';
import { drawBox, drawDiamond, drawDot, drawLine, drawPerson } from './draw.ts';
import { coco17, mpii16 } from './skeletons.ts';
import type { RgbImage } from './warp.ts';

const white = [255, 255, 255] as const;
const blank = (width: number, height: number, value = 0): RgbImage => ({
  width,
  height,
  data: new Uint8Array(width * height * 3).fill(value),
});
const pixel = ({ data, width }: RgbImage, x: number, y: number) => [
  ...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
];
/** White paint on the picture in pixels, partly covered ones in part. */
const painted = ({ data }: RgbImage) => data.reduce((sum, v) => sum + v, 0) / 765;

test('a line covers its length times its width, and its middle fully', () => {
  const image = blank(100, 80);
  drawLine(image, [20, 20], [80, 60], 5, white);
  // Two half discs close the ends. The soft edge is right to a few percent on a slanted line.
  const expected = Math.hypot(60, 40) * 5 + Math.PI * 2.5 ** 2;
  assert.ok(
    Math.abs(painted(image) - expected) < expected * 0.03,
    `${painted(image)} of ${expected}`,
  );
  assert.deepEqual(pixel(image, 50, 40), [...white]);
  assert.deepEqual(pixel(image, 50, 46), [0, 0, 0]);
});

test('dots, rings and diamonds have their areas', () => {
  const area = (draw: (image: RgbImage) => void) => {
    const image = blank(60, 60);
    draw(image);
    return painted(image);
  };
  const near = (value: number, expected: number) =>
    assert.ok(Math.abs(value - expected) < expected * 0.03, `${value} of ${expected}`);
  near(
    area((image) => drawDot(image, [30.3, 29.6], 12, white)),
    Math.PI * 144,
  );
  near(
    area((image) => drawDot(image, [30, 30], 12, white, 4)),
    Math.PI * (144 - 64),
  );
  near(
    area((image) => drawDiamond(image, [30, 30], 14, white)),
    2 * 14 ** 2,
  );
  near(
    area((image) => drawBox(image, [10, 10, 30, 20], 3, white)),
    100 * 3,
  );
});

test('a picture shows what its part of a larger picture would', () => {
  // Quarters of a pixel stay exact when moved, so that the bytes must be equal.
  const coordinate = fc.integer({ min: -160, max: 220 }).map((n) => n / 4);
  const [width, height, margin] = [16, 12, 60];
  fc.assert(
    fc.property(coordinate, coordinate, coordinate, coordinate, (ax, ay, bx, by) => {
      const draw = (image: RgbImage, shift: number) => {
        const [a, b] = [[ax + shift, ay + shift] as const, [bx + shift, by + shift] as const];
        drawLine(image, a, b, 3, white);
        drawDot(image, a, 4, [200, 10, 10]);
        drawDiamond(image, b, 4, [10, 200, 10]);
        drawText(image, 'Edge', Math.round(ax) + shift, Math.round(by) + shift, white);
        return image;
      };
      const small = draw(blank(width, height), 0);
      const large = draw(blank(width + 2 * margin, height + 2 * margin), margin);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          assert.deepEqual(pixel(small, x, y), pixel(large, x + margin, y + margin));
        }
      }
    }),
    { seed: 12, numRuns: 60 },
  );
});

test('a point that is no number is not drawn', () => {
  const image = blank(16, 12);
  drawLine(image, [Number.NaN, 3], [8, 8], 3, white);
  drawDot(image, [Number.POSITIVE_INFINITY, 3], 4, white);
  drawDiamond(image, [3, Number.NaN], 4, white);
  assert.equal(painted(image), 0);
});

test('sides have their own colours, and ground truth others than predictions', () => {
  const keypoints = new Float32Array(51);
  const put = (k: number, x: number, y: number, third: number) =>
    keypoints.set([x, y, third], k * 3);
  put(11, 60, 20, 2);
  put(13, 60, 60, 2);
  put(12, 20, 20, 2);
  put(14, 20, 60, 2);
  const colours = (['truth', 'prediction'] as const).flatMap((style) => {
    const image = blank(80, 80, 128);
    drawPerson(image, keypoints, coco17, { style, thickness: 4 });
    assert.deepEqual(pixel(image, 40, 40), [128, 128, 128]);
    return [pixel(image, 60, 40), pixel(image, 20, 40), pixel(image, 40, 20)].map(String);
  });
  assert.equal(new Set(colours).size, 6);
});

test('a limb keeps a dark rim on a white and on a black picture', () => {
  for (const background of [0, 255]) {
    const image = blank(40, 60, background);
    const keypoints = new Float32Array(51);
    keypoints.set([20, 10, 2], 15);
    keypoints.set([20, 50, 2], 21);
    drawPerson(image, keypoints, coco17, { style: 'truth', thickness: 4 });
    assert.ok(
      pixel(image, 23, 30).every((v) => v < 60),
      'rim',
    );
    assert.ok(Math.max(...pixel(image, 20, 30)) > 200, 'limb');
    assert.deepEqual(pixel(image, 28, 30), [background, background, background]);
  }
});

test('covered keypoints are hollow, low scores and unlabelled ones are left out', () => {
  const draw = (third: number, style: 'truth' | 'prediction') => {
    const image = blank(40, 40, 100);
    const keypoints = new Float32Array(48);
    keypoints.set([20, 20, third], 0);
    drawPerson(image, keypoints, mpii16, {
      style,
      thickness: 8,
      ...(style === 'prediction' && { threshold: 0.3 }),
    });
    return image;
  };
  const [seen, covered] = [draw(2, 'truth'), draw(1, 'truth')];
  assert.ok(Math.max(...pixel(seen, 20, 20)) > 200);
  assert.ok(Math.max(...pixel(covered, 20, 20)) < 60);
  const untouched = [draw(0, 'truth'), draw(0.2, 'prediction')];
  for (const image of untouched) assert.ok(image.data.every((v) => v === 100));
  assert.ok(draw(0.4, 'prediction').data.some((v) => v !== 100));
});

test('letters are told apart, scale evenly, and unknown ones become boxes', () => {
  const draw = (text: string, scale = 1) => {
    const image = blank(12 * scale, 8 * scale);
    drawText(image, text, 0, 0, white, scale);
    return image;
  };
  const known = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,:-+=/()%#_?';
  assert.equal(new Set([...known].map((c) => draw(c).data.join())).size, known.length);
  assert.deepEqual(draw('\u00e9').data, draw('\u00fc').data);
  assert.equal(painted(draw('k', 3)), painted(draw('k')) * 9);
  assert.deepEqual(pixel(draw('TT'), letterStep + 2, 3), [...white]);
});
