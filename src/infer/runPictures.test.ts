// `hrpose infer` from outside, with a tiny network.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { runProgram } from '../cli/program.testing.ts';
import { blobPicture, yoloxModel } from '../detect/redBlob.testing.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { demoConfig } from '../train/tinyRun.testing.ts';
import { noisePicture, writeTinyWeights } from './tinyModel.testing.ts';

const folder = temporaryFolder();
const weights = writeTinyWeights(join(folder, 'weights.safetensors'));
const options = ['trainsize=[64, 96]', 'hmsize=[16, 24]', 'HRNet.width=8', 'TopDownHRNet.width=8'];
const network = ['-c', demoConfig, '-o', ...options, `weights=${weights}`];

async function writeNoise(name: string, seed: number, width = 96, height = 80): Promise<string> {
  const file = join(folder, name);
  mkdirSync(join(file, '..'), { recursive: true });
  const { data } = noisePicture(width, height, seed);
  await sharp(data, { raw: { width, height, channels: 3 } }).toFile(file);
  return file;
}
await writeNoise('pictures/a/1.jpg', 1);
await writeNoise('pictures/a/2.png', 2);
await writeNoise('pictures/b/1.jpg', 3);
const all = join(folder, 'pictures/**/*.*');

const infer = (args: readonly string[], interruptOn?: RegExp) =>
  runProgram(['infer', ...args], {
    during(child, text) {
      let interrupted = false;
      child.stdout!.on('data', () => {
        if (!interrupted && interruptOn?.test(text())) interrupted = child.kill('SIGINT');
      });
    },
  });

const output = (name: string) => join(folder, 'out', name);
const readResults = (name: string) =>
  JSON.parse(readFileSync(join(output(name), 'keypoints.json'), 'utf8')) as {
    image_id: number;
    file_name: string;
    bbox: number[];
    keypoints: number[];
    score: number;
  }[];

test('pictures of several folders are drawn, written as JSON and shown on a sheet', async () => {
  const sheet = join(folder, 'sheet.png');
  const args = [...network, '--image', all, '--save-json', '--heatmaps', '--sheet', sheet];
  const { code, out, err } = await infer([...args, '--output', output('plain')]);
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /3 people in 3 pictures in .*people\/s/);
  const results = readResults('plain');
  assert.deepEqual(
    results.map(({ image_id, file_name }) => [image_id, file_name]),
    [
      [1, 'a/1.jpg'],
      [2, 'a/2.png'],
      [3, 'b/1.jpg'],
    ],
  );
  for (const { keypoints, bbox } of results) {
    assert.equal(keypoints.length, 51);
    assert.deepEqual(bbox, [0, 0, 96, 80]);
  }
  for (const name of ['a/1.jpg', 'a/2.png', 'b/1.jpg', 'heatmaps/a/1.jpg']) {
    const { width, height, format } = await sharp(join(output('plain'), name)).metadata();
    assert.deepEqual([width, height], [96, 80], name);
    assert.equal(format, name.endsWith('png') ? 'png' : 'jpeg');
  }
  assert.equal((await sharp(sheet).metadata()).format, 'png');
});

test('boxes of a COCO file are matched by name or number, and doubles are dropped', async () => {
  const boxes = join(folder, 'boxes.json');
  const person = { category_id: 1, bbox: [10, 5, 50, 70], score: 0.9 };
  writeFileSync(
    boxes,
    JSON.stringify([
      { ...person, file_name: 'a/1.jpg' },
      { ...person, file_name: 'a/1.jpg', score: 0.8 },
      { ...person, file_name: 'b/1.jpg', bbox: [20, 5, 30, 40] },
    ]),
  );
  const args = [...network, '--image', all, '--boxes', boxes, '--save-json', '--no-draw'];
  const unclear = await infer([...args, '--output', output('boxes')]);
  assert.equal(unclear.code, 3);
  assert.match(unclear.err, /image id 1: both/);
  const one = await infer([
    ...[...network, '--image', join(folder, 'pictures/a'), '--boxes', boxes],
    ...['--save-json', '--no-draw', '--output', output('boxes')],
  ]);
  assert.equal(one.code, 0);
  assert.match(one.err, /does not mention 1 of 2 pictures, '2.png'/);
  const results = readResults('boxes');
  assert.deepEqual(
    results.map(({ file_name, bbox }) => [file_name, bbox]),
    [['1.jpg', person.bbox]],
  );
  assert.deepEqual(readdirSync(output('boxes')), ['keypoints.json']);
});

test('a picture with more people than the batches in hand does not wait for others', async () => {
  const boxes = join(folder, 'crowd.json');
  const crowd = Array.from({ length: 11 }, (_, i) => ({
    file_name: 'a/1.jpg',
    bbox: [4 * i, 2 * i, 30, 40],
  }));
  writeFileSync(boxes, JSON.stringify(crowd));
  const { code, out } = await infer([
    ...[...network, '--image', join(folder, 'pictures/a/1.jpg'), '--boxes', boxes, '--no-draw'],
    ...['--batch', '2', '--output', output('crowd'), '--json'],
  ]);
  assert.equal(code, 0);
  assert.match(out, /"event":"infer"/);
});

