import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HrposeError } from '../errors.ts';
import { evaluateKeypoints } from './cocoEval.ts';
import { parseGroundTruth, parseResults } from './groundTruth.ts';

type Fields = Record<string, unknown>;

const image = { id: 4, width: 640, height: 480, file_name: 'a.jpg' };
const annotation = {
  id: 9,
  image_id: 4,
  category_id: 1,
  iscrowd: 0,
  num_keypoints: 1,
  area: 100,
  bbox: [1, 2, 3, 4],
  keypoints: [5, 6, 2, 0, 0, 0],
};
const file = { images: [image], annotations: [annotation], categories: [{ id: 1 }] };
const result = { image_id: 4, category_id: 1, keypoints: [5, 6, 0.5, 1, 1, 0.1], score: 0.7 };

test('a file is read field by field', () => {
  const { images, annotations, categoryId } = parseGroundTruth(file, 'gt.json');
  assert.deepEqual(images, [{ id: 4, width: 640, height: 480, fileName: 'a.jpg' }]);
  const { id, image_id: imageId, area, bbox, keypoints } = annotation;
  assert.deepEqual(annotations, [
    { id, imageId, iscrowd: false, numKeypoints: 1, area, bbox, keypoints },
  ]);
  assert.equal(categoryId, 1);
});

test('what may be left out has its plain meaning', () => {
  const { iscrowd: _, num_keypoints: __, category_id: ___, ...rest } = annotation;
  const { images, annotations } = parseGroundTruth(
    { images: [{ id: 4 }], annotations: [rest] },
    'gt.json',
  );
  assert.deepEqual(images, [{ id: 4, width: 0, height: 0, fileName: '' }]);
  assert.deepEqual([annotations[0].iscrowd, annotations[0].numKeypoints], [false, 1]);
});

test('people and results of another category are left out', () => {
  const dog = { ...annotation, id: 10, category_id: 18, keypoints: undefined };
  const gt = parseGroundTruth({ ...file, annotations: [dog, annotation] }, 'gt.json');
  assert.equal(gt.annotations.length, 1);
  assert.equal(parseResults([result, { ...result, category_id: 18 }], 'dt.json').length, 1);
  assert.equal(parseResults([result, { ...result, category_id: 18 }], 'dt.json', 18).length, 1);
});

const withAnnotation = (changes: Fields) => ({
  ...file,
  annotations: [{ ...annotation, ...changes }],
});
const brokenTruth: [string, unknown, RegExp][] = [
  ['is a result list', [result], /expected COCO annotations, an object, got a list of 1/],
  ['has no images', { annotations: [] }, /expected a list 'images', got nothing/],
  ['has no annotations', { images: [] }, /expected a list 'annotations'/],
  ['has many categories', { ...file, categories: [{ id: 1 }, { id: 2 }] }, /one category, got 2/],
  ['has an image id as text', { ...file, images: [{ id: '4' }] }, /image 0: id: .*got "4"/],
  ['has an image twice', { ...file, images: [image, image] }, /images: id 4 stands there twice/],
  ['has an annotation twice', { ...file, annotations: [annotation, annotation] }, /id 9 .*twice/],
  ['has boxes alone', withAnnotation({ keypoints: undefined }), /annotation 0 \(image 4\): keypoi/],
  ['has half a keypoint', withAnnotation({ keypoints: [1, 2] }), /three numbers a keypoint, got 2/],
  ['has a wrong box', withAnnotation({ bbox: [1, 2, 3] }), /bbox: expected \[x, y, w, h\]/],
  ['has a null area', withAnnotation({ area: null }), /area: expected a finite number, got null/],
  ['has a null keypoint', withAnnotation({ keypoints: [1, null, 2] }), /keypoints\[1\].*got null/],
  [
    'mixes skeletons',
    { ...file, annotations: [annotation, { ...annotation, id: 10, keypoints: [1, 2, 2] }] },
    /annotation id 10 has 3 keypoint numbers, the first annotation has 6/,
  ],
];
for (const [name, json, message] of brokenTruth) {
  test(`ground truth that ${name} is refused with a message that says so`, () => {
    refuses(() => parseGroundTruth(json, 'gt.json'), message, 'gt.json');
  });
}

const brokenResults: [string, unknown, RegExp][] = [
  ['are ground truth', file, /expected a list of results, got an object/],
  ['have no image', [result, { ...result, image_id: undefined }], /result 1: image_id: .*nothing/],
  ['have no score', [{ ...result, score: undefined }], /result 0 \(image 4\): score: .*nothing/],
  [
    'have a score beyond numbers',
    [{ ...result, score: JSON.parse('1e999') }],
    /score: .*got Infinity/,
  ],
  ['have text for keypoints', [{ ...result, keypoints: 'many' }], /keypoints: .*got "many"/],
  ['have no category', [{ ...result, category_id: undefined }], /category_id: .*nothing/],
  ['hold numbers', [3], /result 0: expected an object, got 3/],
];
for (const [name, json, message] of brokenResults) {
  test(`results that ${name} are refused with a message that says so`, () => {
    refuses(() => parseResults(json, 'dt.json'), message, 'dt.json');
  });
}

function refuses(action: () => unknown, message: RegExp, where: string): void {
  assert.throws(action, (error: Error) => {
    assert.ok(error instanceof HrposeError && error.exitCode === 3, error.stack);
    assert.match(error.message, message);
    assert.ok(error.message.startsWith(`${where}: `), error.message);
    return true;
  });
}

test('whatever stands in place of one field ends in numbers or in one clear error', () => {
  const paths = (value: unknown, path: string[] = []): string[][] =>
    typeof value === 'object' && value !== null
      ? [path, ...Object.entries(value).flatMap(([key, v]) => paths(v, [...path, key]))]
      : [path];
  const both = { gt: file, dt: [result] };
  const cases = fc.record({
    path: fc.constantFrom(...paths(both).slice(1)),
    value: fc.jsonValue(),
  });
  fc.assert(
    fc.property(cases, ({ path, value }) => {
      const changed = structuredClone(both) as unknown as Fields;
      let place = changed;
      for (const key of path.slice(0, -1)) place = place[key] as Fields;
      place[path.at(-1) as string] = value;
      try {
        const gt = parseGroundTruth(changed.gt, 'gt.json');
        const dt = parseResults(changed.dt, 'dt.json', gt.categoryId);
        const { stats } = evaluateKeypoints(gt, dt, [0.1, 0.1]);
        // −1 stands for nobody to find.
        return stats.length === 10 && stats.every((x) => x === -1 || (x >= 0 && x <= 1));
      } catch (error) {
        return error instanceof HrposeError && error.exitCode === 3 && error.message.length < 400;
      }
    }),
    { seed: 11, numRuns: 3000 },
  );
});
