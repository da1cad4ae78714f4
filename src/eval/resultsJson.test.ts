import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HrposeError } from '../errors.ts';
import { parseResults } from './groundTruth.ts';
import { formatResults, pythonFloat } from './resultsJson.ts';

test('floats are written as Python writes them', () => {
  const table: [number, string][] = [
    [0, '0.0'],
    [-0, '-0.0'],
    [380, '380.0'],
    [0.1, '0.1'],
    [Math.fround(0.2), '0.20000000298023224'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [0.000012345, '1.2345e-05'],
    [1.5e-10, '1.5e-10'],
    [-2e-7, '-2e-07'],
    [123456789012345.6, '123456789012345.6'],
    [2 ** 53, '9007199254740992.0'],
    [1e16, '1e+16'],
    [1.25e22, '1.25e+22'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
  ];
  for (const [x, text] of table) assert.equal(pythonFloat(x), text);
});

test('a float reads back as the same number', () => {
  const doubles = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(doubles, (x) => Object.is(Number(pythonFloat(x)), x)),
    { seed: 5, numRuns: 2000 },
  );
});

const result = {
  imageId: 785,
  keypoints: [1, 2.5, 0.75],
  score: 0.5,
  center: [390, 218] as const,
  scale: [0.00001, 2] as const,
};

test('the file has sorted keys and four spaces, one number a line', () => {
  // Written by json.dumps([...], sort_keys=True, indent=4) in Python 3.11.
  assert.equal(
    formatResults([result]),
    `[
    {
        "category_id": 1,
        "center": [
            390.0,
            218.0
        ],
        "image_id": 785,
        "keypoints": [
            1.0,
            2.5,
            0.75
        ],
        "scale": [
            1e-05,
            2.0
        ],
        "score": 0.5
    }
]`,
  );
  assert.equal(formatResults([]), '[]');
});

test('what is written can be read and scored', () => {
  const { imageId, keypoints, score } = result;
  const text = formatResults([result, { imageId, keypoints, score }]);
  assert.equal(text.match(/"center"/g)?.length, 1);
  const expected = { imageId, keypoints, score };
  assert.deepEqual(parseResults(JSON.parse(text), 'dt.json'), [expected, expected]);
});

test('a number that JSON cannot hold is refused, and its entry named', () => {
  const bad = { ...result, keypoints: [1, Number.NaN, 1] };
  assert.throws(
    () => formatResults([result, bad]),
    (error: Error) =>
      error instanceof HrposeError && /entry 1 \(image 785\): NaN/.test(error.message),
  );
});
