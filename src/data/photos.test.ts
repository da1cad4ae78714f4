// The image fixtures: real photos through decode, augmentation, warp and heatmaps, against numbers
// from OpenCV and libjpeg-turbo. The photos may not be redistributed, so they lie beside the project.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { affineTransform, sizeInPixels } from '../pose/affine.ts';
import { heatmapCodecs } from '../pose/codec/index.ts';
import { backProject, findPeaks } from '../pose/decode.ts';
import { normalizeImages } from '../pose/normalize.ts';
import { coco17 } from '../pose/skeletons.ts';
import { warpAffine } from '../pose/warp.ts';
import { augment, cropSample, plainSample, type Sample, usualAugment } from './augment.ts';
import { decodeImage } from './image.ts';
import type { PersonRecord } from './record.ts';
import type { Rng } from './rng.ts';

const shared =
  process.env.HRPOSE_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));
const folder = `${shared}/data/coco-sample`;
const skip = existsSync(folder) ? false : 'the COCO sample is not beside the project';
const photo = (name: string) => decodeImage(`${folder}/images/${name}.jpg`);
const hash = (data: Uint8Array) => createHash('sha256').update(data).digest('hex').slice(0, 16);

const input = { width: 288, height: 384 };
const heatmap = { width: 72, height: 96 };
const settings = usualAugment(coco17.upperBody);

/** Annotation 442619 with the centre and scale of its clean box. */
function person(): PersonRecord {
  const file = JSON.parse(readFileSync(`${folder}/person_keypoints.json`, 'utf8'));
  const { keypoints } = file.annotations.find((a: { id: number }) => a.id === 442619);
  const pick = (start: number) => (_: number, k: number) => keypoints[3 * k + start];
  const x = Array.from({ length: 17 }, pick(0));
  const y = Array.from({ length: 17 }, pick(1));
  return {
    imageFile: '',
    imageId: 785,
    annotationId: 442619,
    center: [389.6400146484375, 217.57000732421875],
    scale: [1.6203750371932983, 2.1605000495910645],
    keypoints: Float32Array.from(x.flatMap((value, k) => [value, y[k]])),
    visible: Float32Array.from({ length: 17 }, pick(2)).map((v) => Math.min(v, 1)),
    score: 1,
  };
}

/** Answers with the given numbers, one after the other. */
function given(...draws: number[]): Rng {
  const next = () => draws.shift() ?? assert.fail('one draw too many');
  return { uniform: next, normal: next, integer: next };
}

const augmented = (...draws: number[]) =>
  augment(person(), 640, given(...draws), settings, coco17, 0.75);

async function crop(sample: Sample) {
  const image = new Uint8Array(288 * 384 * 3);
  const keypoints = new Float32Array(34);
  cropSample(await photo('000000000785'), sample, input, false, image, keypoints);
  return { image, keypoints };
}

function channelSums(data: Uint8Array): number[] {
  const sums = [0, 0, 0];
  for (let i = 0; i < data.length; i++) sums[i % 3]! += data[i]!;
  return sums;
}

function assertNear(got: ArrayLike<number>, want: readonly number[], tolerance: number) {
  assert.equal(got.length, want.length);
  for (const [i, v] of want.entries()) {
    assert.ok(Math.abs(got[i]! - v) <= tolerance, `[${i}]: expected ${v}, got ${got[i]}`);
  }
}

function normalizedMeans(image: Uint8Array): number[] {
  const plane = 288 * 384;
  const out = new Float32Array(3 * plane);
  normalizeImages(image, 1, 384, 288, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], out);
  return [0, 1, 2].map(
    (c) => out.subarray(c * plane, (c + 1) * plane).reduce((sum, v) => sum + v, 0) / plane,
  );
}

/** The peaks of the encoded maps as [x, y] pairs, and the sum over all maps. */
function encodeCells(keypoints: Float32Array, visible: Float32Array) {
  const maps = new Float32Array(17 * 96 * 72);
  const weights = new Float32Array(17);
  heatmapCodecs.standard.encode(keypoints, visible, input, heatmap, 2, maps, weights);
  const { xy } = findPeaks(maps, [1, 17, 96, 72]);
  return { cells: [...xy], weights: [...weights], total: maps.reduce((sum, v) => sum + v, 0) };
}

test('four photos are decoded to the pixels of libjpeg-turbo', { skip }, async () => {
  const expected = [
    ['000000000785', 640, 425, [53923945, 52958681, 54131661], '1433c58c81eabef7', [217, 215, 218]],
    ['000000040083', 500, 333, [20895668, 20895668, 20895668], '68a9035373d0ab8b', [87, 87, 87]],
    ['000000196141', 640, 429, [29930019, 29599477, 23271264], '01904eef31378e7a', [182, 176, 126]],
    ['000000197388', 640, 392, [40301621, 42009714, 47088903], '15e8f4f71f5ad591', [15, 60, 145]],
  ] as const;
  for (const [name, width, height, sums, sha, pixel] of expected) {
    const image = await photo(name);
    assert.deepEqual([image.width, image.height], [width, height]);
    assert.deepEqual(channelSums(image.data), [...sums]);
    assert.equal(hash(image.data), sha);
    const at = (200 * width + 300) * 3;
    assert.deepEqual([...image.data.subarray(at, at + 3)], [...pixel]);
  }
});

