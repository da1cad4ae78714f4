// The two files that are scored against each other, COCO keypoint annotations and a result list,
// checked field by field as they come out of JSON. What is left out: segmentations, captions.
import { type HrposeError, inputError } from '../errors.ts';
import type { CocoResult } from './results.ts';

export interface CocoImage {
  readonly id: number;
  /** Pixels; 0 when the file does not say (scoring does not need it). */
  readonly width: number;
  readonly height: number;
  readonly fileName: string;
}

export interface CocoAnnotation {
  readonly id: number;
  readonly imageId: number;
  readonly iscrowd: boolean;
  readonly numKeypoints: number;
  /** Area of the segmentation, px². */
  readonly area: number;
  /** x, y, w, h in pixels. */
  readonly bbox: readonly [number, number, number, number];
  /** [K, 3]: x, y in pixels, visibility (0, 1, 2). */
  readonly keypoints: ArrayLike<number>;
}

export interface CocoGroundTruth {
  /** In file order. */
  readonly images: readonly CocoImage[];
  /** In file order; those of one category. */
  readonly annotations: readonly CocoAnnotation[];
  /** Category of the people; results of another one are not scored. 1 when left out. */
  readonly categoryId?: number;
}

type Fields = Record<string, unknown>;
type Fail = (what: string) => HrposeError;

/** @param where name of the file, for messages */
export function parseGroundTruth(json: unknown, where: string): CocoGroundTruth {
  const file = asObject(json, (what) =>
    inputError(`${where}: expected COCO annotations, an object, ${what}`),
  );
  const imageList = asList(file, 'images', where);
  const annotationList = asList(file, 'annotations', where);
  const categoryId = soleCategory(file, where);
  const images = imageList.map((entry, i) => parseImage(entry, failAt(where, 'image', i)));
  rejectRepeats(images, 'images', where);
  const annotations = annotationList
    .map((entry, i) => parseAnnotation(entry, categoryId, failAt(where, 'annotation', i, entry)))
    .filter((annotation) => annotation !== undefined);
  rejectRepeats(annotations, 'annotations', where);
  rejectMixedLengths(annotations, where);
  return { images, annotations, categoryId };
}

/**
 * A result list as `keypoints_results.json` has it. Results of another category are left out, as
 * the official evaluator does.
 * @param where name of the file, for messages
 */
export function parseResults(json: unknown, where: string, categoryId = 1): CocoResult[] {
  if (!Array.isArray(json)) {
    throw inputError(`${where}: expected a list of results, got ${describe(json)}`);
  }
  const results: CocoResult[] = [];
  json.forEach((entry, i) => {
    const fail = failAt(where, 'result', i, entry);
    const fields = asObject(entry, (what) => fail(`expected an object, ${what}`));
    const result = {
      imageId: integer(fields, 'image_id', fail),
      keypoints: numbers(fields, 'keypoints', fail),
      score: finite(fields, 'score', fail),
    };
    if (integer(fields, 'category_id', fail) === categoryId) results.push(result);
  });
  return results;
}

function parseImage(entry: unknown, fail: Fail): CocoImage {
  const fields = asObject(entry, (what) => fail(`expected an object, ${what}`));
  const { file_name: fileName } = fields;
  return {
    id: integer(fields, 'id', fail),
    width: fields.width === undefined ? 0 : finite(fields, 'width', fail),
    height: fields.height === undefined ? 0 : finite(fields, 'height', fail),
    fileName: typeof fileName === 'string' ? fileName : '',
  };
}

