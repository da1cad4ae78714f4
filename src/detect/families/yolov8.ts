// Ultralytics' YOLOv8 and later: one output [1, 4 + C, N], or turned, of middle x, y, width, height in
// px of the input and how sure of each class; further columns (masks, keypoints) are left alone. Its
// RT-DETR writes the same for 300 queries, in shares of the input, for a stretched picture.
import type { Size } from '../../data/record.ts';
import { inputError } from '../../errors.ts';
import type { OnnxSummary } from '../../onnx/read.ts';
import type { Candidate } from '../boxNms.ts';
import {
  type DetectorFamily,
  feedPicture,
  isSize,
  type ModelFacts,
  output,
  pictureInput,
  sizeOfInput,
  toUnit,
} from '../family.ts';
import { type Frame, toPicture } from '../pictureTensor.ts';
import { stridesFor } from './grid.ts';
import { readNames } from './yoloNames.ts';
import { yolov5, yolox } from './yolox.ts';

const usualSize = { width: 640, height: 640 };
const mostQueries = 1000;

const firstShape = ({ outputs }: OnnxSummary) => outputs[0]?.shape ?? [];

/** Few rows of 4 + C, and not one for each cell: queries. */
const hasQueries = ([, rows, columns]: readonly (number | string)[], input: Size) =>
  isSize(rows) &&
  isSize(columns) &&
  rows <= mostQueries &&
  rows > columns &&
  stridesFor(input, rows) === undefined;

export const yolov8: DetectorFamily = {
  kind: 'yolov8',
  about: "Ultralytics' YOLOv8 and later: images [1, 3, H, W] -> [1, 4 + classes, N], or turned",
  fits(signature) {
    if (pictureInput(signature) === undefined || signature.inputs.length !== 1) return false;
    const shape = firstShape(signature);
    if (shape.length !== 3 || shape[2] === 6) return false;
    if (yolox.fits(signature) || yolov5.fits(signature)) return false;
    const [, a, b] = shape;
    // Open dimensions are Ultralytics' if its metadata is there.
    if (!isSize(a) || !isSize(b)) return readNames(signature) !== undefined;
    return Math.min(a, b) >= 5 && Math.max(a, b) > Math.min(a, b);
  },
  open(facts) {
    const { signature } = facts;
    const size = sizeOfInput(facts, metadataSize(signature) ?? usualSize);
    const queries = hasQueries(firstShape(signature), size);
    const placement = queries ? 'stretch' : 'middle';
    const rules = { placement, order: 'rgb', fill: 114, ...toUnit } as const;
    const { name } = signature.outputs[0]!;
    return {
      inputSize: size,
      notes: [],
      nmsIou: queries ? undefined : 0.7,
      feed: feedPicture(pictureInput(signature)!.name, size, rules),
      read(outputs, frame) {
        const { data, dims } = output(outputs, name, 3);
        const unit = queries ? ([size.width, size.height] as const) : ([1, 1] as const);
        return readColumns(data, dims, unit, frame, facts);
      },
    };
  },
};

/** '[640, 640]': height, width. */
function metadataSize({ metadata }: OnnxSummary) {
  const [, height, width] = /^\[(\d{1,5}), *(\d{1,5})\]$/.exec(metadata.get('imgsz') ?? '') ?? [];
  return height === undefined ? undefined : { width: Number(width), height: Number(height) };
}

/** unit: what a width and a height of 1 are in px of the input. */
function readColumns(
  data: Float32Array,
  dims: readonly number[],
  [unitX, unitY]: readonly [number, number],
  frame: Frame,
  { file, signature, personOf, threshold }: ModelFacts,
): Candidate[] {
  const [, a, b] = dims as [number, number, number];
  const turned = a > b;
  const [count, columns] = turned ? [a, b] : [b, a];
  const classes = readNames(signature)?.length ?? columns - 4;
  if (columns < 4 + classes || classes < 1) {
    throw inputError(
      `${file}: expected 4 numbers and a score for each of ${classes} classes, got [${dims.join(', ')}]. Name another kind of detector.`,
    );
  }
  const [along, across] = turned ? [columns, 1] : [1, count];
  const person = 4 + personOf(classes);
  const found: Candidate[] = [];
  for (let i = 0; i < count; i++) {
    const at = (column: number) => data[i * along + column * across]!;
    const score = at(person);
    if (score < threshold) continue;
    const [x, y, w, h] = [at(0) * unitX, at(1) * unitY, at(2) * unitX, at(3) * unitY];
    found.push({ corners: toPicture(frame, [x - w / 2, y - h / 2, x + w / 2, y + h / 2]), score });
  }
  return found;
}

/** YOLOv10, YOLO26 and exports with the suppression inside. */
export const yoloEndToEnd: DetectorFamily = {
  kind: 'yolo-end-to-end',
  about: 'YOLO with its own suppression: images [1, 3, H, W] -> [1, N, 6] of corners, score, class',
  fits(signature) {
    const shape = firstShape(signature);
    const plain = pictureInput(signature) !== undefined && signature.inputs.length === 1;
    if (!plain || shape.length !== 3 || shape[2] !== 6 || yolox.fits(signature)) return false;
    return !isSize(shape[1]) || shape[1] <= mostQueries;
  },
  open(facts) {
    const { signature, personOf, threshold } = facts;
    const size = sizeOfInput(facts, metadataSize(signature) ?? usualSize);
    const rules = { placement: 'middle', order: 'rgb', fill: 114, ...toUnit } as const;
    const { name } = signature.outputs[0]!;
    return {
      inputSize: size,
      notes: [],
      nmsIou: undefined,
      feed: feedPicture(pictureInput(signature)!.name, size, rules),
      read(outputs, frame) {
        const { data } = output(outputs, name, 3);
        const person = personOf(undefined);
        const found: Candidate[] = [];
        for (let at = 0; at + 6 <= data.length; at += 6) {
          const [x0, y0, x1, y1, score, label] = data.subarray(at, at + 6) as unknown as number[];
          if (score! < threshold || Math.round(label!) !== person) continue;
          found.push({ corners: toPicture(frame, [x0!, y0!, x1!, y1!]), score: score! });
        }
        return found;
      },
    };
  },
};
