import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { found, groundTruthOf, person } from '../eval/cornerCases.testing.ts';
import { formatResults } from '../eval/resultsJson.ts';

const bin = fileURLToPath(new URL('../../bin/hrpose.js', import.meta.url));
let folder = '';
let gt = '';
let dt = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'hrpose-cocoeval-'));
  const { images, annotations } = groundTruthOf(2, [person(1, 50, 50, 100), person(2, 9, 9, 60)]);
  const people = annotations.map(({ id, imageId, numKeypoints, area, bbox, keypoints }) => ({
    id,
    image_id: imageId,
    category_id: 1,
    iscrowd: 0,
    num_keypoints: numKeypoints,
    area,
    bbox,
    keypoints,
  }));
  gt = file('gt.json', JSON.stringify({ images, annotations: people, categories: [{ id: 1 }] }));
  dt = file('dt.json', formatResults([found(1, 50, 50, 100, 0.9)]));
});
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

function cocoeval(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, 'cocoeval', ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('prints the ten lines, the table and a line for each keypoint', () => {
  const { status, stdout, stderr } = cocoeval('--gt', gt, '--dt', dt);
  assert.deepEqual([status, stderr], [0, '']);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 10 + 3 + 1 + 1 + 17);
  // One of two people found: 51 of 101 recall levels.
  assert.equal(
    lines[0],
    ' Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets= 20 ] = 0.505',
  );
  assert.match(lines[12], /^\| 0\.505 \| 0\.505 \|.* \| 0\.500 \|.*\|$/);
  assert.match(lines[15], /^nose +0\.505 +0\.00 +1 +2$/);
});

test('with --json prints one line with the ten numbers and the time', () => {
  const { status, stdout } = cocoeval('--gt', gt, '--dt', dt, '--json');
  assert.equal(status, 0);
  assert.equal(stdout.trimEnd().split('\n').length, 1);
  const { stats, seconds } = JSON.parse(stdout);
  assert.deepEqual(stats.slice(5), [0.5, 0.5, 0.5, 0, 1]);
  assert.ok(seconds > 0);
});

test('sigmas come from a list or from a skeleton file', () => {
  const sigmas = file('sigmas.json', JSON.stringify(Array(17).fill(0.05)));
  assert.match(cocoeval('--gt', gt, '--dt', dt, '--sigmas', sigmas).stdout, /^nose /m);
  const keypoints = Array.from({ length: 17 }, (_, k) => `point_${k}`);
  const oksSigmas = Array(17).fill(0.05);
  const skeleton = file(
    'skeleton.json',
    JSON.stringify({ name: 'own', keypoints, flipPairs: [], oksSigmas }),
  );
  assert.match(cocoeval('--gt', gt, '--dt', dt, '--sigmas', skeleton).stdout, /^point_16 /m);
  const short = file('short.json', '[0.1, 0.1]');
  const { status, stderr } = cocoeval('--gt', gt, '--dt', dt, '--sigmas', short);
  assert.deepEqual([status, /expected 6 keypoint numbers/.test(stderr)], [3, true]);
});

test('a file that cannot be scored ends in one clear error and exit code 3', () => {
  const text = readFileSync(dt, 'utf8');
  const cases: [string[], RegExp][] = [
    [['--gt', gt, '--dt', file('half.json', text.slice(0, text.length / 2))], /complete\?/],
    [['--gt', gt, '--dt', file('empty.json', '')], /empty\.json: expected JSON/],
    [['--gt', gt, '--dt', join(folder, 'none.json')], /none\.json: .*no such file/],
    [['--gt', folder, '--dt', dt], /cannot be read: it is a folder/],
    [
      ['--gt', gt, '--dt', dt, '--sigmas', file('no-sigmas.json', '[]')],
      /no-sigmas\.json: expected OKS sigmas, one a keypoint, got an empty list/,
    ],
    [['--gt', dt, '--dt', dt], /dt\.json: expected COCO annotations, an object/],
    [['--gt', gt, '--dt', gt], /gt\.json: expected a list of results/],
    [
      ['--gt', gt, '--dt', file('nan.json', text.replace('50.0', 'NaN'))],
      /result 0 \(image 1\): keypoints\[\d+\]: expected a finite number, got "NaN"/,
    ],
    [
      ['--gt', gt, '--dt', file('other.json', text.replace('"image_id": 1', '"image_id": 7'))],
      /entry 0 \(image 7\): the ground truth has no such image/,
    ],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = cocoeval(...args);
    assert.equal(status, 3, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  }
});

test('a missing option is a usage error', () => {
  assert.equal(cocoeval('--gt', gt).status, 2);
});
