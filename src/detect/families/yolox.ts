// YOLOX (Megvii) and, with three anchors a cell and other colours, YOLOv5 and YOLOv7: one output
// [1, N, 5 + C] of middle x, y, width, height, how sure there is something, how sure of each class.
// YOLOX's is raw unless it was exported with --decode_in_inference; YOLOv5's is in px of the input.
import type { Size } from '../../data/record.ts';
import { inputError } from '../../errors.ts';
import type { OnnxSummary } from '../../onnx/read.ts';
import type { Candidate } from '../boxNms.ts';
import {
  asIs,
  type DetectorFamily,
  type DetectorReader,
  feedPicture,
  isSize,
  type ModelFacts,
  output,
  pictureInput,
  sizeOfInput,
  toUnit,
} from '../family.ts';
import { type Frame, type PictureRules, toPicture } from '../pictureTensor.ts';
import { type Cell, cellsOf, stridesFor } from './grid.ts';
import { readNames } from './yoloNames.ts';

const usualSize = { width: 640, height: 640 };

/** Rows of the only output of rank 3, if they are of this family with `each` anchors a cell. */
function fitsWith(signature: OnnxSummary, each: number): boolean {
  const input = pictureInput(signature);
  const shape = signature.outputs[0]?.shape;
  const [, , height, width] = input?.shape ?? [];
  if (shape?.length !== 3 || !isSize(height) || !isSize(width)) return false;
  const [, rows, columns] = shape;
  if (!isSize(rows) || !isSize(columns) || columns < 6) return false;
  const names = readNames(signature);
  // [1, N, 4 + C] is YOLOv8's, turned; without names only the 80 classes of COCO tell.
  if (names ? columns !== 5 + names.length : columns === 84) return false;
  return stridesFor({ width, height }, rows, each) !== undefined;
}

/** What tells the two families apart. */
interface Traits extends Pick<DetectorFamily, 'kind' | 'about'> {
  /** Anchors a cell. */
  readonly each: number;
  readonly rules: PictureRules;
  readonly nmsIou: number;
}

const gridFamily = ({ kind, about, each, rules, nmsIou }: Traits): DetectorFamily => ({
  kind,
  about,
  fits: (signature) => fitsWith(signature, each),
  open(facts) {
    const { name } = pictureInput(facts.signature)!;
    const size = sizeOfInput(facts, usualSize);
    return {
      inputSize: size,
      notes: [],
      nmsIou,
      feed: feedPicture(name, size, rules),
      read: createReader(facts, size, each),
    };
  },
});

export const yolox = gridFamily({
  kind: 'yolox',
  about: 'YOLOX: images [1, 3, H, W] -> [1, cells, 5 + classes]',
  each: 1,
  rules: { placement: 'corner', order: 'bgr', fill: 114, ...asIs },
  nmsIou: 0.65,
});

export const yolov5 = gridFamily({
  kind: 'yolov5',
  about: 'YOLOv5, YOLOv7: images [1, 3, H, W] -> [1, 3 · cells, 5 + classes]',
  each: 3,
  rules: { placement: 'middle', order: 'rgb', fill: 114, ...toUnit },
  nmsIou: 0.6,
});

function createReader(facts: ModelFacts, size: Size, each: number): DetectorReader['read'] {
  const { name } = facts.signature.outputs[0]!;
  let cells: readonly Cell[] | undefined;
  let raw: boolean | undefined = each === 1 ? undefined : false;
  return (outputs, frame) => {
    const { data, dims } = output(outputs, name, 3);
    const [, rows, columns] = dims as [number, number, number];
    const strides = stridesFor(size, rows, each);
    if (columns < 6 || strides === undefined) {
      throw inputError(
        `${facts.file}: expected one row for each of the cells of ${size.width}×${size.height} and six columns or more, got [${dims.join(', ')}]. Name another kind of detector.`,
      );
    }
    cells ??= each === 1 ? cellsOf(size, strides) : [];
    raw ??= isRaw(data, columns, cells);
    return readRows(data, columns, raw ? cells : undefined, frame, facts);
  };
}

/**
 * Whether x is measured in cells from the row's own cell (about 0.5) or in px of the input (about
 * the cell's middle). Both can be told from all rows together: the two differ by some hundred px.
 */
export function isRaw(data: Float32Array, columns: number, cells: readonly Cell[]): boolean {
  let [ifRaw, ifDecoded] = [0, 0];
  cells.forEach(({ x, stride }, row) => {
    const value = data[row * columns]!;
    ifRaw += Math.min(Math.abs(value - 0.5) * stride, 1e4);
    ifDecoded += Math.min(Math.abs(value - (x + 0.5) * stride), 1e4);
  });
  return ifRaw < ifDecoded;
}

function readRows(
  data: Float32Array,
  columns: number,
  cells: readonly Cell[] | undefined,
  frame: Frame,
  { personOf, threshold }: ModelFacts,
): Candidate[] {
  const person = 5 + personOf(columns - 5);
  const found: Candidate[] = [];
  for (let at = 0, row = 0; at < data.length; at += columns, row++) {
    const score = data[at + 4]! * data[at + person]!;
    if (score < threshold) continue;
    let [x, y, w, h] = data.subarray(at, at + 4) as unknown as [number, number, number, number];
    if (cells) {
      const cell = cells[row]!;
      x = (x + cell.x) * cell.stride;
      y = (y + cell.y) * cell.stride;
      w = Math.exp(w) * cell.stride;
      h = Math.exp(h) * cell.stride;
    }
    found.push({ corners: toPicture(frame, [x - w / 2, y - h / 2, x + w / 2, y + h / 2]), score });
  }
  return found;
}