/** Undefined for an annotation of another category. */
function parseAnnotation(
  entry: unknown,
  categoryId: number,
  fail: Fail,
): CocoAnnotation | undefined {
  const fields = asObject(entry, (what) => fail(`expected an object, ${what}`));
  if ((fields.category_id ?? categoryId) !== categoryId) return undefined;
  const keypoints = numbers(fields, 'keypoints', fail);
  const bbox = numbers(fields, 'bbox', fail);
  if (keypoints.length % 3 !== 0) {
    throw fail(`keypoints: expected three numbers a keypoint, got ${keypoints.length} numbers`);
  }
  if (bbox.length !== 4) throw fail(`bbox: expected [x, y, w, h], got ${bbox.length} numbers`);
  return {
    id: integer(fields, 'id', fail),
    imageId: integer(fields, 'image_id', fail),
    iscrowd: Boolean(fields.iscrowd ?? false),
    numKeypoints:
      fields.num_keypoints === undefined
        ? countLabelled(keypoints)
        : integer(fields, 'num_keypoints', fail),
    area: finite(fields, 'area', fail),
    bbox: bbox as unknown as CocoAnnotation['bbox'],
    keypoints,
  };
}

function countLabelled(keypoints: readonly number[]): number {
  let count = 0;
  for (let i = 2; i < keypoints.length; i += 3) if (keypoints[i] > 0) count++;
  return count;
}

/** The official evaluator averages over categories; here a file holds people of one kind. */
function soleCategory(file: Fields, where: string): number {
  if (file.categories === undefined) return 1;
  const categories = asList(file, 'categories', where);
  if (categories.length !== 1) {
    throw inputError(
      `${where}: expected one category, got ${categories.length}. ` +
        'Keypoint files have the category person alone; take the others out.',
    );
  }
  const fail = failAt(where, 'category', 0);
  return integer(
    asObject(categories[0], (what) => fail(`expected an object, ${what}`)),
    'id',
    fail,
  );
}

function rejectRepeats(entries: readonly { id: number }[], key: string, where: string): void {
  const seen = new Set<number>();
  for (const { id } of entries) {
    if (seen.has(id)) throw inputError(`${where}: ${key}: id ${id} stands there twice`);
    seen.add(id);
  }
}

function rejectMixedLengths(annotations: readonly CocoAnnotation[], where: string): void {
  const length = annotations[0]?.keypoints.length;
  const other = annotations.find(({ keypoints }) => keypoints.length !== length);
  if (other) {
    throw inputError(
      `${where}: annotation id ${other.id} has ${other.keypoints.length} keypoint numbers, ` +
        `the first annotation has ${length}. All people need the same keypoints.`,
    );
  }
}

/** Messages that name the entry and, where it can be read, the picture. */
function failAt(where: string, kind: string, index: number, entry?: unknown): Fail {
  return (what) => {
    const imageId = (entry as Fields | null | undefined)?.image_id;
    const image = imageId === undefined ? '' : ` (image ${describe(imageId)})`;
    return inputError(`${where}: ${kind} ${index}${image}: ${what}`);
  };
}

function asObject(value: unknown, fail: Fail): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fail(`got ${describe(value)}`);
  }
  return value as Fields;
}

function asList(file: Fields, key: string, where: string): unknown[] {
  const value = file[key];
  if (!Array.isArray(value)) {
    throw inputError(
      `${where}: expected a list '${key}', got ${describe(value)}. Is it a COCO keypoint file?`,
    );
  }
  return value;
}

function finite(fields: Fields, key: string, fail: Fail): number {
  const value = fields[key];
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw fail(`${key}: expected a finite number, got ${describe(value)}`);
  }
  return value;
}

function integer(fields: Fields, key: string, fail: Fail): number {
  const value = fields[key];
  if (!Number.isSafeInteger(value)) {
    throw fail(`${key}: expected an integer, got ${describe(value)}`);
  }
  return value as number;
}

function numbers(fields: Fields, key: string, fail: Fail): number[] {
  const value = fields[key];
  if (!Array.isArray(value)) {
    throw fail(`${key}: expected a list of numbers, got ${describe(value)}`);
  }
  const bad = value.findIndex((x) => typeof x !== 'number' || !Number.isFinite(x));
  if (bad >= 0) {
    throw fail(`${key}[${bad}]: expected a finite number, got ${describe(value[bad])}`);
  }
  return value;
}

/** A value as it can stand in a message: short, on one line. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
