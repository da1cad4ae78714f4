// A data set of the settings becomes a list of people to crop, and the truth to score them against.
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inputError } from '../errors.ts';
import type { CocoGroundTruth } from '../eval/groundTruth.ts';
import { wholeImageCenterScale } from '../pose/affine.ts';
import type { Skeleton } from '../pose/skeleton.ts';
import type { DatasetSettings } from '../train/settings.ts';
import { loadAnnotations } from './annotationIndex.ts';
import { type AnnotationTable, toGroundTruth, toRecords } from './annotationTable.ts';
import { readDetections } from './detections.ts';
import { imageSize } from './imageSize.ts';
import { readMpii } from './mpii.ts';
import type { PersonRecord, Size } from './record.ts';

export interface Dataset {
  readonly records: readonly PersonRecord[];
  /** The pictures that the records use, each once, in the order of the records. */
  readonly imageFiles: readonly string[];
  /** COCO only; made when first asked for, as training does not need it. */
  readonly groundTruth: CocoGroundTruth | undefined;
}

export async function loadDataset(
  settings: DatasetSettings,
  skeleton: Skeleton,
  inputSize: Size,
): Promise<Dataset> {
  expectFolder(settings.imageDir);
  switch (settings.kind) {
    case 'coco':
      return cocoDataset(settings, skeleton, inputSize);
    case 'mpii':
      expectFile(settings.annoPath, 'annotation file');
      return dataset(readMpii(settings.annoPath, settings.imageDir, skeleton.keypoints.length));
    case 'images':
      return dataset(await wholeImages(settings.imageDir, skeleton.keypoints.length));
  }
}

function cocoDataset(settings: DatasetSettings, skeleton: Skeleton, inputSize: Size): Dataset {
  const { annoPath, imageDir, pixelStd } = settings;
  const keypointCount = skeleton.keypoints.length;
  expectFile(annoPath, 'annotation file');
  const table = loadAnnotations(annoPath, keypointCount);
  if (settings.useGtBbox) {
    const records = toRecords(table, (name) => join(imageDir, name), inputSize, pixelStd);
    if (records.length > 0) return dataset(records, table);
    throw inputError(
      `${annoPath}: none of its ${table.ids.length} annotations is a labelled person. ` +
        'Use a keypoint file such as person_keypoints_val2017.json.',
    );
  }
  const threshold = settings.imageThre;
  const options = { imageDir, inputSize, pixelStd, threshold, keypointCount };
  const file = detectionFile(settings);
  const records = readDetections(file, options);
  if (records.length > 0) return dataset(records, table);
  throw inputError(
    `${file}: expected people with a score of at least ${threshold} (image_thre), found none. ` +
      'Is it the list of a detector for this data set?',
  );
}

function detectionFile({ bboxFile }: DatasetSettings): string {
  if (bboxFile === undefined)
    throw inputError(
      "data set: use_gt_bbox is false, which needs the detector's boxes in 'bbox_file', and that " +
        'is not set. Set it, or set use_gt_bbox to true.',
    );
  expectFile(bboxFile, 'file of detection boxes');
  return bboxFile;
}

function dataset(records: readonly PersonRecord[], table?: AnnotationTable): Dataset {
  const imageFiles = [...new Set(records.map((record) => record.imageFile))];
  let truth: CocoGroundTruth | undefined;
  return {
    records,
    imageFiles,
    get groundTruth() {
      if (table && table.ids.length > 0) truth ??= toGroundTruth(table);
      return truth;
    },
  };
}

/** Every picture of a folder as one person who fills it (spec 7.1). */
async function wholeImages(imageDir: string, keypointCount: number): Promise<PersonRecord[]> {
  const names = readdirSync(imageDir)
    .filter((name) => /\.(jpe?g|png|webp|tiff?)$/i.test(name))
    .sort();
  if (names.length === 0)
    throw inputError(`${resolve(imageDir)}: no .jpg, .png, .webp or .tif picture in this folder.`);
  const records: PersonRecord[] = [];
  for (const [index, name] of names.entries()) {
    const imageFile = join(imageDir, name);
    const { width, height } = await imageSize(imageFile);
    records.push({
      imageFile,
      imageId: index,
      annotationId: -1,
      ...wholeImageCenterScale(width, height),
      keypoints: new Float32Array(keypointCount * 2),
      visible: new Float32Array(keypointCount).fill(1),
      score: 1,
    });
  }
  return records;
}

const DOWNLOAD_ADVICE =
  "Fetch the data with 'hrpose data download coco', or point to your copy with " +
  '-o TrainDataset.dataset_dir=FOLDER (EvalDataset.dataset_dir=FOLDER for scoring).';

function expectFile(path: string, what: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return;
  throw inputError(
    `data set: expected the ${what} at ${resolve(path)}, found none. ${DOWNLOAD_ADVICE}`,
  );
}

function expectFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  throw inputError(
    `data set: expected the folder of pictures at ${resolve(path)}, found none. ${DOWNLOAD_ADVICE}`,
  );
}
