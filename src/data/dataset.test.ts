import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { HrposeError } from '../errors.ts';
import { coco17, mpii16 } from '../pose/skeletons.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import type { DatasetSettings } from '../train/settings.ts';
import { loadDataset } from './dataset.ts';
import { createLoader } from './loader.ts';

const shared =
  process.env.HRPOSE_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));
const sample = join(shared, 'data', 'coco-sample');
const photos = existsSync(sample) ? {} : { skip: `${sample} is absent` };

const folder = temporaryFolder();

const inputSize = { width: 288, height: 384 };
const cocoSample: DatasetSettings = {
  kind: 'coco',
  datasetDir: sample,
  imageDir: join(sample, 'images'),
  annoPath: join(sample, 'person_keypoints.json'),
  bboxFile: join(sample, 'person_detections.json'),
  useGtBbox: true,
  imageThre: 0,
  pixelStd: 200,
};

const load = (settings: Partial<DatasetSettings>) =>
  loadDataset({ ...cocoSample, ...settings }, coco17, inputSize);

async function refuses(settings: Partial<DatasetSettings>, ...parts: string[]): Promise<void> {
  await assert.rejects(load(settings), (error) => {
    assert.ok(error instanceof HrposeError, String(error));
    assert.equal(error.exitCode, 3);
    for (const part of parts) assert.ok(error.message.includes(part), error.message);
    return true;
  });
}

