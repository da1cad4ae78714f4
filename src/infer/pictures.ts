// `hrpose infer` on picture files: decode ahead, find people, run full batches across pictures, draw,
// write. A picture that cannot be read is told and left out; an interruption keeps what is done.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { configureImageDecoding, decodeImage } from '../data/image.ts';
import { writePicture } from '../data/writePicture.ts';
import { HrposeError, usageError } from '../errors.ts';
import { drawHeatmaps } from '../pose/drawHeatmaps.ts';
import { drawPoses } from '../pose/drawPose.ts';
import type { PersonBox, Pose } from '../pose/estimate.ts';
import type { RgbImage } from '../pose/warp.ts';
import { makeFolder, replaceFile } from '../train/durable.ts';
import { ContactSheet } from './contactSheet.ts';
import { uniquePaths } from './pictureNames.ts';
import type { PosePipeline } from './posePipeline.ts';
import { type PictureResult, resultsJson } from './resultsFile.ts';
import { withoutDoubles } from './withoutDoubles.ts';

/** A picture to look at. */
export interface PictureJob {
  readonly file: string;
  /** In results and of what is written. */
  readonly name: string;
  readonly imageId: number;
}

/** Where people are: boxes of a picture, or undefined to take the picture as one person. */
export type PeopleFinder = (
  job: PictureJob,
  image: RgbImage,
) => Promise<readonly PersonBox[] | undefined>;

export interface PicturesOptions {
  readonly jobs: readonly PictureJob[];
  readonly pipeline: PosePipeline;
  readonly findPeople: PeopleFinder;
  readonly output: string;
  readonly draw: boolean;
  readonly saveJson: boolean;
  /** Also write pictures with the heatmaps; the pipeline must keep them. */
  readonly heatmaps: boolean;
  /** A contact sheet of all pictures. */
  readonly sheet?: string;
  readonly drawThreshold: number;
  readonly honourExif: boolean;
  readonly shouldStop: () => boolean;
  readonly onPicture: (done: PictureResult, written: string | undefined) => void;
  readonly onBadPicture: (job: PictureJob, reason: string) => void;
}

export interface PicturesDone {
  readonly results: readonly PictureResult[];
  readonly bad: number;
  readonly people: number;
  readonly seconds: number;
  readonly interrupted: boolean;
  readonly jsonFile?: string;
}

/** Pictures whose decoding has been started before their turn. */
const decodedAhead = 3;
/** Decoded pictures that wait for the network or to be written, bytes; one may be larger. */
const mostPixelBytes = 256 << 20;

export async function inferPictures(options: PicturesOptions): Promise<PicturesDone> {
  const { jobs, pipeline, output } = options;
  configureImageDecoding();
  const work = new PictureWork(options);
  makeFolders(options);
  const start = performance.now();
  const upcoming = decodeAhead(jobs, options);
  let interrupted = false;
  for (const [index, job] of jobs.entries()) {
    interrupted = options.shouldStop();
    if (interrupted) break;
    const image = await upcoming(index);
    if (image instanceof HrposeError) work.tellBad(job, image);
    else await work.take(job, index, image);
  }
  await pipeline.flush();
  await work.finished();
  const seconds = (performance.now() - start) / 1000;
  const results = work.results();
  const jsonFile = options.saveJson ? join(output, 'keypoints.json') : undefined;
  if (jsonFile) replaceFile(jsonFile, [new TextEncoder().encode(resultsJson(results))]);
  await work.writeSheet();
  const people = results.reduce((sum, { poses }) => sum + poses.length, 0);
  const done = { results, bad: work.bad, people, seconds, interrupted };
  return jsonFile ? { ...done, jsonFile } : done;
}

/** Pictures by index, decoding always a few ahead; what cannot be read comes as its error. */
function decodeAhead(jobs: readonly PictureJob[], { honourExif, shouldStop }: PicturesOptions) {
  const started: Promise<RgbImage | HrposeError>[] = [];
  const decode = (index: number) =>
    decodeImage(jobs[index]!.file, { honourExif }).catch((error: unknown) => {
      if (error instanceof HrposeError) return error;
      throw error;
    });
  return (index: number) => {
    const end = shouldStop() ? index + 1 : Math.min(jobs.length, index + 1 + decodedAhead);
    while (started.length < end) started.push(decode(started.length));
    const wanted = started[index]!;
    delete started[index]; // The picture is the caller's now.
    return wanted;
  };
}

/** The pictures between decoding and writing. */
class PictureWork {
  readonly #options: PicturesOptions;
  readonly #results: PictureResult[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #drawnPath: (name: string) => string;
  readonly #heatmapPath: (name: string) => string;
  readonly #sheet: ContactSheet | undefined;
  #pixelBytes = 0;
  #failure: unknown;
  bad = 0;

