// NAME.jsonl: the people of a video, one frame a line, appended as the frames are done.
import { type FileHandle, open } from 'node:fs/promises';
import { environmentError } from '../errors.ts';
import { rounded } from '../format.ts';
import type { Box } from '../pose/estimate.ts';

export interface FrameResult {
  /** From 0 on. */
  readonly frame: number;
  /** s since the beginning of the video. */
  readonly time: number;
  readonly people: readonly VideoPerson[];
}

export interface VideoPerson {
  /** The same from frame to frame; undefined without tracking, and for people too unsure for it. */
  readonly id: number | undefined;
  readonly box: Box;
  readonly boxScore: number;
  /** [K, 3] x, y in px, score. */
  readonly keypoints: Float32Array;
  readonly score: number;
}

/** A frame as it stands in a line; keypoints are x, y, score for each. */
export const frameEntry = ({ frame, time, people }: FrameResult) => ({
  frame,
  time: rounded(time, 6),
  people: people.map(({ id, box, boxScore, keypoints, score }) => ({
    id: id ?? null,
    bbox: box.map((value) => rounded(value, 3)),
    keypoints: Array.from(keypoints, (value, i) => rounded(value, i % 3 === 2 ? 5 : 3)),
    score: rounded(score, 5),
    box_score: rounded(boxScore, 5),
  })),
});

export class FrameResultsFile {
  readonly #file: string;
  readonly #handle: FileHandle;

  private constructor(file: string, handle: FileHandle) {
    this.#file = file;
    this.#handle = handle;
  }

  static open(file: string): Promise<FrameResultsFile> {
    return open(file, 'w').then(
      (handle) => new FrameResultsFile(file, handle),
      (error: Error) => Promise.reject(cannotWrite(file, error)),
    );
  }

  async add(result: FrameResult): Promise<void> {
    try {
      await this.#handle.appendFile(`${JSON.stringify(frameEntry(result))}\n`);
    } catch (error) {
      throw cannotWrite(this.#file, error as Error);
    }
  }

  close = () => this.#handle.close();
}

const cannotWrite = (file: string, error: Error) =>
  environmentError(
    `video: cannot write ${file} (${error.message}). Check that its folder exists and has room.`,
    { cause: error },
  );
