import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { readBoxFile, readImageList } from './boxFile.ts';
import { prepareJobs } from './peopleFinder.ts';

const folder = temporaryFolder();
let count = 0;
function fileOf(content: unknown): string {
  const file = join(folder, `${count++}.json`);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const entry = (image_id: number, score: number, more: object = {}) => ({
  image_id,
  category_id: 1,
  bbox: [1, 2, 3, 4],
  score,
  ...more,
});

test('a list of detections gives people by image id, above the threshold', () => {
  const file = fileOf([
    entry(7, 0.9),
    entry(7, 0.5),
    entry(7, 0.49),
    entry(8, 0.1),
    entry(7, 0.9, { category_id: 2 }),
    entry(7, 1, { bbox: [1, 2, 0, 4] }),
  ]);
  const boxes = readBoxFile(file, 0.5);
  assert.deepEqual(
    boxes.boxesOf('x/7.jpg', 7)?.map(({ score }) => score),
    [0.9, 0.5],
  );
  assert.deepEqual(boxes.boxesOf('8.jpg', 8), [], 'mentioned, though nobody is left');
  assert.equal(boxes.boxesOf('9.jpg', 9), undefined);
  assert.deepEqual([boxes.count, boxes.empty], [2, 1]);
});

test('entries with a file name belong to the picture whose path ends in it', () => {
  const boxes = readBoxFile(
    fileOf([{ file_name: 'a/1.jpg', bbox: [0, 0, 5, 5] }, entry(3, 0.8, { filename: 'b/1.jpg' })]),
    0.5,
  );
  assert.deepEqual(boxes.boxesOf('/x/a/1.jpg', 1), [{ box: [0, 0, 5, 5], score: 1 }]);
  assert.equal(boxes.boxesOf('/x/b/1.jpg', 1)?.[0]?.score, 0.8);
  assert.equal(boxes.boxesOf('/x/ca/1.jpg', 1), undefined, 'ca is not a');
});

test('an annotation file names its pictures itself; crowds are no person', () => {
  const file = fileOf({
    info: { anything: [1, { deep: null }] },
    annotations: [
      { image_id: 5, category_id: 1, bbox: [1, 1, 9, 9], iscrowd: 0, keypoints: [1, 2, 2] },
      { image_id: 5, category_id: 1, bbox: [1, 1, 9, 9], iscrowd: 1 },
    ],
    images: [{ id: 5, file_name: 'harbour.jpg', width: 4 }],
  });
  const boxes = readBoxFile(file, 0.5);
  assert.equal(boxes.images.idOf('/pictures/harbour.jpg'), 5);
  assert.equal(boxes.boxesOf('/pictures/harbour.jpg', 5)?.length, 1);
  assert.equal(readImageList(file).idOf('harbour.jpg'), 5);
});

test('a file that is not what it should be is refused with the entry', () => {
  const cases: [unknown, RegExp][] = [
    [[{ image_id: 1, bbox: [1, 2, 3] }], /entry 0: expected four finite numbers/],
    [[entry(1, 1), { image_id: 1, bbox: [1, 2, -3, 4] }], /entry 1: the box has a negative size/],
    [[{ bbox: [1, 2, 3, 4] }], /entry 0: expected a whole number in 'image_id', or a 'file_name'/],
    [[{ image_id: 1.5, bbox: [1, 2, 3, 4] }], /got 1.5/],
    ['[{"image_id": 1, "bbox": [1, 2, 3, 4], "score": NaN}]', /'score', got NaN/],
    ['[{"image_id": 1, "bbox": [1, 2, 3, 4]', /incomplete/],
    [{ images: [{ id: 1 }] }, /images\[0\]/],
    ['"text"', /expected/],
  ];
  for (const [content, message] of cases)
    assert.throws(() => readBoxFile(fileOf(content), 0), { exitCode: 3, message });
});

test('pictures that a box file does not know are told, and none at all is an error', async () => {
  const boxes = fileOf([entry(1, 0.9)]);
  const flags = { boxes, boxThreshold: 0.5 };
  const { notes, jobs, findPeople } = await prepareJobs(['1.jpg', '2.jpg'], flags);
  assert.match(notes.join(), /does not mention 1 of 2 pictures, '2.jpg' for one/);
  const picture = { width: 1, height: 1, data: new Uint8Array(3) };
  assert.equal((await findPeople(jobs[0]!, picture))?.length, 1);
  assert.deepEqual(await findPeople(jobs[1]!, picture), []);
  // 'x' is no number. In results it is image 1, but the boxes of image 1 are not its own.
  await assert.rejects(prepareJobs(['x.jpg'], flags), {
    exitCode: 3,
    message: /mentions none of the 1 pictures.*--image-list/,
  });
  await assert.rejects(prepareJobs(['1.jpg'], { ...flags, detector: 'x.onnx' }), { exitCode: 2 });
});
