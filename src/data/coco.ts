// Reads a COCO keypoint annotation file into a table. Segmentation polygons, most of the file, are
// passed over; what is kept is checked, and an annotation that cannot be used is named by its id.
import { inputError } from '../errors.ts';
import type { AnnotationTable } from './annotationTable.ts';
import type { ByteSource } from './byteSource.ts';
import { JsonScanner } from './jsonScanner.ts';

/** `keypointCount`: K of the skeleton; every annotation must have 3·K numbers. */
export function scanAnnotations(source: ByteSource, keypointCount: number): AnnotationTable {
  const scanner = new JsonScanner(source);
  const file = source.name;
  const images = imageColumns(file, scanner);
  const people = annotationColumns(file, scanner, keypointCount);
  try {
    scanner.object((key) => {
      if (key === 'images') scanner.array(images.read);
      else if (key === 'annotations') scanner.array(people.read);
      else scanner.skip();
    });
    scanner.finish();
  } finally {
    scanner.close();
  }
  const positions = images.positions();
  return { keypointCount, ...images.columns(), ...people.columns(positions) };
}

function imageColumns(file: string, scanner: JsonScanner) {
  const ids: number[] = [];
  const sizes: number[] = [];
  const fileNames: string[] = [];
  let id: number | undefined;
  let width: number | undefined;
  let height: number | undefined;
  let name = '';

  const member = (key: string) => {
    if (key === 'id') id = scanner.number();
    else if (key === 'width') width = scanner.number();
    else if (key === 'height') height = scanner.number();
    else if (key === 'file_name') name = scanner.string();
    else scanner.skip();
  };
  const read = (index: number) => {
    id = width = height = undefined;
    name = '';
    scanner.object(member);
    const where = `${file}: image ${id ?? `number ${index}`}`;
    if (name === '' || name.includes('\0')) throw inputError(`${where} has no 'file_name'.`);
    ids.push(wholeNumber(id, 'id', where));
    sizes.push(positive(width, 'width', where), positive(height, 'height', where));
    fileNames.push(name);
  };
  const positions = () => {
    rejectRepeats(ids, `${file}: images`);
    return new Map(ids.map((id, i) => [id, i]));
  };
  const columns = () => ({
    imageIds: new Float64Array(ids),
    imageSizes: new Float64Array(sizes),
    fileNames,
  });
  return { read, positions, columns };
}

function annotationColumns(file: string, scanner: JsonScanner, keypointCount: number) {
  const ids: number[] = [];
  const imageIds: number[] = [];
  const crowd: number[] = [];
  const numKeypoints: number[] = [];
  const areas: number[] = [];
  const boxes: number[] = [];
  const keypointRows: number[] = [];
  const rows: Float64Array[] = [];
  const numbers = new Float64Array(keypointCount * 3);
  const box = new Float64Array(4);
  let id: number | undefined;
  let imageId: number | undefined;
  let labelled: number | undefined;
  let area: number | undefined;
  let iscrowd = 0;
  let boxLength = 0;
  let length = 0;

  const member = (key: string) => {
    if (key === 'id') id = scanner.number();
    else if (key === 'image_id') imageId = scanner.number();
    else if (key === 'num_keypoints') labelled = scanner.number();
    else if (key === 'area') area = scanner.number();
    else if (key === 'iscrowd') iscrowd = scanner.number();
    else if (key === 'bbox') boxLength = scanner.numbers(box);
    else if (key === 'keypoints') length = scanner.numbers(numbers);
    else scanner.skip();
  };
  const read = (index: number) => {
    id = imageId = labelled = area = undefined;
    iscrowd = boxLength = length = 0;
    scanner.object(member);
    const where = `${file}: annotation ${id ?? `number ${index}`}`;
    ids.push(wholeNumber(id, 'id', where));
    imageIds.push(wholeNumber(imageId, 'image_id', where));
    if (boxLength !== 4)
      throw inputError(
        `${where} has ${boxLength} numbers in 'bbox', expected x, y, width, height.`,
      );
    if (length !== numbers.length) throw wrongLength(where, length, keypointCount);
    for (const value of box) boxes.push(finite(value, 'bbox', where));
    areas.push(finite(area, 'area', where));
    crowd.push(iscrowd === 0 ? 0 : 1);
    const isLabelled = numbers.some((value) => finite(value, 'keypoints', where) !== 0);
    keypointRows.push(isLabelled ? rows.length : -1);
    if (isLabelled) rows.push(numbers.slice());
    numKeypoints.push(
      labelled === undefined ? countVisible(numbers) : finite(labelled, 'num_keypoints', where),
    );
  };
  const columns = (positions: ReadonlyMap<number, number>) => {
    rejectRepeats(ids, `${file}: annotations`);
    const position = (image: number, a: number) => {
      const found = positions.get(image);
      if (found !== undefined) return found;
      throw inputError(
        `${file}: annotation ${ids[a]} belongs to image ${image}, which is not among the ` +
          `${positions.size} images of the file. Complete 'images' or remove the annotation.`,
      );
    };
    return {
      ids: new Float64Array(ids),
      imageIndices: Int32Array.from(imageIds, position),
      crowd: new Uint8Array(crowd),
      numKeypoints: new Int32Array(numKeypoints),
      areas: new Float64Array(areas),
      boxes: new Float64Array(boxes),
      keypointRows: new Int32Array(keypointRows),
      keypoints: joined(rows, numbers.length),
    };
  };
  return { read, columns };
}

function rejectRepeats(ids: readonly number[], where: string): void {
  const seen = new Set<number>();
  for (const id of ids) {
    if (seen.has(id)) throw inputError(`${where}: the id ${id} stands there twice. Mend the file.`);
    seen.add(id);
  }
}

/** One block of all rows, in float32 if that loses nothing. */
function joined(rows: readonly Float64Array[], length: number): Float32Array | Float64Array {
  const exact = rows.every((row) => row.every((value) => Math.fround(value) === value));
  const all = exact
    ? new Float32Array(rows.length * length)
    : new Float64Array(rows.length * length);
  rows.forEach((row, i) => {
    all.set(row, i * length);
  });
  return all;
}

function countVisible(numbers: Float64Array): number {
  let count = 0;
  for (let i = 2; i < numbers.length; i += 3) if (numbers[i] > 0) count++;
  return count;
}

function wrongLength(where: string, length: number, keypointCount: number) {
  const expected = `expected ${keypointCount * 3} (x, y, visibility of ${keypointCount} keypoints)`;
  const advice =
    length === 0
      ? 'Use a keypoint file (person_keypoints_*.json), not one of boxes or captions.'
      : 'Use the skeleton that the file was made for.';
  return inputError(`${where} has ${length} numbers in 'keypoints', ${expected}. ${advice}`);
}

function finite(value: number | undefined, key: string, where: string): number {
  if (value === undefined) throw inputError(`${where} has no '${key}'.`);
  if (Number.isFinite(value)) return value;
  throw inputError(`${where}: expected finite numbers in '${key}', got ${value}. Mend the file.`);
}

function wholeNumber(value: number | undefined, key: string, where: string): number {
  if (Number.isSafeInteger(finite(value, key, where))) return value as number;
  throw inputError(`${where}: expected a whole number in '${key}', got ${value}. Mend the file.`);
}

function positive(value: number | undefined, key: string, where: string): number {
  if (wholeNumber(value, key, where) > 0) return value as number;
  throw inputError(`${where}: expected '${key}' to be positive, got ${value}. Mend the file.`);
}
