// The ffmpeg programs: whether they are there, what they can do, and how they are started: never
// through a shell, and apart from the terminal, so that Ctrl-C reaches this process alone.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { environmentError } from '../errors.ts';

export interface Ffmpeg {
  /** '5.1.9-0+deb12u1' */
  readonly version: string;
  /** The option that passes every frame on with its own time. */
  readonly everyFrame: readonly string[];
  /** Options of the video encoder. */
  readonly encoder: VideoEncoder;
}

export interface VideoEncoder {
  readonly name: string;
  readonly options: readonly string[];
}

/** From the best to the one that every ffmpeg has. */
const encoders: readonly VideoEncoder[] = [
  { name: 'libx264', options: ['-preset', 'veryfast', '-crf', '20'] },
  { name: 'libopenh264', options: ['-b:v', '6M'] },
  { name: 'mpeg4', options: ['-q:v', '3'] },
];

export const installLine = "'apt-get update && apt-get install ffmpeg' as root (Debian, Ubuntu)";

let known: Promise<Ffmpeg> | undefined;

/** Looks for ffmpeg and ffprobe on the PATH, once. */
export function findFfmpeg(): Promise<Ffmpeg> {
  known ??= look().catch((error: unknown) => {
    known = undefined;
    throw error;
  });
  return known;
}

async function look(): Promise<Ffmpeg> {
  const [first, list] = await Promise.all([
    textOf('ffmpeg', ['-version']),
    textOf('ffmpeg', ['-hide_banner', '-encoders']),
    textOf('ffprobe', ['-version']),
  ]);
  const version = /^ffmpeg version (\S+)/.exec(first)?.[1] ?? 'of unknown version';
  const encoder = encoders.find(({ name }) => new RegExp(`^ V\\S+ ${name} `, 'm').test(list));
  if (encoder === undefined) {
    throw environmentError(
      `video: this ffmpeg (${version}) has none of the encoders ${encoders.map(({ name }) => name).join(', ')}. Install another with ${installLine}.`,
    );
  }
  return {
    version,
    encoder,
    everyFrame: [isBefore51(version) ? '-vsync' : '-fps_mode', 'passthrough'],
  };
}

/** -fps_mode came with 5.1; builds from the repository have no number and are newer. */
function isBefore51(version: string): boolean {
  const [, major, minor] = /^n?(\d+)\.(\d+)/.exec(version) ?? [];
  return major !== undefined && (Number(major) < 5 || (major === '5' && minor === '0'));
}

/** Starts one of the programs. Its end must be awaited by whoever starts it. */
export function start(
  program: 'ffmpeg' | 'ffprobe',
  args: readonly string[],
  stdio: SpawnOptions['stdio'],
): ChildProcess {
  return spawn(program, args, { stdio, detached: process.platform !== 'win32', windowsHide: true });
}

/** The exit code, or the name of the signal; an error where the program could not be started. */
export function ended(child: ChildProcess, program: string): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(cannotStart(program, error)));
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
}

const cannotStart = (program: string, error: NodeJS.ErrnoException) =>
  environmentError(
    error.code === 'ENOENT'
      ? `video: the program ${program} is not here. Install it with ${installLine}.`
      : `video: cannot start ${program} (${error.message}).`,
    { cause: error },
  );

/** What a short run writes to its standard output. */
export async function textOf(
  program: 'ffmpeg' | 'ffprobe',
  args: readonly string[],
): Promise<string> {
  const child = start(program, args, ['ignore', 'pipe', 'pipe']);
  const chunks: Buffer[] = [];
  const complaints = new Complaints();
  child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr!.on('data', (chunk: Buffer) => complaints.take(chunk));
  const code = await ended(child, program);
  if (code !== 0) {
    throw environmentError(`video: ${program} ended with ${code}: ${complaints.text()}`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A file as ffmpeg's options name it: never taken for an option or for an address. */
export const fileUrl = (path: string) => `file:${resolve(path)}`;

/** Containers that are read: none that names other files or addresses, as playlists do. */
const containers = [
  ...[
    'mov',
    'matroska',
    'avi',
    'mpegts',
    'mpeg',
    'flv',
    'ogg',
    'asf',
    'mxf',
    'nut',
    'ivf',
    'rm',
    'wtv',
  ],
  ...[
    'dv',
    'gif',
    'apng',
    'h264',
    'hevc',
    'av1',
    'obu',
    'm4v',
    'mpegvideo',
    'mjpeg',
    'yuv4mpegpipe',
  ],
];

/** Options of an input that comes from elsewhere. */
export const onlyLocal: readonly string[] = [
  ...['-protocol_whitelist', 'file,pipe'],
  ...['-format_whitelist', containers.join(',')],
];

/** Lines of a program's stderr, as they come. */
export class Lines {
  #rest = '';
  readonly #each: (line: string) => void;
  constructor(each: (line: string) => void) {
    this.#each = each;
  }
  take(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('utf8')).split(/[\r\n]+/);
    this.#rest = lines.pop()!.slice(-10_000);
    for (const line of lines) this.#each(line);
  }
}

/** The errors that a program tells (with `-loglevel level+…`): the first few, and how many there were. */
export class Complaints {
  readonly #first: string[] = [];
  #last = '';
  count = 0;
  readonly #lines = new Lines((line) => this.line(line));

  take = (chunk: Buffer) => this.#lines.take(chunk);

  line(line: string): void {
    this.#last = line.trim() || this.#last;
    if (!/\[(error|fatal|panic)\]/.test(line)) return;
    this.count++;
    const text = line.replace(/ ?@ 0x[0-9a-f]+/, '').replace(/\[(error|fatal|panic)\] /, '');
    if (this.#first.length < 3 && !this.#first.includes(text)) this.#first.push(text);
  }

  text = () => (this.#first.length > 0 ? this.#first.join('; ') : this.#last || 'nothing was said');
}
