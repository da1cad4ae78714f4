// Frames into a video file: RGB with times through a pipe into ffmpeg's encoder, then the sound of
// the original beside it. The file appears under its name only when it is complete.
import type { ChildProcess } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Size } from '../data/record.ts';
import { environmentError } from '../errors.ts';
import type { RgbImage } from '../pose/warp.ts';
import { Complaints, ended, type Ffmpeg, fileUrl, onlyLocal, start } from './ffmpeg.ts';
import { matroskaFrameHeader, matroskaHeader } from './rawMatroska.ts';

/** Ticks a second: rates of 24, 25, 30, 50, 60 and their 1000/1001 are whole or half ticks; MPEG-4 allows 65535. */
const timeBase = '1:60000';

/** 4:2:0 wants even sides; colours as players expect them of a file that says nothing else. */
const filters = [
  'pad=ceil(iw/2)*2:ceil(ih/2)*2',
  'scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd',
  'format=yuv420p',
].join(',');
const colours = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709'];

export type Sound = 'copied' | 'converted' | 'left out' | 'none';

export class VideoWriter {
  readonly file: string;
  readonly #ffmpeg: Ffmpeg;
  readonly #partial: string;
  readonly #withSound: string;
  readonly #child: ChildProcess;
  readonly #end: Promise<number | string>;
  readonly #complaints = new Complaints();
  #firstTime: number | undefined;
  #lastTime = 0;
  /** s between the last two frames: how long the last one is shown. */
  #pause = 1 / 25;
  #closed = false;

  constructor(ffmpeg: Ffmpeg, file: string, size: Size) {
    this.file = file;
    this.#ffmpeg = ffmpeg;
    this.#partial = join(dirname(file), `.partial-${process.pid}.mp4`);
    this.#withSound = join(dirname(file), `.partial-${process.pid}-sound.mp4`);
    const { encoder, everyFrame } = ffmpeg;
    const args = [
      ...['-hide_banner', '-nostats', '-loglevel', 'level+warning', '-y'],
      ...['-f', 'matroska', '-i', 'pipe:0', '-map', '0:v', '-vf', filters],
      ...['-c:v', encoder.name, ...encoder.options, ...colours],
      ...[...everyFrame, '-enc_time_base', timeBase, '-video_track_timescale', '60000'],
      ...['-movflags', '+faststart', '-f', 'mp4', fileUrl(this.#partial)],
    ];
    this.#child = start('ffmpeg', args, ['pipe', 'ignore', 'pipe']);
    this.#child.stdin!.on('error', () => {}); // Told by write() and finish(), with ffmpeg's words.
    this.#child.stderr!.on('data', (chunk: Buffer) => this.#complaints.take(chunk));
    this.#end = ended(this.#child, 'ffmpeg');
    this.#end.catch(() => {});
    this.#child.stdin!.write(matroskaHeader(size));
  }

  /** time: s, rising. Returns when the encoder has room for the next frame; the pixels stay the caller's after that. */
  async write({ data }: RgbImage, time: number): Promise<void> {
    if (this.#firstTime !== undefined) this.#pause = time - this.#lastTime;
    this.#firstTime ??= time;
    this.#lastTime = time;
    const input = this.#child.stdin!;
    input.write(matroskaFrameHeader(time - this.#firstTime, data.length));
    await new Promise<void>((resolve, reject) => {
      input.write(data, (error) => (error ? reject(error) : resolve()));
    }).catch(async () => {
      throw this.#failed(await this.#end);
    });
  }

  /** Ends the file. soundFrom: the video whose sound belongs to it. */
  async finish(soundFrom: string | undefined): Promise<Sound> {
    this.#closed = true;
    this.#child.stdin!.end();
    const code = await this.#end;
    if (code !== 0) {
      await this.#remove();
      throw this.#failed(code);
    }
    const sound = soundFrom === undefined ? 'none' : await this.#addSound(soundFrom);
    const complete = sound === 'copied' || sound === 'converted' ? this.#withSound : this.#partial;
    await rename(complete, this.file);
    await this.#remove();
    return sound;
  }

  /** Gives up: nothing is left. */
  async abort(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#child.kill('SIGKILL');
    await this.#end.catch(() => {});
    await this.#remove();
  }

  async #addSound(source: string): Promise<Sound> {
    if (!(await hasSound(source))) return 'none';
    for (const [codec, sound] of [
      ['copy', 'copied'],
      ['aac', 'converted'],
    ] as const) {
      if ((await this.#mux(source, codec)) === 0) return sound;
    }
    return 'left out';
  }

  /** Sound beside the finished pictures, which start where they started in the source. */
  async #mux(source: string, codec: string): Promise<number | string> {
    const args = [
      ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'level+error', '-y'],
      ...['-itsoffset', String(this.#firstTime), '-i', fileUrl(this.#partial)],
      ...[...onlyLocal, '-i', fileUrl(source), '-map', '0:v', '-map', '1:a:0'],
      ...['-c:v', 'copy', '-c:a', codec, '-t', String(this.#lastTime + this.#pause)],
      ...['-movflags', '+faststart', '-f', 'mp4', fileUrl(this.#withSound)],
    ];
    const child = start('ffmpeg', args, ['ignore', 'ignore', 'ignore']);
    return ended(child, 'ffmpeg');
  }

  async #remove(): Promise<void> {
    await rm(this.#partial, { force: true });
    await rm(this.#withSound, { force: true });
  }

  #failed(code: number | string) {
    return environmentError(
      `video: cannot write ${this.file}: ffmpeg (${this.#ffmpeg.version}) ended with ${code}: ${this.#complaints.text()}. Check that its folder exists and has room.`,
    );
  }
}

async function hasSound(source: string): Promise<boolean> {
  const args = [
    '-v',
    'error',
    ...onlyLocal,
    '-select_streams',
    'a',
    '-show_entries',
    'stream=index',
  ];
  const child = start(
    'ffprobe',
    [...args, '-of', 'csv=p=0', '-i', fileUrl(source)],
    ['ignore', 'pipe', 'ignore'],
  );
  let text = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await ended(child, 'ffprobe');
  return text.trim() !== '';
}
