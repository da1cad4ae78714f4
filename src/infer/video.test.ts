import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import { type ProgramOptions, runProgram } from '../cli/program.testing.ts';
import { openDetector } from '../detect/detector.ts';
import { yoloxModel } from '../detect/redBlob.testing.ts';
import { packageRoot } from '../packageRoot.ts';
import { coco17 } from '../pose/skeletons.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { usualTracking } from '../track/tracker.ts';
import {
  ffmpeg,
  readAll,
  redAt,
  steadyTimes,
  streamsOf,
  withoutFfmpeg,
  withTone,
  writeClip,
} from './clips.testing.ts';
import { findFfmpeg } from './ffmpeg.ts';
import { VideoReader } from './ffmpegReader.ts';
import { VideoWriter } from './ffmpegWriter.ts';
import { PosePipeline } from './posePipeline.ts';
import { tinyModel, writeTinyWeights } from './tinyModel.testing.ts';
import { inferVideo } from './video.ts';
import type { VideoPeople } from './videoPeople.ts';
import type { FrameResult } from './videoResults.ts';

const folder = temporaryFolder();
const place = (name: string) => join(folder, name);
const options = { skip: withoutFfmpeg };
const backend = createDnnlBackend();
after(() => backend.close());

const frames = 14;
/** The network is not trained: what it finds has low scores and is nowhere near what it found before. */
const anybody = { birthScore: 0, matchOks: 0 };
const follow = { tracking: { ...usualTracking, ...anybody, oksSigmas: coco17.oksSigmas } };

async function infer(source: string, people: VideoPeople, output?: string) {
  const tools = await findFfmpeg();
  const pipeline = await PosePipeline.open({ backend, model: tinyModel, batch: 4, flip: false });
  const results: FrameResult[] = [];
  const done = await inferVideo({
    reader: new VideoReader(tools, { source }),
    pipeline,
    people,
    follow,
    ...(output && { openWriter: ({ image }) => new VideoWriter(tools, output, image) }),
    drawThreshold: 0,
    onFrame: async (result) => {
      results.push(result);
    },
    shouldStop: () => false,
  });
  await pipeline.close();
  return { done, results };
}

test('every frame is looked at, drawn and written in its turn', options, async () => {
  const source = await writeClip(place('whole.mp4'), steadyTimes(frames));
  const output = place('drawn.mp4');
  const { done, results } = await infer(source, { kind: 'whole' }, output);
  await done.writer!.finish(undefined);
  assert.deepEqual([done.frames, done.people, done.damage], [frames, frames, undefined]);
  results.forEach(({ frame, time, people }, i) => {
    assert.equal(frame, i);
    assert.ok(Math.abs(time - i / 25) < 1e-4);
    assert.deepEqual(people[0]!.box, [0, 0, 160, 96]);
  });
  const [before, drawn] = [await readAll(source), await readAll(output)];
  assert.equal(drawn.frames.length, frames);
  assert.ok(Math.abs(drawn.frames.at(-1)!.time - before.frames.at(-1)!.time) < 1e-4);
  assert.notDeepEqual(drawn.frames[3]!.image.data, before.frames[3]!.image.data);
});

test(
  'a detector that runs on every third frame hands over to the people followed',
  options,
  async () => {
    const source = await writeClip(place('found.mp4'), steadyTimes(frames));
    writeFileSync(place('yolox.onnx'), yoloxModel(128, 1, false));
    const yolox = await openDetector(place('yolox.onnx'));
    let calls = 0;
    const detector = {
      detect: (...args: Parameters<typeof yolox.detect>) => {
        calls++;
        return yolox.detect(...args);
      },
    };
    const { done, results } = await infer(source, { kind: 'detector', detector, every: 3 });
    await yolox.close();
    assert.equal(calls, Math.ceil(frames / 3));
    assert.deepEqual([done.people, done.tracks], [frames, 1]);
    results.forEach(({ people: [person] }, i) => {
      assert.equal(person!.id, 1);
      // The detector sees whole pixels of an input 1.25 times coarser, of a compressed picture.
      if (i % 3 === 0) {
        const red = redAt(i);
        person!.box.forEach((value, j) => {
          assert.ok(Math.abs(value - red[j]!) < 3, `frame ${i}: [${person!.box}] for [${red}]`);
        });
      }
    });
  },
);

