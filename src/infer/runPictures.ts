// `hrpose infer --image` from its options to its last line: what it tells while pictures go through.
import { resolve } from 'node:path';
import type { Backend } from '../backends/backend.ts';
import { inputError, interruptedError } from '../errors.ts';
import { formatDuration } from '../format.ts';
import { createProgress } from '../progress.ts';
import { watchInterrupts } from '../train/interrupts.ts';
import { findPictures } from './findPictures.ts';
import { type ModelFlags, openModel } from './openModel.ts';
import { type BoxFlags, prepareJobs } from './peopleFinder.ts';
import { inferPictures, type PicturesDone } from './pictures.ts';
import type { LoadedModel } from './poseModel.ts';
import { PosePipeline } from './posePipeline.ts';
import { type PictureResult, poseEntry } from './resultsFile.ts';

export interface PicturesFlags extends ModelFlags, BoxFlags {
  readonly image: readonly string[];
  readonly batch: number;
  readonly output: string;
  readonly saveJson: boolean;
  readonly draw: boolean;
  readonly drawThreshold: number;
  readonly heatmaps: boolean;
  readonly sheet?: string;
  readonly exif: boolean;
  readonly json?: boolean;
}

const origins: Readonly<Record<LoadedModel['knownBy'], string>> = {
  config: '',
  file: ', as the file says',
  run: ', known by the run that saved them',
  shapes: ', known by the shapes of their tensors',
};

export async function runPictures(
  flags: PicturesFlags,
  openBackend: () => Promise<Backend>,
): Promise<void> {
  const json = flags.json === true;
  const warn = (text: string) => process.stderr.write(`warning: ${text}\n`);
  const say = (text: string) => process.stdout.write(json ? '' : `${text}\n`);
  const files = findPictures(flags.image);
  const { model, file, knownBy } = await openModel(flags, warn);
  const prepared = await prepareJobs(files, flags);
  prepared.notes.forEach(warn);
  const { inputSize, config, skeleton } = model;
  say(
    `Weights ${file}: HRNet-W${config.width}, ${skeleton.keypoints.length} keypoints, ${inputSize.height}x${inputSize.width}${origins[knownBy]}`,
  );
  const backend = await openBackend();
  const progress = createProgress({ label: 'infer', total: files.length, unit: 'pictures', json });
  const interrupts = watchInterrupts('stopping after the people under way');
  let pipeline: PosePipeline | undefined;
  let [pictures, people] = [0, 0];
  try {
    const { batch, flip, heatmaps } = flags;
    pipeline = await PosePipeline.open({ backend, model, batch, flip, keepHeatmaps: heatmaps });
    const done = await inferPictures({
      ...flags,
      jobs: prepared.jobs,
      findPeople: prepared.findPeople,
      pipeline,
      honourExif: flags.exif,
      shouldStop: () => interrupts.count > 0,
      onPicture: (result, written) => {
        people += result.poses.length;
        progress.event('picture', pictureEvent(result, written));
        progress.update(++pictures, { people });
      },
      onBadPicture: ({ file: bad }, reason) => {
        progress.event('skipped', { file: bad, reason });
        progress.update(++pictures, { people });
        if (!json) progress.line(`left out: ${reason}`);
      },
    });
    progress.end();
    if (json) process.stdout.write(`${JSON.stringify({ event: 'infer', ...totals(done) })}\n`);
    for (const line of summary(done, flags)) say(line);
    conclude(done, files.length);
  } finally {
    interrupts.close();
    await pipeline?.close();
    await prepared.close();
    backend.close();
  }
}

function pictureEvent(result: PictureResult, written: string | undefined) {
  const { file, name, imageId, width, height, poses } = result;
  const people = poses.map((pose) => {
    const { bbox, keypoints, score, box_score } = poseEntry(result, pose);
    return { bbox, keypoints, score, box_score };
  });
  return { file, file_name: name, image_id: imageId, width, height, written, people };
}

const totals = ({ results, bad, people, seconds, jsonFile }: PicturesDone) => ({
  pictures: results.length,
  left_out: bad,
  people,
  seconds: Number(seconds.toFixed(3)),
  json_file: jsonFile,
});

function summary(done: PicturesDone, { draw, output, sheet }: PicturesFlags): string[] {
  const { results, people, seconds, jsonFile } = done;
  const rate = seconds > 0 ? `, ${(people / seconds).toFixed(1)} people/s` : '';
  const lines = [
    `${people} people in ${results.length} pictures in ${formatDuration(seconds)}${rate}`,
  ];
  if (draw && results.length > 0) lines.push(`Pictures are in ${resolve(output)}`);
  if (jsonFile) lines.push(`Keypoints are in ${resolve(jsonFile)}`);
  if (sheet) lines.push(`The contact sheet is ${resolve(sheet)}`);
  return lines;
}

/** What came to an end before its time, or could not be read, shows in the exit code. */
function conclude({ interrupted, bad, results }: PicturesDone, all: number): void {
  if (interrupted) {
    throw interruptedError(
      `interrupted after ${results.length} of ${all} pictures; what was done is written.`,
    );
  }
  if (bad > 0) {
    throw inputError(
      `infer: ${bad} of ${all} pictures could not be used and were left out, as told above; the others are done.`,
    );
  }
}
