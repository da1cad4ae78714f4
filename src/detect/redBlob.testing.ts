// Detectors that really look: they find the red rectangle of a picture and write it as the exports of
// each family would. They see it only if channels, normalisation and place are as that family has them.
import type { RgbImage } from '../pose/warp.ts';
import { cellsOf } from './families/grid.ts';
import { asIs, imageNet, toUnit } from './family.ts';
import { ModelBuilder } from './onnxModel.testing.ts';

/** A dark grey picture with a red rectangle, and a blue one that must not be taken for it. */
export function blobPicture(
  width: number,
  height: number,
  red: readonly [number, number, number, number],
): RgbImage {
  const data = new Uint8Array(width * height * 3).fill(60);
  const paint = ([x, y, w, h]: readonly number[], colour: readonly number[]) => {
    for (let j = y!; j < y! + h!; j++)
      for (let i = x!; i < x! + w!; i++) data.set(colour, (j * width + i) * 3);
  };
  paint([2, 2, 12, 10], [0, 30, 250]);
  paint(red, [250, 30, 0]);
  return { width, height, data };
}

type Normalize = { readonly mean: readonly number[]; readonly std: readonly number[] };

interface Blob {
  /** [1, 1] each: left, top, right, bottom in px of the input. */
  readonly corners: readonly [string, string, string, string];
  /** [1, 1]: 0.9 where there is a rectangle, else 0. */
  readonly score: string;
}

/** Where red − blue is more than 100 of 255, in the network's input. */
function findBlob(
  b: ModelBuilder,
  image: string,
  { mean, std }: Normalize,
  order: 'rgb' | 'bgr',
): Blob {
  const [red, blue] = [std[0]!, -std[2]!];
  const kernel = b.constant(order === 'rgb' ? [red, 0, blue] : [blue, 0, red], [1, 3, 1, 1]);
  const difference = b.op('Conv', [image, kernel]);
  const limit = b.constant([100 - mean[0]! + mean[2]!], [1]);
  const mask = b.op('Cast', [b.op('Greater', [difference, limit])], { to: 1 });
  const along = (axis: number) => b.op('ReduceMax', [mask], { axes: [axis], keepdims: 1 });
  const end = (profile: string, axis: number, last: 0 | 1) => {
    const at = b.op('ArgMax', [profile], { axis, keepdims: 1, select_last_index: last });
    const value = b.op('Add', [b.op('Cast', [at], { to: 1 }), b.constant([last], [1])]);
    return b.op('Reshape', [value, b.constant([1, 1], [2], 'int64')]);
  };
  const [columns, rows] = [along(2), along(3)];
  const found = b.op('Reshape', [
    b.op('ReduceMax', [mask], { keepdims: 1 }),
    b.constant([1, 1], [2], 'int64'),
  ]);
  return {
    corners: [end(columns, 3, 0), end(rows, 2, 0), end(columns, 3, 1), end(rows, 2, 1)],
    score: b.op('Mul', [found, b.constant([0.9], [1])]),
  };
}

const half = (b: ModelBuilder, value: string) => b.op('Mul', [value, b.constant([0.5], [1])]);

/** Middle x, y, width, height; [1, 1] each, in px of the input times `unit`. */
function middleForm(b: ModelBuilder, { corners: [x0, y0, x1, y1] }: Blob, unit: number): string[] {
  const form = [
    half(b, b.op('Add', [x0, x1])),
    half(b, b.op('Add', [y0, y1])),
    b.op('Sub', [x1, x0]),
    b.op('Sub', [y1, y0]),
  ];
  return form.map((value) => b.op('Mul', [value, b.constant([unit], [1])]));
}

const row = (b: ModelBuilder, values: readonly string[]) => b.op('Concat', values, { axis: 1 });
const shaped = (b: ModelBuilder, value: string, shape: readonly number[]) =>
  b.op('Reshape', [value, b.constant(shape, [shape.length], 'int64')]);