const hrpose = (args: readonly string[], options: ProgramOptions = {}) =>
  runProgram(['infer', ...args], { ...options, timeout: 30_000, killSignal: 'SIGKILL' });

const weights = writeTinyWeights(place('tiny.safetensors'));
const small = ['trainsize=[64, 96]', 'hmsize=[16, 24]', 'HRNet.width=8', 'TopDownHRNet.width=8'];
const config = ['-c', join(packageRoot, 'configs/demo.yml'), '-o', ...small, `weights=${weights}`];
const network = [...config, '--search', 'off', '--batch', '2'];

test('the command takes boxes by frame number and keeps the sound', options, async () => {
  const clip = await writeClip(place('clip.mp4'), steadyTimes(4));
  const source = withTone(clip, folder, 'tone.mp4', 'aac');
  const boxes = [0, 2, 3].map((image_id) => ({
    image_id,
    category_id: 1,
    bbox: redAt(image_id),
    score: 0.8,
  }));
  writeFileSync(place('boxes.json'), JSON.stringify(boxes));
  const where = ['--video', source, '--boxes', place('boxes.json'), '--output', place('out')];
  const { code, out, err } = await hrpose([...network, ...where, '--save-json']);
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /3 poses in 4 frames/);
  const lines = readFileSync(place('out/tone.jsonl'), 'utf8').trim().split('\n');
  const counts = lines.map((line) => JSON.parse(line).people.length);
  assert.deepEqual(counts, [1, 0, 1, 1]);
  assert.equal(streamsOf(place('out/tone.mp4')).length, 2);
});

test('Ctrl-C ends a video from standard input with a file that plays', options, async () => {
  const clip = await writeClip(place('stream.mp4'), steadyTimes(40));
  ffmpeg('-i', clip, '-c', 'copy', place('stream.mkv'));
  const args = [...network, '--video', '-', '--json', '--output', place('cut-short')];
  const during: ProgramOptions['during'] = (child, text) => {
    child.stdin!.write(readFileSync(place('stream.mkv'))); // And stays open.
    const look = setInterval(() => {
      if (!text().includes('"frame":1,')) return;
      clearInterval(look);
      child.kill('SIGINT');
    }, 20);
    child.on('close', () => clearInterval(look));
  };
  const { code, out, err } = await hrpose(args, { during });
  assert.equal(code, 130, err);
  assert.match(err, /what was done is written/);
  const told = out.split('\n').filter((line) => line.startsWith('{"event":"frame"'));
  assert.equal((await readAll(place('cut-short/video.mp4'))).frames.length, told.length);
});

test('a damaged video ends with exit code 3 and what could be read', options, async () => {
  const clip = await writeClip(place('long.mp4'), steadyTimes(50));
  const bytes = readFileSync(clip);
  writeFileSync(place('damaged.mp4'), bytes.subarray(0, Math.floor(bytes.length * 0.7)));
  const { code, err } = await hrpose([
    ...network,
    '--video',
    place('damaged.mp4'),
    '--output',
    place('d'),
    '--fps',
    '5',
  ]);
  assert.equal(code, 3);
  assert.match(err, /damaged or incomplete/);
  assert.ok((await readAll(place('d/damaged.mp4'))).frames.length > 2);
});

test('without ffmpeg the command says what to install', async () => {
  writeFileSync(place('any.mp4'), '');
  const env = { ...process.env, PATH: folder };
  const { code, err } = await hrpose([...network, '--video', place('any.mp4')], { env });
  assert.equal(code, 4);
  assert.match(err, /apt-get install ffmpeg/);
});

test('flags that do not go together are told before anything is read', async () => {
  for (const [args, message] of [
    [['--video', 'x.mp4', '--image', 'y.jpg'], /--image is for pictures/],
    [['--video', weights, '--detect-every', '3'], /needs a detector/],
    [['--video', weights, '--no-draw'], /nothing would be written/],
    [['--video', weights, '--fps', '0'], /--fps/],
  ] as const) {
    const { code, err } = await hrpose([...network, ...args]);
    assert.equal(code, 2, err);
    assert.match(err, message);
  }
});
