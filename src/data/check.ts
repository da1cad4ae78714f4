// `hrpose data check`: everything about a data set that would stop training or spoil its numbers,
// found beforehand and all at once.
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { HrposeError } from '../errors.ts';
import type { DatasetSettings, Settings } from '../train/settings.ts';
import { type AnnotationTable, toGroundTruth, toRecords } from './annotationTable.ts';
import { checkAnnotations } from './check/annotations.ts';
import { checkDetections } from './check/detections.ts';
import { checkPictures, type ListedPicture } from './check/pictures.ts';
import { createProblems, type Problems } from './check/problems.ts';
import type { CheckReport, SplitCounts, SplitReport } from './check/report.ts';
import { type SelfScore, scoreItself } from './check/selfScore.ts';
import { loadDataset } from './dataset.ts';
import type { PersonRecord } from './record.ts';

export { type CheckReport, formatReport } from './check/report.ts';

export interface CheckOptions {
  readonly json: boolean;
  /** Decode every picture and send everybody through the heatmaps, instead of a sample. */
  readonly thorough: boolean;
  readonly split: 'train' | 'eval' | 'both';
}

export async function checkDataset(
  settings: Settings,
  options: CheckOptions,
): Promise<CheckReport> {
  const names = (['train', 'eval'] as const).filter((name) =>
    [name, 'both'].includes(options.split),
  );
  const checked: CheckedSplit[] = [];
  for (const name of names) checked.push(await checkSplit(name, settings, options));
  const [train, scoring] = checked;
  if (train !== undefined && scoring !== undefined) {
    reportShared(train.pictures, scoring.pictures, scoring.problems);
  }
  const splits = checked.map(
    ({ problems, report }): SplitReport => ({ ...report, problems: problems.list() }),
  );
  const all = splits.flatMap(({ problems }) => problems);
  return { ok: all.every(({ severity }) => severity !== 'error'), splits };
}

interface CheckedSplit {
  readonly report: Omit<SplitReport, 'problems'>;
  readonly problems: Problems;
  readonly pictures: readonly ListedPicture[];
}

/** What one kind of data set has to say before its pictures are looked at. */
interface Contents {
  readonly counts: Omit<SplitCounts, 'picturesDecoded'>;
  readonly pictures: readonly ListedPicture[];
  readonly selfScore?: SelfScore | undefined;
}

const nothing: Contents = {
  counts: {
    images: 0,
    annotations: 0,
    crowds: 0,
    unlabelled: 0,
    emptyBoxes: 0,
    people: 0,
    keypoints: 0,
  },
  pictures: [],
};

async function checkSplit(
  split: 'train' | 'eval',
  settings: Settings,
  options: CheckOptions,
): Promise<CheckedSplit> {
  const problems = createProblems();
  const { dataset } = settings[split];
  const contents = await readContents(dataset, settings, options.thorough, problems);
  if (contents !== nothing && contents.counts.people === 0) {
    problems.add('noPeople', `${split}: nobody in ${resolve(dataset.annoPath)} can be used`);
  }
  const folder = await isThere(dataset.imageDir, 'folder of pictures', problems);
  const pictures = folder ? contents.pictures : [];
  const picturesDecoded = await checkPictures(pictures, options, problems);
  reportScores(contents.selfScore, problems);
  const { annoPath, imageDir } = dataset;
  const { selfScore } = contents;
  const counts = { ...contents.counts, picturesDecoded };
  const report = { split, annoPath, imageDir, counts, ...(selfScore && { selfScore }) };
  return { report, problems, pictures: contents.pictures };
}

async function readContents(
  dataset: DatasetSettings,
  settings: Settings,
  thorough: boolean,
  problems: Problems,
): Promise<Contents> {
  try {
    switch (dataset.kind) {
      case 'coco':
        return await readCoco(dataset, settings, thorough, problems);
      case 'mpii':
        return await readOther(dataset, settings);
      case 'images':
        return await readFolder(dataset);
    }
  } catch (error) {
    if (!(error instanceof HrposeError) && !('code' in (error as Error))) throw error;
    problems.add('unreadable', (error as Error).message);
    return nothing;
  }
}

async function readCoco(
  dataset: DatasetSettings,
  settings: Settings,
  thorough: boolean,
  problems: Problems,
): Promise<Contents> {
  const { annoPath, imageDir, pixelStd, useGtBbox } = dataset;
  if (!(await isThere(annoPath, 'annotation file', problems))) return nothing;
  const keypointCount = settings.skeleton.keypoints.length;
  const { images, annotations, table } = checkAnnotations(annoPath, keypointCount, problems);
  const records = toRecords(table, (name) => join(imageDir, name), settings.inputSize, pixelStd);
  const selfScore = scoreItself(toGroundTruth(table), records, settings, thorough);
  const counts = { images, annotations, ...countPeople(table, records, problems) };
  const used = new Set(records.map(({ imageFile }) => imageFile));
  if (useGtBbox) return { counts, pictures: listPictures(table, imageDir, used), selfScore };
  const { detections, pictures } = await readBoxes(dataset, table, problems);
  const listed = listPictures(table, imageDir, pictures);
  return { counts: { ...counts, ...detections, keypoints: 0 }, pictures: listed, selfScore };
}

