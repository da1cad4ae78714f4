import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import type { PersonBox, Pose } from '../pose/estimate.ts';
import { wholePictureCrop } from '../pose/estimate.ts';
import { PosePipeline, type PosePipelineOptions } from './posePipeline.ts';
import { noisePicture, tinyModel } from './tinyModel.testing.ts';

const backend = createDnnlBackend();
after(() => backend.close());

const open = (options: Partial<PosePipelineOptions> = {}) =>
  PosePipeline.open({ backend, model: tinyModel, batch: 4, flip: false, ...options });

const box = (x: number, y: number, w: number, h: number): PersonBox => ({
  box: [x, y, w, h],
  score: 0.5,
});
const boxes = [
  box(10, 10, 40, 80),
  box(60, 5, 30, 90),
  box(20, 30, 100, 60),
  box(0, 0, 25, 25),
  box(80, 40, 50, 70),
];

/** Poses of one picture, each box alone in a batch. */
async function oneByOne(picture: ReturnType<typeof noisePicture>, people: readonly PersonBox[]) {
  const pipeline = await open({ batch: 1, eager: true });
  const poses: Pose[] = [];
  for (const person of people) poses.push(...(await pipeline.add(picture, [person])));
  await pipeline.close();
  return poses;
}

/** Algorithms differ by batch size, so that sums are rounded in another order. */
function assertNear(a: readonly Pose[], b: readonly Pose[]): void {
  assert.equal(a.length, b.length);
  a.forEach((pose, n) => {
    assert.deepEqual(pose.box, b[n]!.box);
    pose.keypoints.forEach((value, i) => {
      const other = b[n]!.keypoints[i]!;
      assert.ok(Math.abs(value - other) < 0.02, `pose ${n}, number ${i}: ${value} and ${other}`);
    });
  });
}

test('people of several pictures share batches, and every call gets its own in order', async () => {
  const pictures = [1, 2, 3].map((seed) => noisePicture(140, 110, seed));
  const pipeline = await open();
  const calls = pictures.map((picture) => pipeline.add(picture, boxes));
  assert.equal(pipeline.waiting, 15);
  await pipeline.flush();
  assert.equal(pipeline.waiting, 0);
  for (const [i, call] of calls.entries()) {
    assertNear(await call, await oneByOne(pictures[i]!, boxes));
  }
  await pipeline.close();
});

test('a batch that is not full waits for flush(), and does not when the pipeline is eager', async () => {
  const picture = noisePicture(100, 100, 1);
  const patient = await open();
  let done = false;
  const call = patient.add(picture, boxes.slice(0, 3)).then(() => {
    done = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(done, false);
  await patient.flush();
  await call;
  await patient.close();
  const eager = await open({ eager: true });
  assert.equal((await eager.add(picture, boxes.slice(0, 3))).length, 3);
  assert.deepEqual(await eager.add(picture, []), []);
  await eager.close();
});

test('without boxes the whole picture is one person, and all of it is seen', async () => {
  const tall = noisePicture(60, 150, 4);
  const pipeline = await open({ eager: true, keepHeatmaps: true });
  const [pose] = await pipeline.add(tall);
  assert.deepEqual(pose!.box, [0, 0, 60, 150]);
  assert.deepEqual([...pose!.crop.center], [30, 75]);
  // 150 px high in an input of 64×96: the crop is 100 px wide.
  assert.deepEqual(
    pose!.crop.scale.map((s) => Math.round(s * 200)),
    [100, 150],
  );
  assert.equal(pose!.heatmaps!.length, 17 * 24 * 16);
  await pipeline.close();
  // Spec A.4: 359×423 to 288×384 keeps the width, as PaddleDetection has it.
  const { scale } = wholePictureCrop({ width: 359, height: 423 }, { width: 288, height: 384 });
  assert.equal(scale[0], Math.fround(359 / 200));
});

test('the flip test gives the mirrored poses of the mirrored picture', async () => {
  const picture = noisePicture(100, 100, 2);
  const mirrored = { ...picture, data: new Uint8Array(picture.data.length) };
  for (let y = 0; y < 100; y++) {
    for (let x = 0; x < 100; x++) {
      const from = (y * 100 + 99 - x) * 3;
      mirrored.data.set(picture.data.subarray(from, from + 3), (y * 100 + x) * 3);
    }
  }
  // Unshifted heatmaps are symmetric: the crop's middle is the picture's, half a pixel aside.
  const model = { ...tinyModel, shiftHeatmap: false, useDark: false };
  const pipeline = await open({ model, flip: true, eager: true });
  const [straight] = await pipeline.add(picture);
  const [turned] = await pipeline.add(mirrored);
  await pipeline.close();
  const scores = (pose: Pose) => Array.from({ length: 17 }, (_, k) => pose.keypoints[3 * k + 2]!);
  const partner = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15];
  // The picture is sampled half a pixel beside itself, which smooths it a little otherwise.
  scores(straight!).forEach((score, k) => {
    const other = scores(turned!)[partner[k]!]!;
    assert.ok(
      Math.abs(score - other) < 0.15 * Math.max(1, Math.abs(score)),
      `${k}: ${score}, ${other}`,
    );
  });
});

test('wrong pictures and boxes are refused before anything runs', async () => {
  const pipeline = await open();
  const picture = noisePicture(20, 20, 1);
  await assert.rejects(pipeline.add({ ...picture, width: 21 }), {
    exitCode: 3,
    message: /21×20 RGB/,
  });
  await assert.rejects(pipeline.add(picture, [box(1, 1, 0, 5)]), { exitCode: 3, message: /box 0/ });
  await assert.rejects(pipeline.add(picture, [box(1, Number.NaN, 4, 5)]), { exitCode: 3 });
  assert.equal(pipeline.waiting, 0);
  await pipeline.close();
});

test('a network whose output is not finite is an error of everyone in the batch, and of nobody else', async () => {
  const weights = new Map(tinyModel.weights);
  weights.set('final_layer.bias', new Float32Array(17).fill(Number.NaN));
  const pipeline = await open({ model: { ...tinyModel, weights } });
  const calls = [pipeline.add(noisePicture(50, 50, 1)), pipeline.add(noisePicture(50, 50, 2))];
  const outcomes = Promise.allSettled(calls);
  await pipeline.flush();
  for (const outcome of await outcomes) {
    assert.equal(outcome.status, 'rejected');
    assert.equal((outcome as PromiseRejectedResult).reason.exitCode, 5);
  }
  await pipeline.close();
});

test('close() ends the batch that runs, and tells the others', async () => {
  const pipeline = await open({ batch: 2 });
  const picture = noisePicture(60, 60, 1);
  const call = assert.rejects(pipeline.add(picture, boxes.slice(0, 3)), /closed before/);
  await pipeline.close();
  await call;
  await pipeline.close();
  await assert.rejects(pipeline.add(picture), { exitCode: 2, message: /after close/ });
});
