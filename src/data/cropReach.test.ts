import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { affineTransform } from '../pose/affine.ts';
import { coco17 } from '../pose/skeletons.ts';
import { holdsReads, type PixelRect, warpAffine } from '../pose/warp.ts';
import { sampleTransform, usualAugment } from './augment.ts';
import { bytesOf, copyRect, cropReach, partsToKeep } from './cropReach.ts';
import { makeSample } from './placeSample.ts';
import type { PersonRecord } from './record.ts';

const augment = usualAugment(coco17.upperBody);
const inputSize = { width: 18, height: 24 };
const rules = { skeleton: coco17, inputSize, augment, udp: false, seed: 1 };

function noise(width: number, height: number) {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 253);
  return { width, height, data };
}

function partOf(image: ReturnType<typeof noise>, rect: PixelRect) {
  const data = new Uint8Array(bytesOf(rect));
  copyRect(image, rect, data);
  return { picture: { width: image.width, height: image.height }, rect, data };
}

const side = fc.integer({ min: 1, max: 60 });
const coordinate = fc.double({ min: -40, max: 100, noNaN: true });
const range = fc.tuple(fc.nat(60), fc.nat(60));

test('warping from a part gives the bytes of the whole picture exactly where it says that it holds the reads', () => {
  let held = 0;
  fc.assert(
    fc.property(
      fc.record({ width: side, height: side, x: coordinate, y: coordinate, xs: range, ys: range }),
      fc.double({ min: 1, max: 60, noNaN: true }),
      fc.double({ min: -180, max: 180, noNaN: true }),
      fc.boolean(),
      ({ width, height, x, y, xs, ys }, size, rotation, mirrored) => {
        const image = noise(width, height);
        const [left, right] = xs.map((v) => Math.min(v, width)).sort((a, b) => a - b);
        const [top, bottom] = ys.map((v) => Math.min(v, height)).sort((a, b) => a - b);
        const part = partOf(image, { left: left!, right: right!, top: top!, bottom: bottom! });
        const m = affineTransform([x, y], [size, size], rotation, inputSize);
        if (!holdsReads(part, m, inputSize, mirrored)) return;
        held++;
        const want = new Uint8Array(18 * 24 * 3);
        const got = new Uint8Array(18 * 24 * 3).fill(99);
        warpAffine(image, m, inputSize, want, mirrored);
        warpAffine(part, m, inputSize, got, mirrored);
        assert.deepEqual(got, want);
      },
    ),
    { seed: 11, numRuns: 2000 },
  );
  assert.ok(held > 200, `${held} of 2000`);
});

test('a part one column or row short of what is read does not hold it', () => {
  const m = affineTransform([30, 30], [18, 18], 0, inputSize);
  const at = (rect: PixelRect) => holdsReads(partOf(noise(60, 60), rect), m, inputSize, false);
  // Columns 21 to 38 and rows 18 to 41, each with its neighbour as the second tap.
  const exact = { left: 21, right: 40, top: 18, bottom: 43 };
  assert.equal(at(exact), true);
  for (const less of [{ left: 22 }, { right: 39 }, { top: 19 }, { bottom: 42 }])
    assert.equal(at({ ...exact, ...less }), false);
});

const people = fc.record({
  center: fc.tuple(coordinate, coordinate),
  scale: fc.tuple(
    fc.double({ min: 0.01, max: 0.4, noNaN: true }),
    fc.double({ min: 0.01, max: 0.4, noNaN: true }),
  ),
  // In hundredths of a pixel, as annotations are.
  keypoints: fc.array(
    fc.integer({ min: -4000, max: 10000 }).map((v) => v / 100),
    { minLength: 34, maxLength: 34 },
  ),
  visible: fc.array(fc.boolean(), { minLength: 17, maxLength: 17 }),
});

function record(person: typeof people extends fc.Arbitrary<infer T> ? T : never): PersonRecord {
  const f32 = ([a, b]: [number, number]) => [Math.fround(a), Math.fround(b)] as const;
  return {
    imageFile: '',
    imageId: 0,
    annotationId: 0,
    center: f32(person.center),
    scale: f32(person.scale),
    keypoints: Float32Array.from(person.keypoints),
    visible: Float32Array.from(person.visible, Number),
    score: 1,
  };
}

test('what may be read of a person holds every augmentation of it', () => {
  let smaller = 0;
  fc.assert(
    fc.property(
      people,
      fc.record({ width: side, height: side }),
      fc.boolean(),
      fc.constantFrom(undefined, 0, 10, 40, 100),
      (person, picture, udp, rotationFactor) => {
        const settings =
          rotationFactor === undefined ? {} : { augment: { ...augment, rotationFactor } };
        const { augment: _, ...plain } = rules;
        const all = { ...plain, ...settings, udp };
        const who = record(person);
        const rect = cropReach(all, who, picture);
        if (bytesOf(rect) < picture.width * picture.height * 3) smaller++;
        const part = { picture, rect, data: new Uint8Array(0) };
        for (let epoch = 0; epoch < 40; epoch++) {
          const sample = makeSample(all, who, picture.width, 0, epoch);
          // Half a body in a single point has no crop; such samples are decoded.
          if (sample.scale[0] === 0) continue;
          const m = sampleTransform(sample, inputSize, udp);
          assert.ok(holdsReads(part, m, inputSize, sample.flip), JSON.stringify({ rect, sample }));
        }
      },
    ),
    { seed: 12, numRuns: 500 },
  );
  assert.ok(smaller > 100, `${smaller} of 500`);
});

test('the picture is kept for all of its people where their parts are not smaller', () => {
  const small = record({
    center: [30, 30],
    scale: [0.03, 0.04],
    keypoints: Array(34).fill(30),
    visible: Array(17).fill(false),
  });
  const parts = partsToKeep(rules, [small, small], { width: 60, height: 60 });
  // Half sides 4.5 and 6 of the box at its largest; turned, 7.5 both ways; then 3 px and whole pixels.
  const rect = { left: 19, top: 19, right: 41, bottom: 41 };
  assert.deepEqual(parts, [
    { rect, people: [0] },
    { rect, people: [1] },
  ]);
  const crowd = partsToKeep(rules, Array(8).fill(small), { width: 60, height: 60 });
  const whole = { left: 0, top: 0, right: 60, bottom: 60 };
  assert.deepEqual(crowd, [{ rect: whole, people: [0, 1, 2, 3, 4, 5, 6, 7] }]);
});
