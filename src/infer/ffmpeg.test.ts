import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HrposeError } from '../errors.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import {
  clipFrame,
  clipSize,
  ffmpeg,
  readAll,
  steadyTimes,
  streamsOf,
  withoutFfmpeg,
  withTone,
  writeClip,
} from './clips.testing.ts';
import { findFfmpeg } from './ffmpeg.ts';
import { countFrames, VideoReader } from './ffmpegReader.ts';
import { VideoWriter } from './ffmpegWriter.ts';

const folder = temporaryFolder();
const place = (name: string) => join(folder, name);
const options = { skip: withoutFfmpeg };

const meanDifference = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;

test('frames come back from the file with their times, however uneven', options, async () => {
  const times = [0, 0.04, 0.08, 0.2, 0.21, 0.5, 1.001];
  const { frames, damage } = await readAll(await writeClip(place('uneven.mp4'), times));
  assert.equal(damage, undefined);
  assert.equal(frames.length, times.length);
  frames.forEach(({ index, time, image }, i) => {
    // Times are written in ticks of 1/60000 s.
    assert.ok(Math.abs(time - times[i]!) < 1e-4, `${time} for ${times[i]}`);
    assert.deepEqual([index, image.width, image.height], [i, clipSize.width, clipSize.height]);
    // What H.264 at this quality and half the resolution of colours leave: 1 to 2 of 255.
    assert.ok(meanDifference(image.data, clipFrame(i).data) < 4);
  });
});

test(
  'a clip may be read at a lower rate, and tells how many frames to expect',
  options,
  async () => {
    const source = await writeClip(place('steady.mp4'), steadyTimes(25));
    assert.equal(await countFrames({ source }), 25);
    assert.equal(await countFrames({ source, fps: 5 }), 5);
    assert.equal((await readAll(source, 5)).frames.length, 5);
    assert.equal(await countFrames({ source: place('none.mp4') }), undefined);
  },
);

test('odd sides are filled up with a row and a column', options, async () => {
  const file = place('odd.mp4');
  const writer = new VideoWriter(await findFfmpeg(), file, { width: 33, height: 21 });
  const image = { width: 33, height: 21, data: new Uint8Array(33 * 21 * 3).fill(128) };
  for (const time of steadyTimes(3)) await writer.write(image, time);
  await writer.finish(undefined);
  const { frames } = await readAll(file);
  assert.deepEqual([frames[0]!.image.width, frames[0]!.image.height], [34, 22]);
});

test(
  'a turned video comes upright, and pixels that are not square become so',
  options,
  async () => {
    const clip = await writeClip(place('flat.mp4'), steadyTimes(4));
    const [major] = (await findFfmpeg()).version.match(/\d+/) ?? ['5'];
    if (Number(major) >= 6)
      ffmpeg('-display_rotation', '90', '-i', clip, '-c', 'copy', place('turned.mp4'));
    else ffmpeg('-i', clip, '-c', 'copy', '-metadata:s:v', 'rotate=90', place('turned.mp4'));
    const { image } = (await readAll(place('turned.mp4'))).frames[0]!;
    assert.deepEqual([image.width, image.height], [clipSize.height, clipSize.width]);
    ffmpeg('-i', clip, '-vf', 'setsar=2', place('wide.mp4'));
    const wide = (await readAll(place('wide.mp4'))).frames[0]!.image;
    assert.deepEqual([wide.width, wide.height], [2 * clipSize.width, clipSize.height]);
  },
);

test(
  'the sound is copied, converted where MP4 does not take it, and not missed',
  options,
  async () => {
    const clip = await writeClip(place('mute.mp4'), steadyTimes(10));
    const outcome = async (source: string, name: string) => {
      const writer = new VideoWriter(await findFfmpeg(), place(name), clipSize);
      for (const [i, time] of steadyTimes(10).entries())
        await writer.write(clipFrame(i), time + 0.5);
      const sound = await writer.finish(source);
      return [sound, streamsOf(place(name)).length, (await readAll(place(name))).frames.length];
    };
    assert.deepEqual(await outcome(clip, 'none.mp4'), ['none', 1, 10]);
    assert.deepEqual(await outcome(withTone(clip, folder, 'a.mp4', 'aac'), 'b.mp4'), [
      'copied',
      2,
      10,
    ]);
    const pcm = withTone(clip, folder, 'p.mov', 'pcm_s16le');
    assert.deepEqual(await outcome(pcm, 'q.mp4'), ['converted', 2, 10]);
  },
);

test(
  'of a file that is cut off the beginning is read, and the damage is told',
  options,
  async () => {
    const clip = await writeClip(place('whole.mp4'), steadyTimes(50));
    const bytes = readFileSync(clip);
    writeFileSync(place('cut.mp4'), bytes.subarray(0, Math.floor(bytes.length * 0.7)));
    const { frames, damage } = await readAll(place('cut.mp4'));
    assert.ok(frames.length > 5 && frames.length < 50, `${frames.length}`);
    assert.ok(damage);
  },
);

test('what is no video is told, and so is a file that is not there', options, async () => {
  for (const [name, content] of [
    ['text.mp4', 'no video'],
    ['empty.mp4', ''],
    // A playlist must not make ffmpeg ask an address.
    ['list.m3u8', '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n'],
  ] as const) {
    writeFileSync(place(name), content);
    await assert.rejects(readAll(place(name)), (error: HrposeError) => error.exitCode === 3);
  }
  await assert.rejects(readAll(place('nothing.mp4')), /No such file/);
});

test('reading can be stopped at any frame, and writing given up', options, async () => {
  const clip = await writeClip(place('long.mp4'), steadyTimes(50));
  const reader = new VideoReader(await findFfmpeg(), { source: clip });
  const writer = new VideoWriter(await findFfmpeg(), place('given-up.mp4'), clipSize);
  let count = 0;
  for await (const { image, time } of reader.frames()) {
    await writer.write(image, time);
    if (++count === 5) break;
  }
  await reader.close();
  await writer.abort();
  assert.throws(() => readFileSync(place('given-up.mp4')));
});

test('a folder that cannot be written is told with what ffmpeg says', options, async () => {
  const writer = new VideoWriter(await findFfmpeg(), place('no/such/folder/x.mp4'), clipSize);
  const work = async () => {
    for (const time of steadyTimes(100)) await writer.write(clipFrame(0), time);
    await writer.finish(undefined);
  };
  await assert.rejects(work(), (error: HrposeError) => {
    return (
      error instanceof HrposeError && error.exitCode === 4 && /No such file/.test(error.message)
    );
  });
});
