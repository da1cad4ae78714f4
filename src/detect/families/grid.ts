// The grids of cells over a picture that one-stage detectors predict from.
import type { Size } from '../../data/record.ts';

export interface Cell {
  /** Column and row. */
  readonly x: number;
  readonly y: number;
  /** Width and height of a cell, px of the input. */
  readonly stride: number;
}

const cellsAlong = (length: number, stride: number) => Math.ceil(length / stride);

export const cellCount = ({ width, height }: Size, stride: number) =>
  cellsAlong(width, stride) * cellsAlong(height, stride);

/** All cells, stride after stride, row after row. */
export function cellsOf({ width, height }: Size, strides: readonly number[]): Cell[] {
  return strides.flatMap((stride) =>
    Array.from({ length: cellsAlong(height, stride) }, (_, y) =>
      Array.from({ length: cellsAlong(width, stride) }, (_, x) => ({ x, y, stride })),
    ).flat(),
  );
}

/** 8, 16, 32 and maybe 64, of which the grids have `count` cells times `each` in all. */
export function stridesFor(input: Size, count: number, each = 1): readonly number[] | undefined {
  return [
    [8, 16, 32],
    [8, 16, 32, 64],
  ].find(
    (strides) =>
      strides.reduce((sum, stride) => sum + cellCount(input, stride), 0) * each === count,
  );
}
