// Sheets of people with ground truth on the left and the prediction on the right of each cell, to
// look at what a network does: the worst, the best, or any others.
import { drawBox, drawPerson } from '../pose/draw.ts';
import { drawGrid, type GridCell } from '../pose/grid.ts';
import type { Skeleton } from '../pose/skeleton.ts';
import { type RgbImage, warpAffine } from '../pose/warp.ts';
import { decodeImage } from './image.ts';
import type { Size } from './record.ts';
import { writePicture } from './writePicture.ts';

export interface SheetCell {
  /** A picture file or a decoded picture. */
  readonly image: string | RgbImage;
  /** [x, y, width, height] px: the person to show, with some of what is around. */
  readonly box: readonly [number, number, number, number];
  /** [K, 3] x, y, visibility of the ground truth. */
  readonly truth?: ArrayLike<number>;
  /** [K, 3] x, y, score. */
  readonly prediction?: ArrayLike<number>;
  /** One line under the cell; what does not fit is cut off. */
  readonly caption: string;
}

export interface SheetOptions {
  readonly skeleton: Skeleton;
  /** Cells a row. Default 4. */
  readonly columns?: number;
  /** Of each of the two views of a cell, px. Default 192×256. */
  readonly view?: Size;
  /** Predicted keypoints with a lower score are not drawn. Default 0.2. */
  readonly threshold?: number;
}

/** Share of the view that the box fills. */
const fill = 0.8;

/** The 2×3 matrix from picture px to view px: the box in the middle of the view. */
function viewTransform([x, y, width, height]: SheetCell['box'], view: Size): Float64Array {
  const k = fill * Math.min(view.width / Math.max(1, width), view.height / Math.max(1, height));
  return Float64Array.of(
    k,
    0,
    (view.width - 1) / 2 - k * (x + width / 2),
    0,
    k,
    (view.height - 1) / 2 - k * (y + height / 2),
  );
}

/** Keypoints [K, 3] moved into the view. */
const moved = (keypoints: ArrayLike<number>, m: Float64Array): number[] =>
  Array.from(keypoints, (value, i) =>
    i % 3 === 0 ? m[0]! * value + m[2]! : i % 3 === 1 ? m[4]! * value + m[5]! : value,
  );

/** Both views of one cell. */
async function drawCell(
  { image, box, truth, prediction }: SheetCell,
  view: Size,
  skeleton: Skeleton,
  threshold: number,
): Promise<[RgbImage, RgbImage]> {
  const picture = typeof image === 'string' ? await decodeImage(image) : image;
  const m = viewTransform(box, view);
  const seen = (): RgbImage => ({ ...view, data: new Uint8Array(view.width * view.height * 3) });
  const left = seen();
  // The matrix goes from the picture to the view, as everywhere in the project.
  warpAffine(picture, m, view, left.data, false);
  const right = { ...left, data: left.data.slice() };
  const [x, y, width, height] = box;
  const frame = [m[0]! * x + m[2]!, m[4]! * y + m[5]!, m[0]! * width, m[4]! * height] as const;
  for (const half of [left, right]) drawBox(half, frame, 1, [200, 200, 200]);
  if (truth) drawPerson(left, moved(truth, m), skeleton, { style: 'truth' });
  if (prediction)
    drawPerson(right, moved(prediction, m), skeleton, { style: 'prediction', threshold });
  return [left, right];
}

/** Lays the cells out, row by row; at least one cell. */
export async function drawSheet(
  cells: readonly SheetCell[],
  { skeleton, columns = 4, view = { width: 192, height: 256 }, threshold = 0.2 }: SheetOptions,
): Promise<RgbImage> {
  const drawn: GridCell[] = [];
  for (const cell of cells) {
    drawn.push({ views: await drawCell(cell, view, skeleton, threshold), caption: cell.caption });
  }
  return drawGrid(drawn, { columns, view, viewsPerCell: 2 });
}

/** Writes a sheet as PNG or JPEG, by the file's ending; the file appears only when complete. */
export async function writeSheet(
  file: string,
  cells: readonly SheetCell[],
  options: SheetOptions,
): Promise<void> {
  await writePicture(file, await drawSheet(cells, options));
}
