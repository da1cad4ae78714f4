// `hrpose infer --video` from its options to its last line: what it tells while frames go through.
import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import type { Backend } from '../backends/backend.ts';
import { inputError, interruptedError, usageError } from '../errors.ts';
import { formatDuration } from '../format.ts';
import { createProgress, type Progress } from '../progress.ts';
import type { FollowOptions } from '../track/follow.ts';
import { usualOneEuro } from '../track/oneEuro.ts';
import { usualTracking } from '../track/tracker.ts';
import { makeFolder } from '../train/durable.ts';
import { watchInterrupts } from '../train/interrupts.ts';
import { readBoxFile } from './boxFile.ts';
import { findFfmpeg } from './ffmpeg.ts';
import { countFrames, VideoReader } from './ffmpegReader.ts';
import { type Sound, VideoWriter } from './ffmpegWriter.ts';
import { type ModelFlags, openModel } from './openModel.ts';
import type { BoxFlags } from './peopleFinder.ts';
import { PosePipeline } from './posePipeline.ts';
import { inferVideo, type VideoDone } from './video.ts';
import type { VideoPeople } from './videoPeople.ts';
import { FrameResultsFile, frameEntry } from './videoResults.ts';

export interface VideoFlags extends ModelFlags, BoxFlags {
  /** A path, or '-' for standard input. */
  readonly video: string;
  readonly fps?: number;
  readonly detectEvery: number;
  readonly track: boolean;
  readonly smooth: boolean;
  readonly batch: number;
  readonly threads: number;
  readonly output: string;
  readonly saveJson: boolean;
  readonly draw: boolean;
  readonly drawThreshold: number;
  readonly json?: boolean;
}

const warn = (text: string) => process.stderr.write(`warning: ${text}\n`);

interface Places {
  readonly video: string | undefined;
  readonly json: string | undefined;
}

