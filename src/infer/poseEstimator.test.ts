import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { HrposeError, PoseEstimator } from '../index.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { noisePicture, writeTinyWeights } from './tinyModel.testing.ts';

const folder = temporaryFolder();
const weights = writeTinyWeights(join(folder, 'weights.safetensors'));
const inputSize = { width: 64, height: 96 };
const picture = noisePicture(120, 90, 1);
const raw = { width: 120, height: 90, channels: 3 } as const;
const file = join(folder, 'photo.png');
await sharp(picture.data, { raw }).png().toFile(file);

test('the example of docs/api.md', async () => {
  const estimator = await PoseEstimator.load({ weights, inputSize });
  try {
    const [person] = await estimator.estimate(file, { boxes: [[20, 10, 60, 75]] });
    assert.deepEqual(person!.box, [20, 10, 60, 75]);
    const wrist = person!.keypoints.find(({ name }) => name === 'left_wrist')!;
    for (const value of [wrist.x, wrist.y, wrist.score, person!.score]) {
      assert.ok(Number.isFinite(value));
    }
    assert.deepEqual(
      person!.keypoints.map(({ name }) => name),
      [...estimator.skeleton.keypoints],
    );
  } finally {
    await estimator.close();
  }
});

test('a path, the bytes of a file and raw pixels give the same poses', async () => {
  const estimator = await PoseEstimator.load({ weights, inputSize, batch: 1 });
  const fromPath = await estimator.estimate(file);
  const bytes = await sharp(picture.data, { raw }).png().toBuffer();
  assert.deepEqual(await estimator.estimate(bytes), fromPath);
  assert.deepEqual(await estimator.estimate(picture), fromPath);
  assert.deepEqual(fromPath[0]!.box, [0, 0, 120, 90]);
  await estimator.close();
});

test('a photo taken sideways is turned upright, and so are its poses', async () => {
  const estimator = await PoseEstimator.load({ weights, inputSize, batch: 1 });
  const turned = await sharp(picture.data, { raw }).rotate(90).png().toBuffer();
  // Orientation 8: to be turned a quarter counter-clockwise for display.
  const sideways = await sharp(turned).withMetadata({ orientation: 8 }).png().toBuffer();
  assert.deepEqual(await estimator.estimate(sideways), await estimator.estimate(picture));
  await estimator.close();
});

test('calls that overlap are answered each with its own, in any number', async () => {
  const estimator = await PoseEstimator.load({ weights, inputSize, batch: 4 });
  const pictures = Array.from({ length: 30 }, (_, i) => noisePicture(100 + i, 80, i));
  const together = await Promise.all(pictures.map((p) => estimator.estimate(p)));
  for (const [i, poses] of together.entries()) {
    assert.deepEqual(
      poses.map(({ box }) => box),
      [[0, 0, 100 + i, 80]],
    );
  }
  const alone = await estimator.estimate(pictures[7]!);
  alone[0]!.keypoints.forEach(({ x, y }, k) => {
    const other = together[7]![0]!.keypoints[k]!;
    // Algorithms differ by batch size, so that sums are rounded in another order.
    assert.ok(Math.hypot(x - other.x, y - other.y) < 0.02);
  });
  await estimator.close();
});

test('a box may carry its score, which weighs the pose', async () => {
  const estimator = await PoseEstimator.load({ weights, inputSize, batch: 1 });
  const box = [10, 10, 50, 70] as const;
  const [sure] = await estimator.estimate(picture, { boxes: [box] });
  const [half] = await estimator.estimate(picture, { boxes: [{ box, score: 0.5 }] });
  assert.ok(sure!.score > 0);
  assert.equal(half!.score, sure!.score / 2);
  assert.deepEqual(await estimator.estimate(picture, { boxes: [] }), []);
  await estimator.close();
});

test('close() lets calls finish; later ones get a clear error', async () => {
  const estimator = await PoseEstimator.load({ weights, inputSize });
  const calls = Array.from({ length: 20 }, () => estimator.estimate(file));
  await estimator.close();
  assert.equal((await Promise.all(calls)).length, 20);
  await estimator[Symbol.asyncDispose]();
  await assert.rejects(estimator.estimate(file), { exitCode: 2, message: /after close\(\)/ });
});

test('wrong input is an HrposeError, and the estimator goes on', async () => {
  const estimator = await PoseEstimator.load({ weights, inputSize });
  await assert.rejects(estimator.estimate('nowhere.jpg'), { exitCode: 3, message: /nowhere\.jpg/ });
  await assert.rejects(estimator.estimate(Buffer.from('no picture')), HrposeError);
  await assert.rejects(estimator.estimate({ ...picture, height: 91 }), /120×91 RGB/);
  await assert.rejects(estimator.estimate({} as never), { exitCode: 3 });
  await assert.rejects(estimator.estimate(picture, { boxes: [[0, 0, -1, 4]] }), /box 0/);
  for (const options of [
    [[1, 2, 30, 40]],
    { boxes: 'all' },
    { boxes: [1, 2, 30, 40] },
    { boxes: [{ bbox: [1, 2, 30, 40] }] },
  ]) {
    const call = estimator.estimate(picture, options as never);
    await assert.rejects(call, { exitCode: 2, message: /expected .*\[x, y, width, height\]/ });
  }
  await assert.rejects(estimator.estimate(picture, { boxes: [['1', 2, 3, 4] as never] }), /box 0/);
  assert.equal((await estimator.estimate(picture)).length, 1);
  await estimator.close();
});

test('wrong options are refused before anything is prepared', async () => {
  const load = (more: object) => PoseEstimator.load({ weights, ...more });
  await assert.rejects(load({ batch: 0 }), { exitCode: 2, message: /batch/ });
  await assert.rejects(load({ threads: 1.5 }), { exitCode: 2, message: /threads/ });
  await assert.rejects(load({ device: 'tpu' }), { exitCode: 2, message: /device/ });
  await assert.rejects(load({ weights: undefined }), { exitCode: 2, message: /weights/ });
  await assert.rejects(load({ weights: 'nowhere' }), { exitCode: 3, message: /found no file/ });
  await assert.rejects(load({ inputSize: { width: 50, height: 70 } }), /multiples of 32/);
});
