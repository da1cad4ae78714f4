// The annotations of a COCO keypoint file as columns: 150,000 people in a few typed arrays.
// Both training records and the evaluator's ground truth are made from this table.
import type { CocoAnnotation, CocoGroundTruth } from '../eval/groundTruth.ts';
import { boxToCenterScale } from './box.ts';
import type { PersonRecord, Size } from './record.ts';

/** I images, A annotations in file order, R of them with at least one number in their keypoints. */
export interface AnnotationTable {
  /** K */
  readonly keypointCount: number;
  /** [I] */
  readonly imageIds: Float64Array;
  /** [I, 2] width, height in px. */
  readonly imageSizes: Float64Array;
  /** [I] */
  readonly fileNames: readonly string[];
  /** [A] */
  readonly ids: Float64Array;
  /** [A] position of the annotation's image in the columns above. */
  readonly imageIndices: Int32Array;
  /** [A] */
  readonly crowd: Uint8Array;
  /** [A] */
  readonly numKeypoints: Int32Array;
  /** [A] px². */
  readonly areas: Float64Array;
  /** [A, 4] x, y, width, height in px. */
  readonly boxes: Float64Array;
  /** [A] row of `keypoints`; -1 where all numbers are 0. */
  readonly keypointRows: Int32Array;
  /** [R, K, 3] x, y, visibility; float32 where that holds every number of the file exactly. */
  readonly keypoints: Float32Array | Float64Array;
}

/** Everything the evaluator needs, crowds and unlabelled people included. */
export function toGroundTruth(table: AnnotationTable): CocoGroundTruth {
  const { ids, imageIds, imageIndices, imageSizes, boxes } = table;
  const keypoints = keypointViews(table);
  const images = table.fileNames.map((fileName, i) => ({
    id: imageIds[i],
    width: imageSizes[2 * i],
    height: imageSizes[2 * i + 1],
    fileName,
  }));
  const annotations: CocoAnnotation[] = [];
  for (let a = 0; a < ids.length; a++)
    annotations.push({
      id: ids[a],
      imageId: imageIds[imageIndices[a]],
      iscrowd: table.crowd[a] !== 0,
      numKeypoints: table.numKeypoints[a],
      area: table.areas[a],
      bbox: [boxes[4 * a], boxes[4 * a + 1], boxes[4 * a + 2], boxes[4 * a + 3]],
      keypoints: keypoints(a),
    });
  return { images, annotations };
}

/**
 * One record for every labelled person, by image, then as in the file (spec 3.2).
 *   fileOf: where the picture of a `file_name` is
 */
export function toRecords(
  table: AnnotationTable,
  fileOf: (name: string) => string,
  inputSize: Size,
  pixelStd: number,
): PersonRecord[] {
  const people = labelledPeople(table);
  const count = table.keypointCount;
  const points = new Float32Array(people.length * count * 2);
  const visible = new Float32Array(people.length * count);
  const files = table.fileNames.map(fileOf);
  const aspect = inputSize.width / inputSize.height;
  return people.map(({ annotation, box }, person) => {
    const at = person * count;
    const row = table.keypointRows[annotation] * count;
    for (let k = 0; k < count; k++) {
      points[2 * (at + k)] = table.keypoints[3 * (row + k)];
      points[2 * (at + k) + 1] = table.keypoints[3 * (row + k) + 1];
      visible[at + k] = table.keypoints[3 * (row + k) + 2] > 0 ? 1 : 0;
    }
    const image = table.imageIndices[annotation];
    return {
      imageFile: files[image],
      imageId: table.imageIds[image],
      annotationId: table.ids[annotation],
      ...boxToCenterScale(box, aspect, pixelStd),
      keypoints: points.subarray(2 * at, 2 * (at + count)),
      visible: visible.subarray(at, at + count),
      score: 1,
    };
  });
}

interface LabelledPerson {
  readonly annotation: number;
  readonly box: readonly [number, number, number, number];
}

function labelledPeople(table: AnnotationTable): LabelledPerson[] {
  const people: LabelledPerson[] = [];
  for (const annotation of byImage(table)) {
    if (table.crowd[annotation] !== 0 || !hasLabels(table, annotation)) continue;
    const box = cleanBox(table, annotation);
    if (box !== undefined) people.push({ annotation, box });
  }
  return people;
}

/** Annotation positions in the order of their images; a counting sort, so it is stable. */
function byImage({ imageIds, imageIndices }: AnnotationTable): Int32Array {
  const starts = new Int32Array(imageIds.length + 1);
  for (const image of imageIndices) starts[image + 1]++;
  for (let i = 0; i < imageIds.length; i++) starts[i + 1] += starts[i];
  const order = new Int32Array(imageIndices.length);
  for (let a = 0; a < imageIndices.length; a++) order[starts[imageIndices[a]]++] = a;
  return order;
}

/** Whether the largest of all 3·K numbers differs from 0; num_keypoints is not asked. */
function hasLabels({ keypointCount, keypointRows, keypoints }: AnnotationTable, a: number) {
  if (keypointRows[a] < 0) return false;
  const start = keypointRows[a] * keypointCount * 3;
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = start; i < start + keypointCount * 3; i++) largest = Math.max(largest, keypoints[i]);
  return largest !== 0;
}

/** The box cut to the picture, one pixel narrower and lower than annotated; undefined if empty. */
function cleanBox({ boxes, areas, imageIndices, imageSizes }: AnnotationTable, a: number) {
  const [x, y, w, h] = boxes.subarray(4 * a, 4 * a + 4);
  const image = imageIndices[a];
  const x1 = Math.max(0, x);
  const y1 = Math.max(0, y);
  const x2 = Math.min(imageSizes[2 * image] - 1, x1 + Math.max(0, w - 1));
  const y2 = Math.min(imageSizes[2 * image + 1] - 1, y1 + Math.max(0, h - 1));
  if (!(areas[a] > 0 && x2 >= x1 && y2 >= y1)) return undefined;
  return [x1, y1, x2 - x1, y2 - y1] as const;
}

function keypointViews({ keypoints, keypointRows, keypointCount }: AnnotationTable) {
  const length = keypointCount * 3;
  const zeros = new Float32Array(length);
  return (a: number) => {
    const start = keypointRows[a] * length;
    return start < 0 ? zeros : keypoints.subarray(start, start + length);
  };
}
