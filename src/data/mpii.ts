// MPII people from the JSON files that PaddleDetection and the HRNet authors link (spec 3.12).
import { basename, join } from 'node:path';
import { type HrposeError, inputError } from '../errors.ts';
import { JsonScanner } from './jsonScanner.ts';
import { openSource } from './openInput.ts';
import type { PersonRecord } from './record.ts';

/**
 * One record for each person of the list. Keypoints are read from `gt_joints` or `joints`; a person
 * without either, as in the test list, has none. The image id is the digits of the file name.
 */
export function readMpii(file: string, imageDir: string, keypointCount: number): PersonRecord[] {
  const records: PersonRecord[] = [];
  const scanner = new JsonScanner(openSource(file));
  try {
    scanner.array((index) => {
      const fail = (what: string) =>
        inputError(`${file}: person ${index}: ${what}. Use the annotation files made for MPII.`);
      const person = readPerson(scanner, keypointCount);
      records.push(toRecord(person, index, imageDir, keypointCount, fail));
    });
    scanner.finish();
  } finally {
    scanner.close();
  }
  return records;
}

function readPerson(scanner: JsonScanner, keypointCount: number) {
  const person = {
    image: '',
    center: new Float64Array(2).fill(Number.NaN),
    scale: Number.NaN,
    points: new Float64Array(keypointCount * 2),
    pointCount: 0,
    visible: new Float64Array(keypointCount),
    visibleCount: 0,
  };
  scanner.object((key) => {
    if (key === 'image') person.image = scanner.string();
    else if (key === 'center') scanner.numbers(person.center);
    else if (key === 'scale') person.scale = scanner.number();
    else if (key === 'joints_vis') person.visibleCount = scanner.numbers(person.visible);
    else if (key === 'gt_joints' || key === 'joints')
      person.pointCount = readPoints(scanner, person.points);
    else scanner.skip();
  });
  return person;
}

/** A list of [x, y] or [x, y, …]; returns how many there are. */
function readPoints(scanner: JsonScanner, points: Float64Array): number {
  let count = 0;
  const point = new Float64Array(2);
  scanner.array((k) => {
    point.fill(Number.NaN);
    scanner.numbers(point);
    if (2 * k < points.length) points.set(point, 2 * k);
    count++;
  });
  return count;
}

function toRecord(
  person: ReturnType<typeof readPerson>,
  index: number,
  imageDir: string,
  keypointCount: number,
  fail: (what: string) => HrposeError,
): PersonRecord {
  const { image, center, scale, points, pointCount, visible, visibleCount } = person;
  const digits = basename(image).replace(/\.[^.]*$/, '');
  if (!/^\d{1,15}$/.test(digits))
    throw fail(`expected digits as the file name in 'image', got '${image}'`);
  const hasPoints = pointCount > 0;
  if (hasPoints && (pointCount !== keypointCount || visibleCount !== keypointCount))
    throw fail(
      `expected ${keypointCount} keypoints, got ${pointCount} points and ${visibleCount} 'joints_vis'`,
    );
  if (![...center, scale, ...points, ...visible].every(Number.isFinite))
    throw fail(`expected finite numbers in 'center', 'scale' and 'gt_joints' or 'joints'`);
  return {
    imageFile: join(imageDir, image),
    imageId: Number(digits),
    annotationId: index,
    ...paddedBox(center, scale),
    keypoints: Float32Array.from(points, (value) => (hasPoints ? value - 1 : 0)),
    visible: Float32Array.from(visible, (value) => (value > 0 ? 1 : 0)),
    score: 1,
  };
}

/** The box moved down and grown so that limbs are not cut off; then from 1-based to 0-based px. */
function paddedBox([x, y]: Float64Array, annotated: number) {
  const known = Math.fround(x) !== -1;
  const scale = Math.fround(annotated);
  const lowered = known ? Math.fround(Math.fround(y) + Math.fround(15 * scale)) : Math.fround(y);
  const side = known ? Math.fround(scale * 1.25) : scale;
  const center: [number, number] = [Math.fround(Math.fround(x) - 1), Math.fround(lowered - 1)];
  return { center, scale: [side, side] as [number, number] };
}
