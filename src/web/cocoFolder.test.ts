import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coco17 } from '../pose/skeletons.ts';
import { annotationFiles, type FolderFile, openDataset } from './cocoFolder.ts';

const keypoints = Array.from({ length: 17 }, (_, k) => [10 + k, 20 + k, 2]).flat();
const annotations = (names: readonly string[]) => ({
  images: names.map((file_name, i) => ({ id: i + 1, width: 100, height: 80, file_name })),
  annotations: names.map((_, i) => ({
    ...{ id: i + 1, image_id: i + 1, category_id: 1, iscrowd: 0, area: 900, num_keypoints: 17 },
    ...{ bbox: [5, 5, 40, 60], keypoints },
  })),
});

const file = (path: string, content: unknown = ''): FolderFile => ({
  path,
  open: async () => new Blob([typeof content === 'string' ? content : JSON.stringify(content)]),
});

const rules = { skeleton: coco17, inputSize: { width: 96, height: 128 } };

test('annotation files of keypoints come first', () => {
  const paths = [
    'a.json',
    'annotations/captions_val.json',
    'annotations/person_keypoints_val.json',
  ];
  const sorted = annotationFiles([...paths, 'x.jpg'].map((path) => file(path)));
  assert.deepEqual(
    sorted.map(({ path }) => path),
    paths.toReversed(),
  );
});

test('pictures are found by their names, in the folder that the split is named after', async () => {
  const json = file('annotations/person_keypoints_val.json', annotations(['1.jpg', '2.jpg']));
  const pictures = ['train/1.jpg', 'train/2.jpg', 'val/1.jpg', 'val/2.jpg'].map((p) => file(p));
  const { records, withoutPicture } = await openDataset([json, ...pictures], json, rules);
  assert.deepEqual(
    records.map(({ imageFile }) => imageFile),
    ['val/1.jpg', 'val/2.jpg'],
  );
  assert.equal(withoutPicture, 0);
});

test('people whose picture is not there are left out and counted', async () => {
  const json = file('a.json', annotations(['sub/1.jpg', 'sub/2.jpg']));
  const dataset = await openDataset([json, file('all/sub/2.jpg'), file('1.jpg')], json, rules);
  assert.deepEqual(
    dataset.records.map(({ imageFile }) => imageFile),
    ['all/sub/2.jpg'],
  );
  assert.equal(dataset.withoutPicture, 1);
});

test('a folder without the pictures, and annotations of no person, are errors that say what to do', async () => {
  const json = file('a.json', annotations(['1.jpg']));
  await assert.rejects(
    openDataset([json], json, rules),
    /none of their pictures is in the folder.*'1\.jpg'/,
  );
  const empty = file('a.json', annotations([]));
  await assert.rejects(openDataset([empty], empty, rules), /none of its 0 annotations/);
  const text = file('a.json', 'no JSON');
  await assert.rejects(openDataset([text], text, rules), /a\.json: expected an object/);
});
