// Short clips for tests, made by ffmpeg from drawn frames. Used by tests only.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { blobPicture } from '../detect/redBlob.testing.ts';
import { findFfmpeg } from './ffmpeg.ts';
import { type VideoFrame, VideoReader } from './ffmpegReader.ts';
import { VideoWriter } from './ffmpegWriter.ts';

/** Why tests that need ffmpeg are skipped; false where they are not. */
export const withoutFfmpeg: string | false =
  spawnSync('ffmpeg', ['-version']).error || spawnSync('ffprobe', ['-version']).error
    ? 'ffmpeg is not installed'
    : false;

export const clipSize = { width: 160, height: 96 };

/** The red rectangle of frame `index`, which moves to the right. */
export const redAt = (index: number) => [20 + 3 * index, 20, 24, 50] as const;

export const clipFrame = (index: number) =>
  blobPicture(clipSize.width, clipSize.height, redAt(index));

/** A clip with a frame at each of `times`, s. */
export async function writeClip(file: string, times: readonly number[]): Promise<string> {
  const writer = new VideoWriter(await findFfmpeg(), file, clipSize);
  for (const [index, time] of times.entries()) await writer.write(clipFrame(index), time);
  await writer.finish(undefined);
  return file;
}

export const steadyTimes = (frames: number, rate = 25) =>
  Array.from({ length: frames }, (_, i) => i / rate);

export function ffmpeg(...args: string[]): void {
  const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-y', ...args]);
  if (status !== 0) throw new Error(`ffmpeg ${args.join(' ')}: ${stderr}`);
}

/** The clip with a tone beside it, and its moving picture copied. */
export function withTone(clip: string, folder: string, name: string, codec: string): string {
  const file = join(folder, name);
  const tone = ['-f', 'lavfi', '-i', 'sine=440', '-shortest', '-c:v', 'copy', '-c:a', codec];
  ffmpeg('-i', clip, ...tone, file);
  return file;
}

export async function readAll(source: string, fps?: number) {
  const options = fps === undefined ? { source } : { source, fps };
  const reader = new VideoReader(await findFfmpeg(), options);
  const frames: VideoFrame[] = [];
  for await (const frame of reader.frames()) frames.push(frame);
  await reader.close();
  return { frames, damage: reader.damage };
}

/** Codec names of a file's streams. */
export function streamsOf(file: string): string[] {
  const args = ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', file];
  return spawnSync('ffprobe', args).stdout.toString().trim().split(/\s+/);
}