export async function runVideo(
  flags: VideoFlags,
  openBackend: () => Promise<Backend>,
): Promise<void> {
  const json = flags.json === true;
  const say = (text: string) => process.stdout.write(json ? '' : `${text}\n`);
  checkFlags(flags);
  const places = placesOf(flags);
  const ffmpeg = await findFfmpeg();
  const { model } = await openModel(flags, warn);
  const people = await openPeople(flags);
  const progress = await startProgress(flags, json);
  const interrupts = watchInterrupts('stopping after the frames under way');
  const closing: (() => unknown)[] = [interrupts.close, people.close];
  try {
    const backend = await openBackend();
    closing.push(() => backend.close());
    const { batch, flip, detectEvery, drawThreshold } = flags;
    // Where a frame waits for the one before, its people are all that a batch can have.
    const pipeline = await PosePipeline.open({
      backend,
      model,
      batch,
      flip,
      eager: detectEvery > 1,
    });
    closing.push(() => pipeline.close());
    makeFolder(flags.output);
    const results =
      places.json === undefined ? undefined : await FrameResultsFile.open(places.json);
    closing.push(() => results?.close());
    const reader = new VideoReader(ffmpeg, readerOptions(flags));
    closing.push(() => reader.close());
    let [frames, found] = [0, 0];
    const done = await inferVideo({
      reader,
      pipeline,
      people: people.found,
      ...followOptions(flags, model.skeleton.oksSigmas),
      ...(places.video !== undefined && {
        openWriter: ({ image }) => new VideoWriter(ffmpeg, places.video!, image),
      }),
      drawThreshold,
      shouldStop: () => interrupts.count > 0,
      onFrame: async (result) => {
        await results?.add(result);
        progress.event('frame', frameEntry(result));
        found += result.people.length;
        progress.update(++frames, { people: found });
      },
    });
    const sound = await done.writer?.finish(flags.video === '-' ? undefined : flags.video);
    progress.end();
    tell(done, sound, places, flags, say);
    conclude(done);
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

const readerOptions = ({ video, fps }: VideoFlags) => ({
  source: video,
  ...(fps !== undefined && { fps }),
});

function checkFlags({
  video,
  boxes,
  detector,
  detectEvery,
  track,
  draw,
  saveJson,
  json,
}: VideoFlags) {
  if (video === '-' && process.stdin.isTTY)
    throw usageError(
      '--video -: a video is read from standard input, but that is a terminal. Pipe one in.',
    );
  if (boxes !== undefined && detector !== undefined)
    throw usageError('--boxes and --detector both tell where people are. Give one of them.');
  if (detectEvery > 1 && detector === undefined)
    throw usageError('--detect-every needs a detector. Name one with --detector MODEL.');
  if (detectEvery > 1 && !track)
    throw usageError('--detect-every takes boxes from the people followed. Leave --no-track out.');
  if (!draw && !saveJson && !json)
    throw usageError('infer: with --no-draw nothing would be written. Add --save-json or --json.');
}

/** Nothing that is read is written over. */
function placesOf({ video, output, draw, saveJson }: VideoFlags): Places {
  const standardInput = video === '-';
  if (!standardInput && !statSync(video, { throwIfNoEntry: false })?.isFile())
    throw inputError(`--video: expected a file, but there is none at '${video}'. Check the path.`);
  const name = standardInput ? 'video' : basename(video, extname(video));
  const place = join(output, `${name}.mp4`);
  if (draw && !standardInput && existsSync(place) && realpathSync(place) === realpathSync(video)) {
    throw usageError(
      `--video: '${video}' would be written over. Choose another folder with --output.`,
    );
  }
  return {
    video: draw ? place : undefined,
    json: saveJson ? join(output, `${name}.jsonl`) : undefined,
  };
}

interface OpenPeople {
  readonly found: VideoPeople;
  close(): Promise<void>;
}

async function openPeople(flags: VideoFlags): Promise<OpenPeople> {
  const { boxes: file, detector: path, boxThreshold, detectEvery } = flags;
  const close = async () => {};
  if (file !== undefined) {
    const boxes = readBoxFile(file, boxThreshold);
    if (boxes.count === 0)
      throw inputError(`--boxes: ${file} holds no person with a score of ${boxThreshold} or more.`);
    return { found: { kind: 'file', boxes }, close };
  }
  if (path !== undefined) {
    const { openDetector } = await import('../detect/detector.ts');
    const { detectorKind: kind, threads } = flags;
    const detector = await openDetector(path, {
      threshold: boxThreshold,
      threads,
      ...(kind !== undefined && { kind }),
    });
    detector.notes.forEach(warn);
    return {
      found: { kind: 'detector', detector, every: detectEvery },
      close: () => detector.close(),
    };
  }
  return { found: { kind: 'whole' }, close };
}

async function startProgress(flags: VideoFlags, json: boolean): Promise<Progress> {
  const total = (await countFrames(readerOptions(flags))) ?? 0;
  return createProgress({ label: 'infer', total, unit: 'frames', json });
}

function followOptions(
  { track, smooth }: VideoFlags,
  oksSigmas: readonly number[],
): { readonly follow?: FollowOptions } {
  if (!track) return {};
  const tracking = { ...usualTracking, oksSigmas };
  return { follow: smooth ? { tracking, smoothing: usualOneEuro } : { tracking } };
}

const soundText: Readonly<Record<Sound, string>> = {
  copied: ', with its sound',
  converted: ', with its sound converted to AAC',
  'left out': ', without its sound, which ffmpeg could not convert',
  none: '',
};

function tell(
  done: VideoDone,
  sound: Sound | undefined,
  places: Places,
  { json, track }: VideoFlags,
  say: (text: string) => void,
): void {
  const { frames, people, tracks, seconds, writer } = done;
  if (json) {
    const rate = { frames, people, tracks, seconds: Number(seconds.toFixed(3)) };
    const written = { video_file: writer?.file ?? null, sound, json_file: places.json ?? null };
    process.stdout.write(`${JSON.stringify({ event: 'infer', ...rate, ...written })}\n`);
  }
  const speed = seconds > 0 ? `, ${(frames / seconds).toFixed(1)} frames/s` : '';
  const who = track ? `, ${tracks} tracks` : '';
  say(`${people} poses in ${frames} frames${who} in ${formatDuration(seconds)}${speed}`);
  if (writer) say(`The video is ${resolve(writer.file)}${soundText[sound ?? 'none']}`);
  if (places.json) say(`Keypoints are in ${resolve(places.json)}`);
}

/** What came to an end before its time shows in the exit code. */
function conclude({ interrupted, frames, damage }: VideoDone): void {
  if (interrupted)
    throw interruptedError(`interrupted after ${frames} frames; what was done is written.`);
  if (damage !== undefined) {
    throw inputError(
      `infer: the video is damaged or incomplete (${damage}). The ${frames} frames that could be read are written.`,
    );
  }
}
