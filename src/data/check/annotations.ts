// Every entry of a COCO keypoint file is judged by itself; the sound ones become the table that
// training works from, so that the rest of the check sees what training would see.
import type { AnnotationTable } from '../annotationTable.ts';
import { JsonScanner } from '../jsonScanner.ts';
import { openSource } from '../openInput.ts';
import type { Size } from '../record.ts';
import {
  eachElement,
  finiteNumber,
  type Loose,
  readMembers,
  show,
  usableBox,
  wholeNumber,
} from './looseJson.ts';
import type { Problems } from './problems.ts';

type ImageKey = 'id' | 'width' | 'height' | 'file_name';
type AnnotationKey =
  | 'id'
  | 'image_id'
  | 'category_id'
  | 'iscrowd'
  | 'num_keypoints'
  | 'area'
  | 'bbox'
  | 'keypoints';
type ImageEntry = Partial<Record<ImageKey, Loose>>;
type AnnotationEntry = Partial<Record<AnnotationKey, Loose>>;

const imageKeys: ReadonlySet<ImageKey> = new Set(['id', 'width', 'height', 'file_name']);
const annotationKeys: ReadonlySet<AnnotationKey> = new Set([
  'id',
  'image_id',
  'category_id',
  'iscrowd',
  'num_keypoints',
  'area',
  'bbox',
  'keypoints',
]);

export interface CheckedAnnotations {
  /** Entries in the file, sound or not. */
  readonly images: number;
  readonly annotations: number;
  /** The sound ones. */
  readonly table: AnnotationTable;
}

/** Throws only where the JSON itself is broken. */
export function checkAnnotations(
  file: string,
  keypointCount: number,
  problems: Problems,
): CheckedAnnotations {
  const entries = readEntries(file, problems);
  const images = soundImages(entries.images, problems);
  const people = soundPeople(entries.annotations, images, keypointCount, problems);
  const table = toTable([...images.values()], people, keypointCount);
  return { images: entries.images.length, annotations: entries.annotations.length, table };
}

function readEntries(file: string, problems: Problems) {
  const images: ImageEntry[] = [];
  const annotations: AnnotationEntry[] = [];
  const lists = new Set<string>();
  const scanner = new JsonScanner(openSource(file));
  try {
    scanner.object((key) => {
      const isList = eachElement(scanner, () => {
        if (key === 'images') images.push(readMembers(scanner, imageKeys));
        else if (key === 'annotations') annotations.push(readMembers(scanner, annotationKeys));
        else scanner.skip();
      });
      if (isList) lists.add(key);
    });
    scanner.finish();
  } finally {
    scanner.close();
  }
  for (const key of ['images', 'annotations']) {
    if (!lists.has(key)) problems.add('unreadable', `${file} has no list '${key}'`);
  }
  return { images, annotations };
}

interface SoundImage extends Size {
  readonly id: number;
  readonly index: number;
  readonly fileName: string;
}

function soundImages(entries: readonly ImageEntry[], problems: Problems): Map<number, SoundImage> {
  const images = new Map<number, SoundImage>();
  const names = new Set<string>();
  for (const [position, entry] of entries.entries()) {
    const id = wholeNumber(entry.id);
    const width = wholeNumber(entry.width) ?? 0;
    const height = wholeNumber(entry.height) ?? 0;
    const fileName = entry.file_name;
    const named = typeof fileName === 'string' && fileName !== '' && !fileName.includes('\0');
    if (id === undefined || !(width > 0) || !(height > 0) || !named) {
      const { id, width, height, file_name } = entry;
      problems.add(
        'imageEntry',
        `image ${id ?? `number ${position}`}: ${show(file_name)}, ${show(width)} × ${show(height)}`,
      );
      continue;
    }
    if (images.has(id)) problems.add('repeatedImageId', String(id));
    else images.set(id, { id, width, height, fileName, index: images.size });
    if (names.has(fileName)) problems.add('repeatedFileName', fileName);
    names.add(fileName);
  }
  return images;
}

interface SoundPerson {
  readonly id: number;
  readonly image: SoundImage;
  readonly crowd: boolean;
  readonly numKeypoints: number;
  readonly area: number;
  readonly box: readonly [number, number, number, number];
  /** [K, 3] */
  readonly keypoints: Float64Array;
}

function soundPeople(
  entries: readonly AnnotationEntry[],
  images: ReadonlyMap<number, SoundImage>,
  keypointCount: number,
  problems: Problems,
): SoundPerson[] {
  const ids = new Set<number>();
  const people: SoundPerson[] = [];
  for (const [position, entry] of entries.entries()) {
    const id = wholeNumber(entry.id);
    const imageId = wholeNumber(entry.image_id);
    const crowd = entry.iscrowd === undefined ? 0 : finiteNumber(entry.iscrowd);
    if (id === undefined || imageId === undefined || crowd === undefined) {
      problems.add(
        'annotationEntry',
        `annotation number ${position}: id ${show(entry.id)}, image ${show(entry.image_id)}, ` +
          `iscrowd ${show(entry.iscrowd)}`,
      );
      continue;
    }
    const repeated = ids.has(id);
    if (repeated) problems.add('repeatedAnnotationId', String(id));
    ids.add(id);
    const image = images.get(imageId);
    if (image === undefined) problems.add('unknownImage', `annotation ${id}: image ${imageId}`);
    const person = judgePerson(entry, id, image, keypointCount, problems);
    if (person !== undefined && !repeated) people.push(person);
  }
  return people;
}