test('a detector finds the person of a picture', async () => {
  const model = join(folder, 'detector.onnx');
  writeFileSync(model, yoloxModel(128, 80, false));
  const image = blobPicture(200, 150, [90, 40, 50, 80]);
  const raw = { width: 200, height: 150, channels: 3 } as const;
  await sharp(image.data, { raw }).toFile(join(folder, 'red.png'));
  const { code, err } = await infer([
    ...[...network, '--image', join(folder, 'red.png'), '--detector', model],
    ...['--save-json', '--output', output('detector')],
  ]);
  assert.deepEqual([code, err], [0, '']);
  const [person, ...others] = readResults('detector');
  assert.equal(others.length, 0);
  // The detector sees the picture at 0.64 of its size and counts whole pixels there.
  person!.bbox.forEach((value, i) => {
    assert.ok(Math.abs(value - [90, 40, 50, 80][i]!) <= 2, `${person!.bbox}`);
  });
});

test('a picture that cannot be read is named and left out; the others are finished; exit code 3', async () => {
  const broken = join(folder, 'mixed', 'broken.jpg');
  const good = await writeNoise('mixed/good.jpg', 5);
  writeFileSync(broken, readFileSync(good).subarray(0, 200));
  writeFileSync(join(folder, 'mixed', 'old.bmp'), 'BM');
  const args = [...network, '--image', join(folder, 'mixed'), '--output', output('mixed')];
  const { code, out, err } = await infer(args);
  assert.equal(code, 3);
  assert.match(out, /left out: .*broken\.jpg: expected a complete picture/);
  assert.match(out, /left out: .*old\.bmp: expected a JPEG/);
  assert.match(err, /^error: infer: 2 of 3 pictures could not be used/);
  assert.deepEqual(readdirSync(output('mixed')), ['good.jpg']);
});

test('--json tells every picture on a line, and the end', async () => {
  const args = [...network, '--image', join(folder, 'pictures/a'), '--output', output('json')];
  const { code, out } = await infer([...args, '--json', '--save-json']);
  assert.equal(code, 0);
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const pictures = events.filter(({ event }) => event === 'picture');
  assert.deepEqual(
    // In the order in which they are finished.
    pictures.map(({ file_name, people }) => [file_name, people.length]).sort(),
    [
      ['1.jpg', 1],
      ['2.png', 1],
    ],
  );
  const end = events.at(-1);
  assert.deepEqual([end.event, end.pictures, end.people, end.left_out], ['infer', 2, 2, 0]);
});

test("PaddleDetection's command line does the same", async () => {
  const { code, err } = await infer([
    ...[...network, '--infer_img', join(folder, 'pictures/a/1.jpg')],
    ...['--infer_dir', join(folder, 'nowhere'), '--output_dir', output('paddle')],
    ...['--draw_threshold', '0.3', '--save_results', 'True', '--visualize', 'False'],
  ]);
  assert.deepEqual([code, err], [0, '']);
  assert.deepEqual(readdirSync(output('paddle')), ['keypoints.json']);
});

test('Ctrl-C keeps what is done and ends with 130', async () => {
  const many = join(folder, 'many');
  for (let i = 0; i < 3; i++) await writeNoise(`many/${i}.png`, i, 400, 300);
  const { data } = noisePicture(400, 300, 9);
  const png = await sharp(data, { raw: { width: 400, height: 300, channels: 3 } })
    .png()
    .toBuffer();
  for (let i = 3; i < 400; i++) writeFileSync(join(many, `${i}.png`), png);
  const args = [...network, '--image', many, '--output', output('many'), '--json', '--save-json'];
  const { code, err, out } = await infer(args, /"event":"picture"/);
  assert.equal(code, 130, err);
  assert.match(err, /stopping after the people under way/);
  const told = out.split('\n').filter((line) => line.includes('"event":"picture"')).length;
  const results = readResults('many');
  assert.ok(results.length > 0 && results.length < 400, `${results.length} people`);
  assert.equal(results.length, told);
  assert.equal(readdirSync(output('many')).length, told + 1);
});

test('a picture is never written over, and usage errors come before any work', async () => {
  const folderA = join(folder, 'pictures/a');
  const before = readFileSync(join(folderA, '1.jpg'));
  const cases: [string[], number, RegExp][] = [
    [['--image', folderA, '--output', folderA], 2, /would be written over/],
    [['--image', folderA, '--sheet', join(folderA, '2.png')], 2, /would be written over/],
    [[], 2, /Name pictures or folders with '--image PATH'/],
    [['--image', join(folder, 'none')], 3, /no such file or folder/],
    [['--image', folderA, '--draw-threshold', '2'], 2, /from 0 to 1/],
  ];
  const outcomes = await Promise.all(cases.map(([args]) => infer([...network, ...args])));
  outcomes.forEach(({ code, err }, i) => {
    assert.equal(code, cases[i]![1], err);
    assert.match(err, cases[i]![2]);
  });
  assert.deepEqual(readFileSync(join(folderA, '1.jpg')), before);
});