async function readBoxes(dataset: DatasetSettings, table: AnnotationTable, problems: Problems) {
  const { bboxFile, imageThre, imageDir } = dataset;
  const none = { detections: { detections: 0, people: 0 }, pictures: new Set<string>() };
  if (bboxFile === undefined) {
    problems.add('unreadable', "use_gt_bbox is false, and no 'bbox_file' is set");
    return none;
  }
  if (!(await isThere(bboxFile, 'file of detection boxes', problems))) return none;
  const ids = new Set(table.imageIds);
  const { detections, used, pictures } = checkDetections(bboxFile, imageThre, ids, problems);
  return {
    detections: { detections, people: used },
    pictures: new Set([...pictures.keys()].map((name) => join(imageDir, name))),
  };
}

/** The listed pictures, and those that are used without being listed. */
function listPictures(
  { fileNames, imageSizes }: AnnotationTable,
  imageDir: string,
  used: ReadonlySet<string>,
): ListedPicture[] {
  const listed = fileNames.map((name, i): ListedPicture => {
    const file = join(imageDir, name);
    const size = { width: imageSizes[2 * i]!, height: imageSizes[2 * i + 1]! };
    return { file, size, used: used.has(file) };
  });
  const known = new Set(listed.map(({ file }) => file));
  const others = [...used].filter((file) => !known.has(file));
  return [...listed, ...others.map((file) => ({ file, used: true }))];
}

function countPeople(table: AnnotationTable, records: readonly PersonRecord[], problems: Problems) {
  const kept = new Set(records.map(({ annotationId }) => annotationId));
  const counts = { crowds: 0, unlabelled: 0, emptyBoxes: 0, people: records.length, keypoints: 0 };
  for (const [a, id] of table.ids.entries()) {
    if (kept.has(id)) continue;
    if (table.crowd[a] !== 0) counts.crowds += 1;
    else if (table.keypointRows[a]! < 0) counts.unlabelled += 1;
    else {
      counts.emptyBoxes += 1;
      const area = table.areas[a]!;
      if (area > 0) problems.add('emptyBox', `annotation ${id}`);
      else problems.add('zeroArea', `annotation ${id}: ${area}`);
    }
  }
  for (const { visible } of records) for (const v of visible) counts.keypoints += v;
  return counts;
}

/** Data sets whose reader stops at the first fault; the rest is the same. */
async function readOther(dataset: DatasetSettings, settings: Settings): Promise<Contents> {
  const { records, imageFiles } = await loadDataset(dataset, settings.skeleton, settings.inputSize);
  let keypoints = 0;
  for (const { visible } of records) for (const v of visible) keypoints += v;
  const [images, annotations, people] = [imageFiles.length, records.length, records.length];
  return {
    counts: { ...nothing.counts, images, annotations, people, keypoints },
    pictures: imageFiles.map((file) => ({ file, used: true })),
  };
}

/** A folder of pictures without annotations: each picture is one person. */
async function readFolder({ imageDir }: DatasetSettings): Promise<Contents> {
  const names = (await readdir(imageDir)).filter((name) => /\.(jpe?g|png|webp|tiff?)$/i.test(name));
  const { length } = names;
  return {
    counts: { ...nothing.counts, images: length, people: length },
    pictures: names.map((name) => ({ file: join(imageDir, name), used: true })),
  };
}

async function isThere(path: string, what: string, problems: Problems): Promise<boolean> {
  if ((await stat(path).catch(() => undefined)) !== undefined) return true;
  problems.add(
    'unreadable',
    `there is no ${what} at ${resolve(path)}; 'hrpose data download coco' fetches COCO`,
  );
  return false;
}

/** Two people with equal keypoints can be taken for each other, so a trace below 1 is let pass. */
const exactEnough = 0.999;
const heatmapLoss = 0.05;

function reportScores(score: SelfScore | undefined, problems: Problems): void {
  if (score === undefined) return;
  const { itself, throughHeatmaps } = score;
  if (!(itself >= exactEnough)) problems.add('selfScore', `AP ${itself}`);
  if (!(throughHeatmaps >= itself - heatmapLoss)) {
    problems.add(
      'coarseHeatmaps',
      `AP ${throughHeatmaps.toFixed(4)} after crop, heatmaps and back: the input is too small for ` +
        'these people, or boxes do not hold their keypoints',
    );
  }
}

function reportShared(
  train: readonly ListedPicture[],
  scoring: readonly ListedPicture[],
  problems: Problems,
): void {
  const trained = new Set(train.filter(({ used }) => used).map(({ file }) => resolve(file)));
  for (const { file, used } of scoring) {
    if (used && trained.has(resolve(file))) problems.add('sharedPicture', file);
  }
}
