// Where the people of a picture are: in a box file, found by a detector, or the whole picture is one.
import { inputError, usageError } from '../errors.ts';
import type { PersonBox } from '../pose/estimate.ts';
import { type BoxFile, readBoxFile, readImageList } from './boxFile.ts';
import { assertDistinct, distinctIds, knownIds, namesBelowCommonFolder } from './pictureNames.ts';
import type { PeopleFinder, PictureJob } from './pictures.ts';

export interface BoxFlags {
  readonly boxes?: string;
  readonly imageList?: string;
  readonly detector?: string;
  readonly detectorKind?: string;
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
  if (flags.boxes !== undefined && flags.detector !== undefined) {
    throw usageError('--boxes and --detector both tell where people are. Give one of them.');
  }
  const boxes =
    flags.boxes === undefined ? undefined : readBoxFile(flags.boxes, flags.boxThreshold);
  const list = flags.imageList === undefined ? boxes?.images : readImageList(flags.imageList);
  const known = knownIds(files, (file) => list?.idOf(file));
  const ids = distinctIds(known);
  const names = namesBelowCommonFolder(files);
  const jobs = files.map((file, i) => ({ file, name: names[i]!, imageId: ids[i]! }));
  const close = async () => {};
  if (flags.detector !== undefined) {
    return { jobs, ...(await detectorFinder(flags.detector, flags)) };
  }
  if (boxes === undefined) return { jobs, findPeople: async () => undefined, notes: [], close };
  assertDistinct(known, files);
  const found = new Map(jobs.map((job, i) => [job, boxes.boxesOf(job.file, known[i])]));
  const findPeople = async (job: PictureJob) => found.get(job) ?? [];
  return { jobs, findPeople, notes: describeBoxes(flags.boxes!, boxes, found), close };
}

async function detectorFinder(
  file: string,
  { boxThreshold: threshold, detectorKind: kind }: BoxFlags,
): Promise<Omit<FoundJobs, 'jobs'>> {
  const { openDetector } = await import('../detect/detector.ts');
  const detector = await openDetector(file, { threshold, ...(kind !== undefined && { kind }) });
  return {
    findPeople: (_, image) => detector.detect(image),
    notes: detector.notes,
    close: () => detector.close(),
  };
}

function describeBoxes(
  file: string,
  { empty }: BoxFile,
  found: ReadonlyMap<PictureJob, readonly PersonBox[] | undefined>,
): string[] {
  const missing = [...found].flatMap(([job, boxes]) => (boxes === undefined ? [job.name] : []));
  if (missing.length === found.size) {
    throw inputError(
      `--boxes: ${file} mentions none of the ${found.size} pictures. '${missing[0]}' was looked for by its name, and by its number if it is one; if it goes by another id, give the COCO file that lists it with --image-list.`,
    );
  }
  const notes: string[] = [];
  if (missing.length > 0)
    notes.push(
      `${file} does not mention ${missing.length} of ${found.size} pictures, '${missing[0]}' for one: no people there.`,
    );
  if (empty > 0) notes.push(`${file}: ${empty} boxes without a size are left out.`);
  return notes;
}
