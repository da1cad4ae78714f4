// Pictures in rows and columns with a line of text under each.
import { drawText, letterStep, lineStep } from './bitmapFont.ts';
import type { RgbImage } from './warp.ts';

export interface GridCell {
  /** Side by side, each of the grid's view size. */
  readonly views: readonly RgbImage[];
  /** What does not fit is cut off. */
  readonly caption: string;
}

export interface GridOptions {
  /** Cells a row, at most. */
  readonly columns: number;
  /** Size of a view, px. */
  readonly view: { readonly width: number; readonly height: number };
  readonly viewsPerCell: number;
}

const gap = 6;
const paper = 24;
const ink = [230, 230, 230] as const;

/** Pixels of `part` at (x, y), which lie inside of `whole`. */
export function paste(whole: RgbImage, part: RgbImage, x: number, y: number): void {
  for (let row = 0; row < part.height; row++) {
    const from = row * part.width * 3;
    const pixels = part.data.subarray(from, from + part.width * 3);
    whole.data.set(pixels, ((y + row) * whole.width + x) * 3);
  }
}

/** Lays the cells out, row by row. */
export function drawGrid(
  cells: readonly GridCell[],
  { columns, view, viewsPerCell }: GridOptions,
): RgbImage {
  const across = Math.max(1, Math.min(columns, cells.length));
  const rows = Math.max(1, Math.ceil(cells.length / across));
  const cellWidth = viewsPerCell * (view.width + gap) - gap;
  const cellHeight = view.height + lineStep + gap;
  const [width, height] = [across * (cellWidth + gap) + gap, rows * (cellHeight + gap) + gap];
  const sheet = { width, height, data: new Uint8Array(width * height * 3).fill(paper) };
  for (const [i, { views, caption }] of cells.entries()) {
    const x = gap + (i % across) * (cellWidth + gap);
    const y = gap + Math.floor(i / across) * (cellHeight + gap);
    for (const [v, picture] of views.entries())
      paste(sheet, picture, x + v * (view.width + gap), y);
    const text = caption.slice(0, Math.floor((cellWidth - 2) / letterStep));
    drawText(sheet, text, x + 2, y + view.height + 3, ink);
  }
  return sheet;
}