test('three rotations of one person are warped to the bytes of OpenCV', { skip }, async () => {
  const image = await photo('000000000785');
  const { center, scale } = person();
  const out = new Uint8Array(288 * 384 * 3);
  for (const [rotation, sum] of [
    [0, 58191969],
    [30, 56488788],
    [-17.5, 56321643],
  ] as const) {
    warpAffine(
      image,
      affineTransform(center, sizeInPixels(scale), rotation, input),
      input,
      out,
      false,
    );
    assert.equal(
      out.reduce((total, v) => total + v, 0),
      sum,
      `rotation ${rotation}`,
    );
  }
});

// Keypoints are given to 4 decimals.
const keypointTolerance = 1e-4;

test('case A: a person without augmentation', { skip }, async () => {
  const sample = plainSample(person());
  const { image, keypoints } = await crop(sample);
  assert.deepEqual(channelSums(image), [19771138, 18962499, 19458332]);
  assert.equal(hash(image), '4e1ed99e954e8e27');
  // Means of 110,592 float32 values, summed in float64.
  assertNear(
    normalizedMeans(image),
    [0.943582359131765, 0.9660991210203697, 1.262170414269433],
    1e-6,
  );
  assertNear(
    keypoints,
    [
      123.8802, 70.6325, 130.101, 63.5231, 117.6594, 65.3004, 140.7652, 67.9665, 114.1047, 70.6325,
      152.3181, 94.627, 115.882, 113.2893, 182.5333, 124.8422, 100.7744, 139.9498, 196.7522,
      145.2819, 72.3366, 156.8348, 174.5351, 179.0519, 146.986, 188.8274, 178.9786, 259.9221,
      123.8802, 241.2597, 211.8598, 320.3525, 149.652, 301.6902,
    ],
    keypointTolerance,
  );
  const { cells, weights, total } = encodeCells(keypoints, sample.visible);
  assert.deepEqual(
    cells,
    [
      31, 18, 33, 16, 29, 16, 35, 17, 29, 18, 38, 24, 29, 28, 46, 31, 25, 35, 49, 36, 18, 39, 44,
      45, 37, 47, 45, 65, 31, 60, 53, 80, 37, 75,
    ],
  );
  assert.deepEqual(weights, Array(17).fill(1));
  // The expected sum is of exponentials that are one float32 unit off in places; 2873 of them.
  assertNear([total], [426.3819284435012], 5e-5);
});

test('case B: scale 1.25, rotation 30 degrees, mirrored', { skip }, async () => {
  // No half body; scale 1 + 0.5 · 0.5; rotation 40 · 0.75; flip.
  const sample = augmented(0.9, 0.5, 0.1, 0.75, 0.2);
  assert.deepEqual(sample.center, [249.3599853515625, 217.57000732421875]);
  assert.deepEqual(sample.scale, [2.0254688262939453, 2.700624942779541]);
  assert.equal(sample.rotation, 30);
  const { image, keypoints } = await crop(sample);
  assert.deepEqual(channelSums(image), [17192708, 16685181, 17094883]);
  assert.equal(hash(image), '6694acb384c64826');
  assertNear(
    normalizedMeans(image),
    [0.5443221791144794, 0.6055936853213097, 0.8896930777053446],
    1e-6,
  );
  assertNear(
    keypoints,
    [
      109.3924, 99.8662, 111.5695, 93.6837, 102.2387, 97.429, 116.1651, 95.956, 96.6277, 104.7731,
      131.9964, 126.2205, 99.2879, 127.8652, 153.1275, 138.6483, 90.4402, 160.885, 179.5838,
      138.9715, 88.765, 180.7337, 140.6622, 190.9963, 117.6654, 195.2433, 177.6433, 218.0802,
      146.935, 253.0492, 183.9602, 270.2564, 148.3263, 308.0692,
    ],
    keypointTolerance,
  );
  assert.deepEqual(
    encodeCells(keypoints, sample.visible).cells,
    [
      27, 25, 28, 23, 26, 24, 29, 24, 24, 26, 33, 32, 25, 32, 38, 35, 23, 40, 45, 35, 22, 45, 35,
      48, 29, 49, 44, 55, 37, 63, 46, 68, 37, 77,
    ],
  );
});

test('half body takes the upper or the lower keypoints of the person', { skip }, () => {
  // Draws: half body yes, which half, scale factor 1, no rotation, no flip.
  const upper = augmented(0.1, 0.4, 0, 0.9, 0.9);
  const lower = augmented(0.1, 0.6, 0, 0.9, 0.9);
  // A mean of 11 float32 values may be rounded in another order.
  assertNear(upper.center, [375.6363525390625, 115.36363983154297], 1e-4);
  assertNear(upper.scale, [1.0499999523162842, 1.399999976158142], 1e-7);
  assertNear(lower.center, [412.5, 281.1666564941406], 1e-4);
  assertNear(lower.scale, [0.8943749666213989, 1.1924999952316284], 1e-7);
});

test('keypoints through crop, cell and back are off by half a cell at most', { skip }, async () => {
  const record = person();
  const { keypoints } = await crop(plainSample(record));
  const { cells } = encodeCells(keypoints, record.visible);
  const decoded = { xy: Float64Array.from(cells), scores: new Float32Array(17) };
  const centers = Float32Array.from(record.center);
  const back = backProject(decoded, centers, Float32Array.from(record.scale), heatmap);
  const halfCell = (0.5 * record.scale[0] * 200) / 72;
  for (let i = 0; i < 34; i++) {
    // float32 positions of a few hundred pixels.
    const off = Math.abs(back[i]! - record.keypoints[i]!);
    assert.ok(off <= halfCell + 1e-4, `${i}: ${off} px, half a cell is ${halfCell} px`);
  }
});