const zeros = (b: ModelBuilder, count: number) =>
  b.constant(new Array<number>(count).fill(0), [1, count]);

/** YOLOX for `classes` classes with people at 0; the first row has the rectangle. */
export function yoloxModel(size: number, classes: number, decoded: boolean): Uint8Array {
  const b = new ModelBuilder();
  const blob = findBlob(b, b.input('images', 'float32', [1, 3, size, size]), asIs, 'bgr');
  const cells = cellsOf({ width: size, height: size }, [8, 16, 32]);
  const [x, y, w, h] = middleForm(b, blob, decoded ? 1 : 1 / 8) as [string, string, string, string];
  const sizes = decoded ? [w, h] : [b.op('Log', [w]), b.op('Log', [h])];
  const first = row(b, [
    x,
    y,
    ...sizes,
    b.constant([1], [1, 1]),
    blob.score,
    zeros(b, classes - 1),
  ]);
  const others = cells.slice(1).flatMap(({ x: i, y: j, stride }) => {
    const box = decoded
      ? [(i + 0.5) * stride, (j + 0.5) * stride, stride, stride]
      : [0.5, 0.5, 0, 0];
    return [...box, ...new Array<number>(1 + classes).fill(0)];
  });
  const all = b.op('Concat', [first, b.constant(others, [cells.length - 1, 5 + classes])], {
    axis: 0,
  });
  const shape = [1, cells.length, 5 + classes];
  b.output('output', 'float32', shape, shaped(b, all, shape));
  return b.build();
}

/** The same for YOLOv5: three anchors a cell, RGB from 0 to 1. */
export function yolov5Model(size: number): Uint8Array {
  const b = new ModelBuilder();
  const blob = findBlob(b, b.input('images', 'float32', [1, 3, size, size]), toUnit, 'rgb');
  const count = 3 * cellsOf({ width: size, height: size }, [8, 16, 32]).length;
  const first = row(b, [
    ...middleForm(b, blob, 1),
    b.constant([1], [1, 1]),
    blob.score,
    zeros(b, 79),
  ]);
  const all = b.op('Concat', [first, zeros(b, (count - 1) * 85)], { axis: 1 });
  b.output('output0', 'float32', [1, count, 85], shaped(b, all, [1, count, 85]));
  return b.build();
}

export interface Yolov8Shape {
  readonly names?: string;
  readonly classes: number;
  readonly person: number;
  readonly rows: number;
  readonly turned?: boolean;
  /** In shares of the input, as RT-DETR of the same exporter. */
  readonly shares?: boolean;
  readonly openSize?: boolean;
}

export function yolov8Model(size: number, shape: Yolov8Shape): Uint8Array {
  const { names, classes, person, rows, turned, shares, openSize } = shape;
  const b = new ModelBuilder();
  const open: readonly (number | string)[] = openSize ? ['h', 'w'] : [size, size];
  const blob = findBlob(b, b.input('images', 'float32', [1, 3, ...open]), toUnit, 'rgb');
  if (names) b.metadata('names', names);
  if (openSize) b.metadata('imgsz', `[${size}, ${size}]`);
  const scores = Array.from({ length: classes }, (_, c) =>
    c === person ? blob.score : zeros(b, 1),
  );
  const first = row(b, [...middleForm(b, blob, shares ? 1 / size : 1), ...scores]);
  const columns = 4 + classes;
  const all = shaped(b, b.op('Concat', [first, zeros(b, (rows - 1) * columns)], { axis: 1 }), [
    1,
    rows,
    columns,
  ]);
  const result = turned ? all : b.op('Transpose', [all], { perm: [0, 2, 1] });
  const dims = turned ? [1, rows, columns] : [1, columns, rows];
  b.output('output0', 'float32', openSize ? [1, columns, 'anchors'] : dims, result);
  return b.build();
}

