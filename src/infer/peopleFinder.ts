// Where the people of a picture are: in a box file, found by a detector, or the whole picture is one.
import { inputError } from '../errors.ts';
import { type BoxFile, type ImageList, readBoxFile, readImageList } from './boxFile.ts';
import { imageIds, namesBelowCommonFolder } from './pictureNames.ts';
import type { PeopleFinder, PictureJob } from './pictures.ts';

export interface BoxFlags {
  readonly boxes?: string;
  readonly imageList?: string;
  readonly detector?: string;
  readonly boxThreshold: number;
}

export interface FoundJobs {
  readonly jobs: readonly PictureJob[];
  readonly findPeople: PeopleFinder;
  /** Worth telling before work begins. */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

/** The pictures as jobs, with ids and names, and the way to find their people. */
export async function prepareJobs(files: readonly string[], flags: BoxFlags): Promise<FoundJobs> {
  const boxes =
    flags.boxes === undefined ? undefined : readBoxFile(flags.boxes, flags.boxThreshold);
  const list = flags.imageList === undefined ? boxes?.images : readImageList(flags.imageList);
  const jobs = toJobs(files, list, boxes !== undefined);
  const nothing = async () => {};
  if (boxes) {
    const notes = describeBoxes(flags.boxes!, boxes, jobs);
    const findPeople = async ({ file, imageId }: PictureJob) => boxes.boxesOf(file, imageId) ?? [];
    return { jobs, findPeople, notes, close: nothing };
  }
  return { jobs, findPeople: async () => undefined, notes: [], close: nothing };
}

function toJobs(
  files: readonly string[],
  list: ImageList | undefined,
  matchById: boolean,
): PictureJob[] {
  const ids = imageIds(files, (file) => list?.idOf(file), matchById);
  const names = namesBelowCommonFolder(files);
  return files.map((file, i) => ({ file, name: names[i]!, imageId: ids[i]! }));
}

function describeBoxes(file: string, boxes: BoxFile, jobs: readonly PictureJob[]): string[] {
  const missing = jobs.filter((job) => boxes.boxesOf(job.file, job.imageId) === undefined);
  if (missing.length === jobs.length) {
    const [first] = jobs;
    throw inputError(
      `--boxes: ${file} mentions none of the ${jobs.length} pictures. '${first!.name}' was looked for by its name and as image ${first!.imageId}; if it goes by another id, give the COCO file that lists it with --image-list.`,
    );
  }
  const notes: string[] = [];
  if (missing.length > 0)
    notes.push(
      `${file} does not mention ${missing.length} of ${jobs.length} pictures, '${missing[0]!.name}' for one: no people there.`,
    );
  if (boxes.empty > 0) notes.push(`${file}: ${boxes.empty} boxes without a size are left out.`);
  return notes;
}
