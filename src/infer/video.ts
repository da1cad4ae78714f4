// A video through the network: frames come from a pipe, people of several frames share the network's
// batches, poses are followed and smoothed in the frames' order, drawn and written. What comes in is
// slowed down to what goes out, so that a long video takes no more memory than a short one.
import { HrposeError } from '../errors.ts';
import { drawPoses } from '../pose/drawPose.ts';
import type { PersonBox, Pose } from '../pose/estimate.ts';
import { type FollowOptions, followPeople, nobodyYet } from '../track/follow.ts';
import { expectedBoxes } from '../track/tracker.ts';
import type { VideoFrame, VideoReader } from './ffmpegReader.ts';
import type { VideoWriter } from './ffmpegWriter.ts';
import type { PosePipeline } from './posePipeline.ts';
import { withoutStrays } from './strayKeypoints.ts';
import { boxesOfFrame, needsFrameBefore, type VideoPeople } from './videoPeople.ts';
import type { FrameResult, VideoPerson } from './videoResults.ts';
import { withoutDoubles } from './withoutDoubles.ts';

export interface VideoOptions {
  readonly reader: VideoReader;
  readonly pipeline: PosePipeline;
  readonly people: VideoPeople;
  /** Left out, people have no ids and keypoints stay as they are. */
  readonly follow?: FollowOptions;
  /** Makes the writer when the first frame has come; left out, no video is written. */
  readonly openWriter?: (first: VideoFrame) => VideoWriter;
  readonly drawThreshold: number;
  readonly onFrame: (result: FrameResult) => Promise<void>;
  readonly shouldStop: () => boolean;
}

export interface VideoDone {
  readonly frames: number;
  readonly people: number;
  /** Ids given. */
  readonly tracks: number;
  readonly seconds: number;
  readonly interrupted: boolean;
  /** Undefined where none was asked for, or where no frame came. */
  readonly writer: VideoWriter | undefined;
  /** Why the frames ended before their time. */
  readonly damage: string | undefined;
}

/** Frames between decoder and encoder: the larger of a number of frames and a number of bytes. */
const mostFrames = 4;
const mostBytes = 192 << 20;
/** ms between looks at whether to stop, while no frame comes. */
const stopLook = 100;

export async function inferVideo(options: VideoOptions): Promise<VideoDone> {
  const { reader, shouldStop } = options;
  const work = new VideoWork(options);
  const start = performance.now();
  const look = setInterval(() => shouldStop() && reader.stop(), stopLook);
  let cut: string | undefined;
  try {
    for await (const frame of reader.frames()) {
      await work.take(frame);
      if (shouldStop()) break;
    }
  } catch (error) {
    // What has come so far is kept; without any frame there is nothing to keep.
    if (!(error instanceof HrposeError) || error.exitCode !== 3 || work.frames === 0) {
      await work.abort();
      throw error;
    }
    cut = error.message;
  } finally {
    clearInterval(look);
  }
  const interrupted = shouldStop();
  await reader.close();
  await work.finished();
  const { frames, people, tracks, writer } = work;
  const seconds = (performance.now() - start) / 1000;
  const damage = interrupted ? undefined : (cut ?? reader.damage);
  return { frames, people, tracks, seconds, interrupted, writer, damage };
}

/** The frames between decoder and encoder. */
class VideoWork {
  readonly #options: VideoOptions;
  /** Ends when all frames taken so far are written. */
  #tail: Promise<void> = Promise.resolve();
  #followed = nobodyYet;
  /** What the detector gave those who are followed, by id. */
  #boxScores = new Map<number, number>();
  #waiting = 0;
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;
  #changed: () => void = () => {};
  writer: VideoWriter | undefined;
  frames = 0;
  people = 0;

  constructor(options: VideoOptions) {
    this.#options = options;
  }

  get tracks(): number {
    return this.#followed.tracks.nextId - 1;
  }

  /** Hands a frame's people to the network; returns when there is room for the next frame. */
  async take(frame: VideoFrame): Promise<void> {
    const { pipeline, people, openWriter } = this.#options;
    this.writer ??= openWriter?.(frame);
    if (needsFrameBefore(people, frame.index)) await this.#settle();
    const boxes = await boxesOfFrame(people, frame, () => this.#expected(frame.time));
    const { length } = frame.image.data;
    this.#waiting++;
    this.#bytes += length;
    const poses = pipeline.add(frame.image, boxes);
    poses.catch(() => {}); // Told below, in the frame's turn.
    this.#tail = this.#tail
      .then(async () => {
        if (this.#failure === undefined) await this.#finish(frame, boxes, await poses);
      })
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#waiting--;
        this.#bytes -= length;
        this.#changed();
      });
    await this.#room();
  }

  async finished(): Promise<void> {
    try {
      await this.#settle();
    } catch (error) {
      await this.abort();
      throw error;
    }
  }

  async abort(): Promise<void> {
    await this.#options.reader.close();
    await this.#options.pipeline.flush();
    await this.#tail;
    await this.writer?.abort();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }

  /** Until everything taken so far is written. */
  async #settle(): Promise<void> {
    await this.#options.pipeline.flush();
    await this.#tail;
    this.#throwFailure();
  }

  async #room(): Promise<void> {
    const { pipeline } = this.#options;
    const full = () => this.#waiting >= mostFrames && this.#bytes >= mostBytes;
    const crowded = () =>
      full() || pipeline.waiting >= 2 * pipeline.batch || this.#waiting >= 4 * pipeline.batch;
    while (crowded() && this.#failure === undefined) {
      // Frames of which few people fill the memory must not wait for a full batch.
      if (pipeline.waiting < pipeline.batch) void pipeline.flush();
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    this.#throwFailure();
  }

  #expected(time: number): PersonBox[] {
    return expectedBoxes(this.#followed.tracks, time).map(({ id, box }) => ({
      box,
      score: this.#boxScores.get(id) ?? 1,
    }));
  }

  async #finish(
    frame: VideoFrame,
    boxes: readonly PersonBox[] | undefined,
    found: readonly Pose[],
  ): Promise<void> {
    const { pipeline, drawThreshold: threshold, onFrame } = this.#options;
    const { model } = pipeline;
    const kept = boxes === undefined ? found : withoutDoubles(found, model);
    const poses = kept.map((pose) => withoutStrays(pose, model.inputSize));
    const people = this.#follow(frame, poses);
    if (this.writer) {
      const drawn = people.map(({ id, keypoints, score }) => ({
        keypoints,
        score,
        ...(id !== undefined && { name: `#${id}` }),
      }));
      drawPoses(frame.image, drawn, { skeleton: model.skeleton, threshold });
      await this.writer.write(frame.image, frame.time);
    }
    this.frames++;
    this.people += people.length;
    await onFrame({ frame: frame.index, time: frame.time, people });
  }

  #follow({ index, time }: VideoFrame, poses: readonly Pose[]): VideoPerson[] {
    const { follow, people } = this.#options;
    if (!follow) return poses.map((pose) => ({ ...pose, id: undefined }));
    // In a box where somebody is only expected, a faint pose means that nobody is there.
    const seen = needsFrameBefore(people, index)
      ? poses.filter(({ score }) => score >= follow.tracking.birthScore)
      : poses;
    const step = followPeople(this.#followed, seen, time, follow);
    this.#followed = step.state;
    const result = seen.map((pose, i) => ({ ...pose, ...step.people[i]! }));
    this.#boxScores = new Map(
      result.flatMap(({ id, boxScore }) => (id === undefined ? [] : [[id, boxScore] as const])),
    );
    return result;
  }
}
