// A video's frames as RGB pixels with their times, decoded by ffmpeg and read from a pipe no faster
// than they are asked for. Frames come upright and with square pixels. ffmpeg's showinfo filter tells
// size and time of every frame on stderr, which works for files and for standard input alike.
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { inputError } from '../errors.ts';
import type { RgbImage } from '../pose/warp.ts';
import {
  Complaints,
  ended,
  type Ffmpeg,
  fileUrl,
  Lines,
  onlyLocal,
  start,
  textOf,
} from './ffmpeg.ts';

export interface VideoFrame {
  /** From 0 on. */
  readonly index: number;
  /** s since the beginning of the file; rises from frame to frame. */
  readonly time: number;
  readonly image: RgbImage;
}

export interface VideoReaderOptions {
  /** A path, or '-' for standard input. */
  readonly source: string;
  /** At most this many frames a second; all of them when left out. */
  readonly fps?: number;
}

interface FrameNote {
  readonly time: number | undefined;
  readonly width: number;
  readonly height: number;
}

const standardInputName = 'standard input';
/** A larger frame is taken for a damaged header. */
const mostPixels = 8192 * 8192;
/** s between frames where neither times nor a rate are told. */
const usualPause = 1 / 25;

export class VideoReader {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #end: Promise<number | string>;
  readonly #complaints = new Complaints();
  readonly #notes: FrameNote[] = [];
  readonly #bytes: ByteSource;
  #wake: (() => void) | undefined;
  #over = false;
  #stopped = false;
  #timeBase: number | undefined;
  /** Frames a second as the file tells; undefined before the first frame and where it does not. */
  #rate: number | undefined;