  constructor(options: PicturesOptions) {
    this.#options = options;
    const path = uniquePaths(options.output);
    this.#drawnPath = path;
    this.#heatmapPath = (name) => path(`heatmaps/${name}`);
    if (options.sheet !== undefined)
      this.#sheet = new ContactSheet(options.pipeline.model.skeleton);
    checkPlaces(options);
  }

  tellBad(job: PictureJob, error: HrposeError): void {
    this.bad++;
    this.#options.onBadPicture(job, error.message);
  }

  /** Hands a picture's people to the network; returns when there is room for the next picture. */
  async take(job: PictureJob, index: number, image: RgbImage): Promise<void> {
    const { pipeline, findPeople } = this.#options;
    let boxes: readonly PersonBox[] | undefined;
    try {
      boxes = await findPeople(job, image);
    } catch (error) {
      if (!(error instanceof HrposeError) || error.exitCode !== 3) throw error;
      return this.tellBad(job, error);
    }
    // Names are given out in the pictures' order, whichever is finished first.
    const places = { drawn: this.#drawnPath(job.name), heatmaps: this.#heatmapPath(job.name) };
    const task = pipeline
      .add(image, boxes)
      .then((poses) => this.#finish(job, index, image, boxes, poses, places))
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#underWay.delete(task);
        this.#pixelBytes -= image.data.length;
      });
    this.#underWay.add(task);
    this.#pixelBytes += image.data.length;
    await this.#room();
  }

  async #room(): Promise<void> {
    const { pipeline } = this.#options;
    const crowded = () =>
      pipeline.waiting >= 2 * pipeline.batch || this.#pixelBytes > mostPixelBytes;
    while (this.#underWay.size > 0 && crowded() && this.#failure === undefined) {
      if (pipeline.waiting >= pipeline.batch) {
        await pipeline.afterBatch();
        continue;
      }
      // Pictures of which few crops fill the memory must not wait for a full batch.
      void pipeline.flush();
      await Promise.race(this.#underWay);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  async finished(): Promise<void> {
    await Promise.all(this.#underWay);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** In the order of the pictures. */
  results(): PictureResult[] {
    return this.#results.filter((result) => result !== undefined);
  }

  async writeSheet(): Promise<void> {
    const { sheet } = this.#options;
    if (sheet !== undefined) await this.#sheet?.write(sheet);
  }

  async #finish(
    job: PictureJob,
    index: number,
    image: RgbImage,
    boxes: readonly PersonBox[] | undefined,
    found: readonly Pose[],
    places: { readonly drawn: string; readonly heatmaps: string },
  ): Promise<void> {
    const { draw, heatmaps, drawThreshold: threshold, pipeline, onPicture } = this.#options;
    const { model } = pipeline;
    const poses = boxes === undefined ? found : withoutDoubles(found, model);
    const drawn = poses.map(({ keypoints, score, box }) => ({
      keypoints,
      score,
      ...(boxes && { box }),
    }));
    await this.#sheet?.add(index, job.name, image, drawn, threshold);
    if (heatmaps) {
      const copy = { ...image, data: new Uint8Array(image.data) };
      for (const pose of poses) drawHeatmaps(copy, pose.heatmaps!, pose.crop, model);
      await writeInFolder(places.heatmaps, copy);
    }
    if (draw) {
      drawPoses(image, drawn, { skeleton: model.skeleton, threshold });
      await writeInFolder(places.drawn, image);
    }
    const kept = poses.map(({ heatmaps: _, ...pose }) => pose);
    const { width, height } = image;
    const result = { ...job, width, height, poses: kept };
    this.#results[index] = result;
    onPicture(result, draw ? places.drawn : undefined);
  }
}

async function writeInFolder(file: string, image: RgbImage): Promise<void> {
  makeFolder(dirname(file));
  await writePicture(file, image);
}

/** What cannot be written is told before the first picture. */
function makeFolders({ output, draw, heatmaps, saveJson, sheet }: PicturesOptions): void {
  if (draw || heatmaps || saveJson) makeFolder(output);
  if (sheet !== undefined) makeFolder(dirname(sheet));
}

/** Nothing that was read is written over. */
function checkPlaces({ jobs, output, sheet, draw }: PicturesOptions): void {
  const real = (path: string) => (existsSync(path) ? realpathSync(path) : resolve(path));
  const inputs = new Set(jobs.map(({ file }) => real(file)));
  const written = draw ? jobs.map(({ name }) => join(output, name)) : [];
  const clash = [...written, ...(sheet === undefined ? [] : [sheet])].find((path) =>
    inputs.has(real(path)),
  );
  if (clash === undefined) return;
  throw usageError(
    `infer: '${clash}' is a picture to read and would be written over. Choose another folder with --output.`,
  );
}
