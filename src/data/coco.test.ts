import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { writeLikeCoco } from '../../bench/likeCoco.ts';
import { HrposeError } from '../errors.ts';
import { parseGroundTruth } from '../eval/groundTruth.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { toGroundTruth, toRecords } from './annotationTable.ts';
import { scanAnnotations } from './coco.ts';
import { openSource } from './openInput.ts';

const folder = temporaryFolder();

const inputSize = { width: 288, height: 384 };
const zeros = Array(51).fill(0);
const point = [10, 20, 2, ...Array(48).fill(0)];
const image = { id: 7, width: 100, height: 80, file_name: 'seven.jpg' };
const person = {
  id: 1,
  image_id: 7,
  iscrowd: 0,
  area: 50,
  bbox: [10, 10, 30, 40],
  keypoints: point,
  num_keypoints: 1,
};

function write(value: unknown): string {
  const file = join(folder, 'case.json');
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
  return file;
}

const scan = (value: unknown) => scanAnnotations(openSource(write(value)), 17);
const inPictures = (name: string) => join('pictures', name);
const recordsOf = (annotations: unknown[], images: unknown[] = [image]) =>
  toRecords(scan({ images, annotations }), inPictures, inputSize, 200);

function refuses(value: unknown, ...parts: (string | RegExp)[]): void {
  const file = write(value);
  assert.throws(
    () => scanAnnotations(openSource(file), 17),
    (error) => {
      assert.ok(error instanceof HrposeError, String(error));
      assert.equal(error.exitCode, 3);
      for (const part of [file, ...parts]) assert.match(error.message, new RegExp(part));
      return true;
    },
  );
}

test('only labelled people who are no crowd and have an area and a box in the picture are kept', () => {
  const records = recordsOf([
    person,
    { ...person, id: 2, iscrowd: 1 },
    { ...person, id: 3, keypoints: zeros },
    { ...person, id: 4, area: 0 },
    { ...person, id: 5, bbox: [200, 10, 5, 5] },
    { ...person, id: 6, num_keypoints: 0 },
    { ...person, id: 7, keypoints: [0, 0, 1, ...zeros.slice(3)] },
  ]);
  assert.deepEqual(
    records.map((record) => record.annotationId),
    [1, 6, 7],
  );
  assert.equal(records[2].visible[0], 1);
  assert.deepEqual([...records[0].keypoints.slice(0, 4)], [10, 20, 0, 0]);
  assert.equal(records[0].imageFile, join('pictures', 'seven.jpg'));
});

test('a box that leaves the picture is cut to it, and every box loses a pixel', () => {
  const [record] = recordsOf([{ ...person, bbox: [-10, 60, 31, 60] }]);
  // x 0 … 30, y 60 … 79: 30 x 19, so the width rules and the height becomes 40.
  assert.deepEqual(record.center, [15, 69.5]);
  assert.deepEqual(record.scale, [Math.fround(0.1875), Math.fround(0.25)]);
});

test('records are in the order of the images, then of the file', () => {
  const images = [9, 3, 7].map((id) => ({ ...image, id, file_name: `${id}.jpg` }));
  const annotations = [7, 3, 9, 3, 7].map((id, i) => ({ ...person, id: i + 1, image_id: id }));
  assert.deepEqual(
    recordsOf(annotations, images).map((record) => record.annotationId),
    [3, 2, 4, 1, 5],
  );
});

test('the order of keys and of the two lists does not matter', () => {
  const turned = Object.fromEntries(Object.entries(person).reverse());
  assert.deepEqual(
    scan({ images: [image], annotations: [person] }),
    scan({ annotations: [turned], categories: [{ id: 1 }], images: [image] }),
  );
});