export function yoloEndToEndModel(size: number): Uint8Array {
  const b = new ModelBuilder();
  const blob = findBlob(b, b.input('images', 'float32', [1, 3, size, size]), toUnit, 'rgb');
  const first = row(b, [...blob.corners, blob.score, zeros(b, 1)]);
  const all = shaped(b, b.op('Concat', [first, zeros(b, 299 * 6)], { axis: 1 }), [1, 300, 6]);
  b.output('output0', 'float32', [1, 300, 6], all);
  return b.build();
}

const part = (b: ModelBuilder, vector: string, index: number) =>
  b.op('Gather', [vector, b.constant([index], [1], 'int64')], { axis: 1 });

/** Corners in px of the picture: the model divides by scale_factor = [y, x], as paddle2onnx's do. */
function paddleCorners(b: ModelBuilder, { corners: [x0, y0, x1, y1] }: Blob): string[] {
  const factor = b.input('scale_factor', 'float32', [1, 2]);
  const [sy, sx] = [part(b, factor, 0), part(b, factor, 1)];
  return [
    b.op('Div', [x0, sx]),
    b.op('Div', [y0, sy]),
    b.op('Div', [x1, sx]),
    b.op('Div', [y1, sy]),
  ];
}

/** PicoDet (ImageNet's normalisation) or, with im_shape, RT-DETR (0 to 1). */
export function paddleModel(size: number, rtDetr: boolean): Uint8Array {
  const b = new ModelBuilder();
  const image = b.input('image', 'float32', ['batch', 3, size, size]);
  const blob = findBlob(b, image, rtDetr ? toUnit : imageNet, 'rgb');
  const corners = paddleCorners(b, blob);
  if (rtDetr) {
    // im_shape must be the resized size: the score is 0 for any other.
    const told = part(b, b.input('im_shape', 'float32', [1, 2]), 0);
    const right = b.op('Cast', [b.op('Equal', [told, b.constant([size], [1, 1])])], { to: 1 });
    Object.assign(blob, { score: b.op('Mul', [blob.score, right]) });
  }
  const first = row(b, [zeros(b, 1), blob.score, ...corners]);
  const car = b.constant([2, 0.95, 0, 0, 20, 20], [1, 6]);
  const filler = b.constant([-1, 0, 0, 0, 0, 0], [1, 6]);
  const all = b.op('Concat', [first, car, filler], { axis: 0 });
  b.output('multiclass_nms3_0.tmp_0', 'float32', ['n', 6], all);
  b.output(
    'multiclass_nms3_0.tmp_2',
    'int32',
    [1],
    b.op('Cast', [b.constant([3], [1])], { to: 6 }),
  );
  return b.build();
}

/** PP-YOLOE without suppression: the rectangle twice, so that one has to go. */
export function paddleBoxesModel(size: number): Uint8Array {
  const b = new ModelBuilder();
  const blob = findBlob(b, b.input('image', 'float32', [1, 3, size, size]), imageNet, 'rgb');
  const box = shaped(b, row(b, paddleCorners(b, blob)), [1, 1, 4]);
  const scores = row(b, [blob.score, half(b, blob.score), zeros(b, 2 * 79)]);
  b.output('boxes', 'float32', [1, 2, 4], b.op('Concat', [box, box], { axis: 1 }));
  b.output('scores', 'float32', [1, 80, 2], shaped(b, scores, [1, 80, 2]));
  return b.build();
}

