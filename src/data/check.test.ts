// The check on the sample photos, which are sound, and on a small set with every fault there is.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { coco17, mpii16 } from '../pose/skeletons.ts';
import type { DatasetSettings, Settings } from '../train/settings.ts';
import type { ProblemKind } from './check/problems.ts';
import { checkDataset, formatReport } from './check.ts';

const shared =
  process.env.HRPOSE_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));
const sample = join(shared, 'data', 'coco-sample');
const needsSample = existsSync(sample) ? {} : { skip: `no sample photos at ${sample}` };

const coco = (folder: string, more: Partial<DatasetSettings> = {}): DatasetSettings => ({
  kind: 'coco',
  datasetDir: folder,
  imageDir: join(folder, 'images'),
  annoPath: join(folder, 'person_keypoints.json'),
  useGtBbox: true,
  imageThre: 0,
  pixelStd: 200,
  ...more,
});

/** The settings that a check looks at, as in hrnet_w32_384x288. */
function settingsFor(train: DatasetSettings, scored = train): Settings {
  const scoring = { useDark: true, darkKernel: 3, udp: false };
  const settings = {
    skeleton: coco17,
    inputSize: { width: 288, height: 384 },
    heatmapSize: { width: 72, height: 96 },
    target: { codec: 'standard', sigma: 2 },
    train: { dataset: train, udp: false },
    eval: { dataset: scored, ...scoring },
  };
  return settings as unknown as Settings;
}

const quick = { json: false, thorough: false, split: 'train' } as const;

test(
  'the sample photos are sound and score AP 1, also through the heatmaps',
  needsSample,
  async () => {
    const report = await checkDataset(settingsFor(coco(sample)), { ...quick, thorough: true });
    assert.ok(report.ok, formatReport(report));
    const { counts, selfScore } = report.splits[0]!;
    // 12 of the 14 people have keypoints; none of them is a crowd.
    assert.deepEqual(
      [counts.images, counts.annotations, counts.people, counts.unlabelled, counts.crowds],
      [4, 14, 12, 2, 0],
    );
    assert.equal(counts.picturesDecoded, 4);
    // The last recall level and precision are 1 up to the evaluator's epsilon of 2.2e-16.
    assert.ok(Math.abs(selfScore!.itself - 1) < 1e-12, `${selfScore!.itself}`);
    assert.ok(Math.abs(selfScore!.throughHeatmaps - 1) < 1e-12, `${selfScore!.throughHeatmaps}`);
  },
);

test('detections are counted by category and threshold', needsSample, async () => {
  const bboxFile = join(sample, 'person_detections.json');
  const people = async (imageThre: number) => {
    const set = coco(sample, { useGtBbox: false, bboxFile, imageThre });
    const report = await checkDataset(settingsFor(coco(sample), set), { ...quick, split: 'eval' });
    assert.ok(report.ok, formatReport(report));
    return [report.splits[0]!.counts.detections, report.splits[0]!.counts.people];
  };
  assert.deepEqual(await people(0), [118, 118]);
  assert.deepEqual(await people(0.5), [118, 18]);
});

interface Entry {
  [key: string]: unknown;
}

/** A person of 200 × 300 px with all keypoints labelled at different places. */
function person(id: number, more: Entry = {}): Entry {
  const keypoints = coco17.keypoints.flatMap((_, k) => [60 + 10 * k, 50 + ((k * 53) % 250), 2]);
  const box = { bbox: [50, 40, 200, 300], area: 40_000, iscrowd: 0, num_keypoints: 17 };
  return { id, image_id: 1, category_id: 1, ...box, keypoints, ...more };
}

const image = (id: number, more: Entry = {}): Entry => ({
  id,
  file_name: `${id}.png`,
  width: 400,
  height: 400,
  ...more,
});

interface Content {
  readonly images?: unknown[];
  readonly annotations?: unknown[];
  /** Instead of the JSON made from the two lists. */
  readonly text?: string;
  readonly detections?: unknown;
}