test('an annotation that cannot be used is named by its id', () => {
  const bad = (change: object) => ({
    images: [image],
    annotations: [{ ...person, id: 442619, ...change }],
  });
  refuses(bad({ keypoints: point.slice(3) }), 'annotation 442619', '48', '51');
  refuses(bad({ keypoints: [...point, 1] }), 'annotation 442619', '52', '51');
  refuses(bad({ keypoints: undefined }), 'annotation 442619', 'person_keypoints');
  refuses(bad({ bbox: [1, 2, 3] }), 'annotation 442619', 'bbox');
  refuses(bad({ area: undefined }), 'annotation 442619', 'area');
  refuses(bad({ image_id: 8 }), 'annotation 442619', 'image 8');
  refuses(bad({ image_id: 7.5 }), 'annotation 442619', 'image_id', '7.5');
  refuses({ images: [image, image], annotations: [] }, 'images', 'id 7', 'twice');
  refuses({ images: [image], annotations: [person, person] }, 'annotations', 'id 1', 'twice');
  refuses({ images: [{ ...image, width: 0 }], annotations: [] }, 'image 7', 'width');
  refuses(
    { images: [{ ...image, file_name: undefined }], annotations: [] },
    'image 7',
    'file_name',
  );
});

test('numbers that are not finite are refused with the annotation that has them', () => {
  const text = JSON.stringify({ images: [image], annotations: [person] });
  for (const word of ['NaN', 'Infinity', '1e999']) {
    refuses(text.replace('"keypoints":[10', `"keypoints":[${word}`), 'annotation 1', 'keypoints');
    refuses(text.replace('"bbox":[10', `"bbox":[${word}`), 'annotation 1', 'bbox');
    refuses(text.replace('"area":50', `"area":${word}`), 'annotation 1', 'area');
  }
});

test('a file cut in half is one error with the byte at which it ends', () => {
  const text = JSON.stringify({ images: [image], annotations: [person] });
  const half = text.length >> 1;
  refuses(text.slice(0, half), `byte ${half}`, 'incomplete', 'again');
});

test('a folder or a missing file in the place of annotations is named', () => {
  assert.throws(
    () => scanAnnotations(openSource(folder), 17),
    /hrpose-test-.*expected a file, got a folder/,
  );
  assert.throws(
    () => scanAnnotations(openSource(join(folder, 'none')), 17),
    /none: expected a file.*ENOENT/,
  );
});

test('numbers that float32 cannot hold keep all their digits', () => {
  const keypoints = [0.1, 1234567.89, 2, ...zeros.slice(3)];
  const table = scan({ images: [image], annotations: [{ ...person, keypoints }] });
  assert.ok(table.keypoints instanceof Float64Array);
  assert.equal(toGroundTruth(table).annotations[0].keypoints[1], 1234567.89);
  assert.ok(scan({ images: [image], annotations: [person] }).keypoints instanceof Float32Array);
});

test('the ground truth equals what the evaluator reads from the same file', () => {
  const file = join(folder, 'like.json');
  writeLikeCoco(file, {
    images: 40,
    annotations: 120,
    labelled: 70,
    polygonPoints: 9,
    share: 1,
    seed: 4,
  });
  const expected = parseGroundTruth(JSON.parse(readFileSync(file, 'utf8')), file);
  const got = toGroundTruth(scanAnnotations(openSource(file), 17));
  assert.deepEqual(got.images, expected.images);
  assert.deepEqual(
    got.annotations.map((a) => ({ ...a, keypoints: [...(a.keypoints as Float32Array)] })),
    expected.annotations,
  );
});

test('a file with a changed byte is read or refused, never anything else', () => {
  const text = JSON.stringify({ images: [image], annotations: [person, { ...person, id: 2 }] });
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.integer({ min: 32, max: 126 }), (at, code) => {
      const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
      try {
        toRecords(scan(changed), (name) => name, inputSize, 200);
      } catch (error) {
        assert.ok(error instanceof HrposeError, String(error));
      }
    }),
    { seed: 5, numRuns: 500 },
  );
});