/** PicoDet without suppression; the rectangle must lie around the first cell of the coarsest grid. */
export function picoRawModel(size: number): Uint8Array {
  const b = new ModelBuilder();
  const blob = findBlob(b, b.input('image', 'float32', [1, 3, size, size]), imageNet, 'rgb');
  const strides = [8, 16, 32, 64];
  const counts = strides.map((stride) => cellsOf({ width: size, height: size }, [stride]).length);
  const [x0, y0, x1, y1] = blob.corners;
  const middle = b.constant([32], [1, 1]);
  const reach = [
    b.op('Sub', [middle, x0]),
    b.op('Sub', [middle, y0]),
    b.op('Sub', [x1, middle]),
    b.op('Sub', [y1, middle]),
  ];
  // Two bins whose mean is the distance: 7·p cells of 64 px.
  const distribution = reach.flatMap((distance) => {
    const p = b.op('Mul', [distance, b.constant([1 / (7 * 64)], [1])]);
    const q = b.op('Sub', [b.constant([1], [1, 1]), p]);
    return [b.op('Log', [q]), b.constant(new Array<number>(6).fill(-80), [1, 6]), b.op('Log', [p])];
  });
  const level = (first: readonly string[], count: number, columns: number) =>
    shaped(b, row(b, [...first, zeros(b, (count - 1) * columns)]), [1, count, columns]);
  counts.forEach((count, i) => {
    const scores = [i === 3 ? blob.score : zeros(b, 1), zeros(b, 79)];
    b.output(`transpose_${2 * i}.tmp_0`, 'float32', [1, count, 80], level(scores, count, 80));
  });
  counts.forEach((count, i) => {
    const first = i === 3 ? distribution : [zeros(b, 32)];
    b.output(`transpose_${2 * i + 1}.tmp_0`, 'float32', [1, count, 32], level(first, count, 32));
  });
  return b.build();
}

export function rtdetrModel(size: number): Uint8Array {
  const b = new ModelBuilder();
  const blob = findBlob(b, b.input('images', 'float32', ['N', 3, size, size]), toUnit, 'rgb');
  const told = b.op('Cast', [b.input('orig_target_sizes', 'int64', ['N', 2])], { to: 1 });
  const shares = b.op('Mul', [row(b, blob.corners), b.constant([1 / size], [1])]);
  const box = b.op('Mul', [shares, b.op('Concat', [told, told], { axis: 1 })]);
  const boxes = b.op('Concat', [box, zeros(b, 299 * 4)], { axis: 1 });
  const labels = b.op('Cast', [zeros(b, 300)], { to: 7 });
  b.output('labels', 'int64', ['N', 300], labels);
  b.output('boxes', 'float32', ['N', 300, 4], shaped(b, boxes, [1, 300, 4]));
  b.output(
    'scores',
    'float32',
    ['N', 300],
    b.op('Concat', [blob.score, zeros(b, 299)], { axis: 1 }),
  );
  return b.build();
}

/** Transformers' RT-DETR with 80 classes, or RF-DETR with COCO's 91 ids. */
export function detrModel(size: number, rf: boolean): Uint8Array {
  const b = new ModelBuilder();
  const name = rf ? 'input' : 'pixel_values';
  const blob = findBlob(
    b,
    b.input(name, 'float32', [1, 3, size, size]),
    rf ? imageNet : toUnit,
    'rgb',
  );
  const classes = rf ? 91 : 80;
  // 0.9 becomes 4, 0 becomes −5; the logistic function of which is 0.98 and 0.007.
  const logit = b.op('Sub', [
    b.op('Mul', [blob.score, b.constant([10], [1])]),
    b.constant([5], [1]),
  ]);
  const low = (count: number) => b.constant(new Array<number>(count).fill(-5), [1, count]);
  const before = rf ? [low(1)] : [];
  const first = [...before, logit, low(classes - 1 - before.length)];
  const logits = row(b, [...first, low(299 * classes)]);
  const boxes = row(b, [...middleForm(b, blob, 1 / size), zeros(b, 299 * 4)]);
  const [logitsName, boxesName] = rf ? ['labels', 'dets'] : ['logits', 'pred_boxes'];
  b.output(logitsName!, 'float32', [1, 300, classes], shaped(b, logits, [1, 300, classes]));
  b.output(boxesName!, 'float32', [1, 300, 4], shaped(b, boxes, [1, 300, 4]));
  return b.build();
}
