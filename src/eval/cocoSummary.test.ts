import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixed3, keypointTable, officialLines, paddleTable } from './cocoSummary.ts';

const stats = [0.5287, 0.9043, 0.501, -1, 0.622, 0.5833, 0.9167, 1, 0, 0.6857];

test("the ten lines are the official evaluator's, to the space", () => {
  assert.deepEqual(officialLines(stats), [
    ' Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets= 20 ] = 0.529',
    ' Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets= 20 ] = 0.904',
    ' Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets= 20 ] = 0.501',
    ' Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets= 20 ] = -1.000',
    ' Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets= 20 ] = 0.622',
    ' Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets= 20 ] = 0.583',
    ' Average Recall     (AR) @[ IoU=0.50      | area=   all | maxDets= 20 ] = 0.917',
    ' Average Recall     (AR) @[ IoU=0.75      | area=   all | maxDets= 20 ] = 1.000',
    ' Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets= 20 ] = 0.000',
    ' Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets= 20 ] = 0.686',
  ]);
});

test("the table is PaddleDetection's, with its spelling and its extra rule", () => {
  assert.deepEqual(paddleTable(stats), [
    '| AP | Ap .5 | AP .75 | AP (M) | AP (L) | AR | AR .5 | AR .75 | AR (M) | AR (L) |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
    '| 0.529 | 0.904 | 0.501 | -1.000 | 0.622 | 0.583 | 0.917 | 1.000 | 0.000 | 0.686 |',
  ]);
});

test('three decimals are rounded as Python rounds, ties to even', () => {
  const table: [number, string][] = [
    [1 / 16, '0.062'],
    [3 / 16, '0.188'],
    [5 / 16, '0.312'],
    [7 / 16, '0.438'],
    [0.0005, '0.001'],
    [0.5, '0.500'],
    [0.0625 + 1e-12, '0.063'],
    [-1, '-1.000'],
  ];
  for (const [x, text] of table) assert.equal(fixed3(x), text);
});

test('the table by keypoint has a line each and a dash where nothing was found', () => {
  const scores = [
    { ap: 0.5, error: 3.456, found: 12, labelled: 20 },
    { ap: -1, error: Number.NaN, found: 0, labelled: 0 },
  ];
  assert.deepEqual(keypointTable(['nose', 'left_shoulder'], scores), [
    'keypoint             AP  error px     found  labelled',
    'nose              0.500      3.46        12        20',
    'left_shoulder    -1.000         -         0         0',
  ]);
});