function file(name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

// Annotation id, center x, y, scale w, h (spec A.4).
const people = [
  [442619, 389.640015, 217.570007, 1.620375037, 2.16050005],
  [198196, 124.934998, 197.804993, 1.085687518, 1.447583318],
  [230195, 327.285004, 215.664993, 0.869062483, 1.158749938],
  [460541, 332.095001, 224.119995, 1.40521872, 1.87362504],
  [488308, 579.22998, 155.865005, 0.525234401, 0.700312495],
  [1717641, 541.88501, 311.744995, 1.101437569, 1.468583345],
  [1724673, 50.825001, 115.129997, 0.445687503, 0.594250023],
  [437295, 250.104996, 222.535004, 1.383687496, 1.844916582],
  [467657, 324.109985, 143.824997, 0.771609426, 1.028812528],
  [531914, 589.52002, 159.990005, 1.042312503, 1.389750004],
  [533949, 505.394989, 278.934998, 1.660187483, 2.213583231],
  [543117, 45.049999, 153.285004, 1.026984334, 1.369312525],
];

test('twelve of the fourteen annotated people are kept, with exact boxes', photos, async () => {
  const { records, groundTruth, imageFiles } = await load({});
  assert.equal(groundTruth?.annotations.length, 14);
  assert.equal(imageFiles.length, 4);
  assert.deepEqual(
    records.map((record) => record.annotationId),
    people.map(([id]) => id),
  );
  records.forEach(({ center, scale }, i) => {
    // The printed values have nine decimals; float32 has fewer digits than that.
    const printed = [...center, ...scale].map((value, j) => value.toFixed(j < 2 ? 6 : 9));
    assert.deepEqual(
      printed,
      people[i].slice(1).map((value, j) => value.toFixed(j < 2 ? 6 : 9)),
    );
  });
  assert.deepEqual(records[0].center, [389.6400146484375, 217.57000732421875]);
  assert.deepEqual(records[0].scale, [1.6203750371932983, 2.1605000495910645]);
});

test('a photo comes through the loader as the published crop, to the byte', photos, async () => {
  const { records } = await load({});
  const loader = createLoader({
    records,
    skeleton: coco17,
    inputSize,
    workers: 1,
    udp: false,
    seed: 0,
  });
  const { value: batch } = await loader.batches([Int32Array.of(0)], 0).next();
  // Spec A.4, case A.
  const hash = createHash('sha256')
    .update(batch?.images ?? '')
    .digest('hex');
  assert.equal(hash.slice(0, 16), '4e1ed99e954e8e27');
  const expected = [123.8802, 70.6325, 130.101, 63.5231];
  // Four decimals are published.
  expected.forEach((x, i) => {
    assert.ok(Math.abs((batch?.keypoints[i] ?? 0) - x) < 1e-4);
  });
  await loader.close();
});

test('detections become samples by threshold, their boxes as they are', photos, async () => {
  const all = await load({ useGtBbox: false });
  assert.equal(all.records.length, 118);
  assert.equal(all.groundTruth?.annotations.length, 14);
  const [first] = all.records;
  assert.equal(basename(first.imageFile), '000000000785.jpg');
  assert.equal(first.center[0], Math.fround(277.1183158543966 + 225.09126579259754 / 2));
  assert.equal(first.annotationId, -1);
  assert.equal(first.score, 0.9999731779098511);
  assert.ok(first.keypoints.every((x) => x === 0) && first.visible.every((v) => v === 1));
  assert.equal((await load({ useGtBbox: false, imageThre: 0.5 })).records.length, 18);
});

test('detections of other categories are left out, and a file name of their own is used', async () => {
  const entry = { image_id: 5, category_id: 1, bbox: [0, 0, 30, 80], score: 0.5 };
  const annoPath = file('none.json', { images: [], annotations: [] });
  const bboxFile = file('boxes.json', [
    { ...entry, category_id: 3 },
    { ...entry, filename: 'own.png' },
    { ...entry, bbox: [-51, 0, 100, 80] },
  ]);
  const set = await load({ useGtBbox: false, imageDir: folder, annoPath, bboxFile });
  assert.deepEqual(
    set.records.map((record) => basename(record.imageFile)),
    ['own.png', '000000000005.jpg'],
  );
  assert.equal(set.groundTruth, undefined);
  // A center at x = -1 marks a box that is not padded: 100 wide, 400 / 3 high.
  assert.deepEqual(set.records[1].scale, [0.5, Math.fround(100 / 0.75 / 200)]);
});

test('bad detections are named by their place in the list', async () => {
  const entry = { image_id: 5, category_id: 1, bbox: [0, 0, 30, 80], score: 0.5 };
  const annoPath = file('none.json', { images: [], annotations: [] });
  const check = (bad: object, part: string) => {
    const bboxFile = file('bad.json', [entry, { ...entry, ...bad }]);
    return refuses(
      { useGtBbox: false, imageDir: folder, annoPath, bboxFile },
      bboxFile,
      'detection 1',
      part,
    );
  };
  await check({ bbox: [1, 2, 3] }, 'bbox');
  await check({ bbox: [1, 2, -3, 4] }, 'negative');
  await check({ score: undefined }, 'score');
  await check({ image_id: 1.5 }, 'image_id');
});

test('what is missing is named with its full path and a way to get it', async () => {
  const missing = join(folder, 'no', 'such');
  await refuses({ imageDir: missing }, resolve(missing), 'hrpose data download coco');
  const relative = 'no/such/person_keypoints.json';
  const advice = '-o TrainDataset.dataset_dir=';
  await refuses({ imageDir: folder, annoPath: relative }, resolve(relative), advice);
  const annoPath = file('none.json', { images: [], annotations: [] });
  await refuses({ imageDir: folder, annoPath }, annoPath, 'labelled person');
  const { bboxFile: _, ...noBoxes } = {
    ...cocoSample,
    useGtBbox: false,
    imageDir: folder,
    annoPath,
  };
  await assert.rejects(loadDataset(noBoxes, coco17, inputSize), /bbox_file/);
});

const mpiiPerson = {
  image: '015601864.jpg',
  center: [594, 257],
  scale: 3.021046,
  joints_vis: [0, ...Array(15).fill(1)],
};
const mpiiPoints = Array.from({ length: 16 }, (_, k) => [600 + k, 400.5 - k]);

const loadMpii = (list: unknown) =>
  loadDataset(
    { ...cocoSample, kind: 'mpii', imageDir: folder, annoPath: file('mpii.json', list) },
    mpii16,
    { width: 256, height: 256 },
  );

test('MPII people are read from either key, moved to 0-based pixels and padded', async () => {
  for (const key of ['joints', 'gt_joints']) {
    const { records, groundTruth } = await loadMpii([{ ...mpiiPerson, [key]: mpiiPoints }]);
    const [record] = records;
    assert.equal(groundTruth, undefined);
    assert.equal(record.imageId, 15601864);
    const scale = Math.fround(3.021046);
    assert.deepEqual(record.center, [
      593,
      Math.fround(Math.fround(257 + Math.fround(15 * scale)) - 1),
    ]);
    assert.deepEqual(record.scale, [Math.fround(scale * 1.25), Math.fround(scale * 1.25)]);
    assert.deepEqual([...record.keypoints.slice(0, 4)], [599, 399.5, 600, 398.5]);
    assert.deepEqual([...record.visible], mpiiPerson.joints_vis);
  }
});

test('an MPII person without a known center keeps its scale; one without keypoints has none', async () => {
  const { records } = await loadMpii([{ ...mpiiPerson, center: [-1, -1], joints_vis: undefined }]);
  assert.deepEqual(records[0].center, [-2, -2]);
  assert.deepEqual(records[0].scale, [Math.fround(3.021046), Math.fround(3.021046)]);
  assert.ok(records[0].visible.every((v) => v === 0));
});

test('bad MPII people are named by their place in the list', async () => {
  const check = (bad: object, part: RegExp) =>
    assert.rejects(
      loadMpii([
        { ...mpiiPerson, joints: mpiiPoints },
        { ...mpiiPerson, ...bad },
      ]),
      part,
    );
  await check({ joints: mpiiPoints.slice(1) }, /person 1: expected 16 keypoints, got 15/);
  await check({ scale: undefined }, /person 1: expected finite numbers/);
  await check({ joints: [[1], ...mpiiPoints.slice(1)] }, /person 1: expected finite numbers/);
  await check({ image: 'x/y.jpg' }, /person 1: expected digits/);
});

test('a folder of pictures is one person a picture, who fills it', async () => {
  const imageDir = join(folder, 'pictures');
  mkdirSync(imageDir);
  const grey = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: 'grey' } });
  await grey(40, 30).png().toFile(join(imageDir, 'b.png'));
  await grey(10, 20).jpeg().toFile(join(imageDir, 'a.JPG'));
  const { records } = await load({ kind: 'images', imageDir });
  assert.deepEqual(
    records.map(({ imageFile, center }) => [basename(imageFile), ...center]),
    [
      ['a.JPG', 5, 10],
      ['b.png', 20, 15],
    ],
  );
  writeFileSync(join(imageDir, 'c.jpg'), 'not a picture');
  await refuses({ kind: 'images', imageDir }, 'c.jpg');
});