/** All checks run, whatever the first ones say; undefined where training could not use the entry. */
function judgePerson(
  entry: AnnotationEntry,
  id: number,
  image: SoundImage | undefined,
  keypointCount: number,
  problems: Problems,
): SoundPerson | undefined {
  const where = `annotation ${id}`;
  if (id === 0) problems.add('idZero', where);
  if (entry.category_id !== 1) problems.add('category', `${where}: ${show(entry.category_id)}`);
  const keypoints = judgeKeypoints(entry, where, keypointCount, problems);
  const box = usableBox(entry.bbox);
  if (box === undefined) problems.add('badBox', `${where}: ${show(entry.bbox)}`);
  const area = finiteNumber(entry.area);
  if (area === undefined) problems.add('badArea', `${where}: ${show(entry.area)}`);
  if (image === undefined || keypoints === undefined) return undefined;
  if (box === undefined || area === undefined) return undefined;
  const crowd = (entry.iscrowd ?? 0) !== 0;
  const numKeypoints = finiteNumber(entry.num_keypoints) ?? countLabelled(keypoints);
  const person = { id, image, crowd, numKeypoints, area, box, keypoints };
  judgePlace(person, where, problems);
  return person;
}

function judgeKeypoints(
  entry: AnnotationEntry,
  where: string,
  keypointCount: number,
  problems: Problems,
): Float64Array | undefined {
  const { keypoints } = entry;
  if (!(keypoints instanceof Float64Array) || keypoints.length !== 3 * keypointCount) {
    const length =
      keypoints instanceof Float64Array ? `${keypoints.length} numbers` : show(keypoints);
    problems.add('keypointLength', `${where}: ${length}, expected ${3 * keypointCount}`);
    return undefined;
  }
  if (!keypoints.every(Number.isFinite)) {
    problems.add('keypointNumbers', where);
    return undefined;
  }
  for (let k = 0; k < keypointCount; k++) {
    const v = keypoints[3 * k + 2]!;
    if (v !== 0 && v !== 1 && v !== 2) problems.add('visibility', `${where}, keypoint ${k}: ${v}`);
  }
  const declared = entry.num_keypoints;
  const labelled = countLabelled(keypoints);
  if (declared !== undefined && declared !== labelled) {
    problems.add('keypointCount', `${where}: ${show(declared)}, counted ${labelled}`);
  }
  return keypoints;
}

function countLabelled(keypoints: Float64Array): number {
  let count = 0;
  for (let i = 2; i < keypoints.length; i += 3) if (keypoints[i]! > 0) count += 1;
  return count;
}

/** Annotators and rounding are a pixel off now and then; more is worth a warning. */
const margin = 1;

function judgePlace({ image, box, keypoints }: SoundPerson, where: string, problems: Problems) {
  const [x, y, w, h] = box;
  const { width, height } = image;
  const inside = (px: number, py: number) =>
    px >= -margin && py >= -margin && px <= width + margin && py <= height + margin;
  if (!inside(x, y) || !inside(x + w, y + h)) {
    problems.add('boxOutside', `${where}: [${box.join(', ')}] in ${width} × ${height}`);
  }
  for (let k = 0; 3 * k < keypoints.length; k++) {
    const [px, py, v] = keypoints.subarray(3 * k, 3 * k + 3) as unknown as [number, number, number];
    if (v > 0 && !inside(px, py)) {
      problems.add('keypointOutside', `${where}, keypoint ${k}: (${px}, ${py})`);
    }
  }
}

function toTable(
  images: readonly SoundImage[],
  people: readonly SoundPerson[],
  keypointCount: number,
): AnnotationTable {
  const rows = people.filter(({ keypoints }) => keypoints.some((value) => value !== 0));
  const keypoints = new Float64Array(rows.length * keypointCount * 3);
  const rowOf = new Map(rows.map((person, row) => [person, row]));
  for (const [row, person] of rows.entries()) {
    keypoints.set(person.keypoints, row * keypointCount * 3);
  }
  return {
    keypointCount,
    imageIds: Float64Array.from(images, ({ id }) => id),
    imageSizes: Float64Array.from(images.flatMap(({ width, height }) => [width, height])),
    fileNames: images.map(({ fileName }) => fileName),
    ids: Float64Array.from(people, ({ id }) => id),
    imageIndices: Int32Array.from(people, ({ image }) => image.index),
    crowd: Uint8Array.from(people, ({ crowd }) => (crowd ? 1 : 0)),
    numKeypoints: Int32Array.from(people, ({ numKeypoints }) => numKeypoints),
    areas: Float64Array.from(people, ({ area }) => area),
    boxes: Float64Array.from(people.flatMap(({ box }) => box)),
    keypointRows: Int32Array.from(people, (person) => rowOf.get(person) ?? -1),
    keypoints,
  };
}