  constructor({ everyFrame }: Ffmpeg, { source, fps }: VideoReaderOptions) {
    const standardInput = source === '-';
    this.#name = standardInput ? standardInputName : source;
    const filters = [
      ...(fps === undefined ? [] : [`fps=${fps}`]),
      'scale=w=trunc(iw*sar+0.5):h=ih:flags=bicubic+accurate_rnd+full_chroma_int',
      'setsar=1',
      'format=rgb24',
      'showinfo=checksum=0',
    ];
    const args = [
      ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'repeat+level+info'],
      ...onlyLocal,
      ...['-i', standardInput ? 'pipe:0' : fileUrl(source)],
      ...['-map', '0:V:0', '-vf', filters.join(','), ...everyFrame],
      ...['-enc_time_base', '-1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'],
    ];
    this.#child = start('ffmpeg', args, [standardInput ? 'inherit' : 'ignore', 'pipe', 'pipe']);
    this.#bytes = new ByteSource(this.#child.stdout!);
    const lines = new Lines((line) => this.#read(line));
    this.#child.stderr!.on('data', (chunk: Buffer) => lines.take(chunk));
    this.#end = ended(this.#child, 'ffmpeg').finally(() => {
      this.#over = true;
      this.#wake?.();
    });
    this.#end.catch(() => {}); // Told by frames().
  }

  get rate(): number | undefined {
    return this.#rate;
  }

  /** Damage that ffmpeg has told so far, in its words; undefined where there is none. */
  get damage(): string | undefined {
    return this.#complaints.count > 0 ? this.#complaints.text() : undefined;
  }

  /** Can be walked once. Throws where there is no video; damage later on ends the walk. */
  async *frames(): AsyncGenerator<VideoFrame> {
    let last: VideoFrame | undefined;
    for (let index = 0; ; index++) {
      const note = await this.#note();
      if (note === undefined) break;
      this.#checkSize(note, last?.image);
      const image = { ...note, data: new Uint8Array(note.width * note.height * 3) };
      if ((await this.#bytes.fill(image.data)) < image.data.length) break;
      const pause = 1 / (this.#rate ?? 1 / usualPause);
      const earliest = last === undefined ? 0 : last.time + 1e-4;
      const time = Math.max(note.time ?? (last === undefined ? 0 : last.time + pause), earliest);
      const { width, height, data } = image;
      last = { index, time, image: { width, height, data } };
      yield last;
    }
    const code = await this.#end;
    if (this.#stopped) return;
    if (last === undefined) throw this.#notVideo(code);
    if (code !== 0) this.#complaints.line(`[error] the decoder ended with ${code}`);
  }

  /** Ends the walk after the present frame. */
  stop(): void {
    this.#stopped = true;
    this.#child.kill('SIGKILL');
  }

  async close(): Promise<void> {
    this.stop();
    this.#child.stdout?.destroy();
    await this.#end.catch(() => {});
  }

  async #note(): Promise<FrameNote | undefined> {
    while (this.#notes.length === 0 && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#stopped ? undefined : this.#notes.shift();
  }

  #read(line: string): void {
    if (!line.includes('Parsed_showinfo')) {
      this.#complaints.line(line);
      return;
    }
    const frame = / n: *\d+ pts: *(-?\d+|NOPTS) .* s:(\d+)x(\d+)/.exec(line);
    if (frame) {
      const ticks = Number(frame[1]);
      const time = Number.isNaN(ticks) ? undefined : ticks * (this.#timeBase ?? 0);
      this.#notes.push({ time, width: Number(frame[2]), height: Number(frame[3]) });
      this.#wake?.();
      return;
    }
    const config = /config in time_base: (\d+)\/(\d+), frame_rate: (\d+)\/(\d+)/.exec(line);
    if (!config) return;
    const [base, base1, rate, rate1] = config.slice(1).map(Number) as [
      number,
      number,
      number,
      number,
    ];
    this.#timeBase = base / base1;
    this.#rate = rate > 0 && rate1 > 0 ? rate / rate1 : undefined;
  }

  #checkSize({ width, height }: FrameNote, before: RgbImage | undefined): void {
    if (width * height > mostPixels) {
      throw inputError(
        `${this.#name}: expected frames of at most ${mostPixels} pixels, got ${width}×${height}. Scale the video down first.`,
      );
    }
    if (before && (before.width !== width || before.height !== height)) {
      throw inputError(
        `${this.#name}: the size changes from ${before.width}×${before.height} to ${width}×${height} within the video. Cut it there, or scale it to one size.`,
      );
    }
  }

  #notVideo(code: number | string) {
    const advice =
      this.#name === standardInputName
        ? 'An MP4 with its index at the end cannot be read from a pipe: name the file instead.'
        : 'Check the file, or fetch it again.';
    return inputError(
      `${this.#name}: expected a video, but ffmpeg found no frame that it can decode (${this.#complaints.text()}; it ended with ${code}). ${advice}`,
    );
  }
}

/** Takes exact numbers of bytes from a stream, which is read only as far as needed. */
class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** How many bytes there were: fewer than asked for at the end only. */
  async fill(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next().catch(() => ({ done: true, value: undefined }));
        if (next.done || next.value === undefined) break;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, target.length - filled);
      target.set(part, filled);
      this.#rest = this.#rest.subarray(part.length);
      filled += part.length;
    }
    return filled;
  }
}

/** How many frames a file should have, for the time that is left; undefined where it does not tell. */
export async function countFrames({
  source,
  fps,
}: VideoReaderOptions): Promise<number | undefined> {
  if (source === '-') return undefined;
  const entries = 'stream=nb_frames,avg_frame_rate,duration:format=duration';
  const args = ['-v', 'error', ...onlyLocal, '-select_streams', 'V:0', '-show_entries', entries];
  try {
    const text = await textOf('ffprobe', [...args, '-of', 'json', '-i', fileUrl(source)]);
    return expectedFrames(JSON.parse(text) as Probe, fps);
  } catch {
    return undefined; // Whatever is wrong with the file is told when it is read.
  }
}

interface Probe {
  readonly streams?: readonly {
    readonly nb_frames?: string;
    readonly avg_frame_rate?: string;
    readonly duration?: string;
  }[];
  readonly format?: { readonly duration?: string };
}

function expectedFrames({ streams, format }: Probe, fps: number | undefined): number | undefined {
  const stream = streams?.[0];
  const [count = 0, per = 1] = (stream?.avg_frame_rate ?? '').split('/').map(Number);
  const seconds = Number(stream?.duration ?? format?.duration);
  const frames = Number(stream?.nb_frames) || Math.round((seconds * count) / per);
  const limited = fps === undefined ? frames : Math.round(seconds * fps);
  return Number.isFinite(limited) && limited > 0 ? limited : undefined;
}