async function checkContent(
  { images = [image(1)], annotations = [person(1)], text, detections }: Content,
  split: 'train' | 'eval' | 'both' = 'train',
) {
  const folder = await mkdtemp(join(tmpdir(), 'hrpose-check-'));
  try {
    await mkdir(join(folder, 'images'));
    const canvas = { width: 400, height: 400, channels: 3, background: '#777' } as const;
    const png = await sharp({ create: canvas }).png().toBuffer();
    await writeFile(join(folder, 'images', '1.png'), png);
    await writeFile(join(folder, 'images', '2.png'), png.subarray(0, 200));
    const json = text ?? JSON.stringify({ images, annotations });
    await writeFile(join(folder, 'person_keypoints.json'), json);
    const bboxFile = join(folder, 'boxes.json');
    await writeFile(bboxFile, JSON.stringify(detections ?? []));
    const set = coco(folder, detections === undefined ? {} : { useGtBbox: false, bboxFile });
    return await checkDataset(settingsFor(coco(folder), set), { ...quick, split });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function kindsOf(content: Content, split?: 'train' | 'eval' | 'both') {
  const { ok, splits } = await checkContent(content, split);
  const problems = splits.flatMap((split) => split.problems);
  assert.equal(
    ok,
    problems.every(({ severity }) => severity === 'warning'),
  );
  return problems.map(({ kind }) => kind);
}

test('a sound set has no problem', async () => {
  assert.deepEqual(await kindsOf({}), []);
});

const half = person(2).keypoints as number[];
const faults: [string, Content, ProblemKind[]][] = [
  [
    'a missing picture',
    { images: [image(1), image(3)], annotations: [person(1, { image_id: 3 })] },
    ['missingPicture'],
  ],
  ['a missing picture of nobody', { images: [image(1), image(3)] }, ['missingUnused']],
  [
    'a picture that is cut off',
    { images: [image(1), image(2)], annotations: [person(1), person(2, { image_id: 2 })] },
    ['brokenPicture'],
  ],
  ['a picture of another size', { images: [image(1, { width: 401 })] }, ['pictureSize']],
  ['an image without a size', { images: [image(1), image(3, { width: null })] }, ['imageEntry']],
  ['an image that is no object', { images: [image(1), [1, [2]], 'x', null] }, ['imageEntry']],
  [
    'an image id twice',
    { images: [image(1), image(1, { file_name: '1.png' })] },
    ['repeatedImageId', 'repeatedFileName'],
  ],
  ['an id that is text', { annotations: [person(1), person(2, { id: '2' })] }, ['annotationEntry']],
  ['an annotation id twice', { annotations: [person(1), person(1)] }, ['repeatedAnnotationId']],
  ['an unknown image', { annotations: [person(1), person(2, { image_id: 77 })] }, ['unknownImage']],
  [
    'too few keypoints',
    { annotations: [person(1), person(2, { keypoints: half.slice(3) })] },
    ['keypointLength'],
  ],
  [
    'no keypoints',
    { annotations: [person(1), person(2, { keypoints: undefined })] },
    ['keypointLength'],
  ],
  [
    'text among keypoints',
    { annotations: [person(1), person(2, { keypoints: ['1', ...half.slice(1)] })] },
    ['keypointNumbers'],
  ],
  [
    'a visibility of 3',
    { annotations: [person(1, { keypoints: [...half.slice(0, -1), 3] })] },
    ['visibility'],
  ],
  ['a wrong num_keypoints', { annotations: [person(1, { num_keypoints: 16 })] }, ['keypointCount']],
  ['a negative box', { annotations: [person(1), person(2, { bbox: [0, 0, -1, 5] })] }, ['badBox']],
  [
    'a box of three numbers',
    { annotations: [person(1), person(2, { bbox: [0, 0, 5] })] },
    ['badBox'],
  ],
  ['no area', { annotations: [person(1), person(2, { area: 'large' })] }, ['badArea']],
  ['an area of 0', { annotations: [person(1), person(2, { area: 0 })] }, ['zeroArea']],
  [
    'a box outside of the picture',
    { annotations: [person(1), person(2, { bbox: [500, 40, 20, 30] })] },
    ['emptyBox', 'boxOutside'],
  ],
  [
    'a keypoint outside of the picture',
    { annotations: [person(1, { keypoints: [450, ...half.slice(1)] })] },
    // Its way through a heatmap that does not hold it costs AP, too.
    ['keypointOutside', 'coarseHeatmaps'],
  ],
  ['another category', { annotations: [person(1, { category_id: 18 })] }, ['category']],
  ['an annotation id of 0', { annotations: [person(0)] }, ['idZero']],
  ['nobody at all', { annotations: [] }, ['noPeople']],
  [
    'only crowds and people without keypoints',
    {
      annotations: [
        person(1, { iscrowd: 1 }),
        person(2, { keypoints: half.map(() => 0), num_keypoints: 0 }),
      ],
    },
    ['noPeople'],
  ],
  ['JSON that ends early', { text: '{"images": [' }, ['unreadable']],
  [
    'another kind of JSON',
    { text: '{"images": {}, "annotations": 3}' },
    ['unreadable', 'noPeople'],
  ],
];

for (const [what, content, kinds] of faults) {
  test(`${what} is reported as ${kinds.join(' and ')}`, async () => {
    assert.deepEqual(await kindsOf(content), kinds);
  });
}

test('every faulty entry is counted, the first few are named', async () => {
  const annotations = [
    person(1),
    ...Array.from({ length: 9 }, (_, i) => person(i + 2, { bbox: 7 })),
  ];
  const report = await checkContent({ annotations });
  const [problem] = report.splits[0]!.problems;
  assert.equal(problem!.count, 9);
  assert.deepEqual(problem!.examples.slice(0, 2), ['annotation 2: 7', 'annotation 3: 7']);
  const text = formatReport(report);
  assert.match(text, /error: boxes that are not four finite numbers .* \(9\)/);
  assert.match(text, /… 4 more/);
  assert.match(text, /1 kind of errors, 0 of warnings: mend the errors before training/);
});

test('faulty, unlisted and unlikely detections are told apart', async () => {
  const box = { image_id: 1, category_id: 1, bbox: [1, 2, 3, 4], score: 0.9, filename: '1.png' };
  const detections = [
    box,
    { ...box, bbox: [1, 2, 3] },
    { ...box, score: '0.5' },
    { ...box, image_id: 9 },
    { ...box, score: 7 },
    { ...box, category_id: 2 },
  ];
  const report = await checkContent({ detections }, 'eval');
  const found = report.splits[0]!.problems.map(({ kind, count }) => `${kind} ${count}`);
  assert.deepEqual(found, ['detectionEntry 2', 'unlistedDetection 1', 'detectionScore 1']);
  assert.deepEqual(report.splits[0]!.counts.people, 3);
  assert.deepEqual(await kindsOf({ detections: {} }, 'eval'), ['unreadable', 'noPeople']);
});

test('pictures that are trained and scored on are a warning', async () => {
  assert.deepEqual(await kindsOf({}, 'both'), ['sharedPicture']);
});

test('a set that is not there names the paths and the command that fetches it', async () => {
  const folder = join(tmpdir(), 'hrpose-no-such-set');
  const report = await checkDataset(settingsFor(coco(folder)), quick);
  const [problem] = report.splits[0]!.problems;
  assert.ok(!report.ok && problem!.kind === 'unreadable' && problem!.count === 2);
  assert.match(
    problem!.examples.join('\n'),
    /no annotation file at .*no-such-set[\s\S]*hrpose data download coco/,
  );
});

test('annotations in any order of keys and lists are read', async () => {
  const text = JSON.stringify({ annotations: [person(1)], info: { a: [{}] }, images: [image(1)] });
  assert.deepEqual(await kindsOf({ text: `\n${text}\n` }), []);
});

test('a folder of pictures without annotations is checked picture by picture', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hrpose-check-'));
  try {
    await mkdir(join(folder, 'images'));
    await writeFile(join(folder, 'images', 'a.jpg'), 'no picture');
    const set = coco(folder, { kind: 'images' });
    const [split] = (await checkDataset(settingsFor(set), quick)).splits;
    assert.deepEqual(
      split!.problems.map(({ kind }) => kind),
      ['brokenPicture'],
    );
    assert.equal(split!.counts.people, 1);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('MPII people are counted, and a file that cannot be used is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hrpose-check-'));
  try {
    await mkdir(join(folder, 'images'));
    const joints = Array.from({ length: 16 }, (_, k) => [10 + k, 20 + k]);
    const one = {
      image: '015.jpg',
      center: [30, 30],
      scale: 1,
      joints,
      joints_vis: Array(16).fill(1),
    };
    const annoPath = join(folder, 'train.json');
    const set = coco(folder, { kind: 'mpii', annoPath });
    const settings = { ...settingsFor(set), skeleton: mpii16 };
    await writeFile(annoPath, JSON.stringify([one]));
    const [sound] = (await checkDataset(settings, quick)).splits;
    assert.deepEqual([sound!.counts.people, sound!.counts.keypoints], [1, 16]);
    assert.deepEqual(
      sound!.problems.map(({ kind }) => kind),
      ['missingPicture'],
    );
    await writeFile(annoPath, JSON.stringify([{ ...one, joints: [[1, 2]] }]));
    const [faulty] = (await checkDataset(settings, quick)).splits;
    assert.match(faulty!.problems[0]!.examples[0]!, /person 0: expected 16 keypoints/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('the report is plain data', async () => {
  const report = await checkContent({});
  assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
  assert.match(formatReport(report), /truth against itself {4}AP 1\.0000/);
});
