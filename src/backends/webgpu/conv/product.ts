// A product of two matrices as the files that write WGSL for it know it: where its operands come from, and
// what its sums, rows and columns are called in the text.
import type { Storage } from '../halves.ts';
import type { Tile } from './tile.ts';

export interface Operand {
  readonly storage: Storage;
  /** Statements before the loop. */
  readonly setup: string;
  /** Vectors that an invocation brings in a step. */
  readonly registers: readonly string[];
  /** Statements that fill them for step `step`. */
  readonly fetch: string;
  /** Statements that put them into workgroup memory, which starts at vector `to`. */
  readonly put: (to: string) => string;
}

export interface Product {
  readonly tile: Tile;
  /** Which way A's vectors go. */
  readonly along: 'depth' | 'rows';
  readonly a: Operand;
  readonly b: Operand;
  /** Statements at the head of every fetch, of what both operands use. */
  readonly common?: string;
  /** WGSL of the number of steps; the same for a whole workgroup. */
  readonly steps: string;
}

export const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

/** ' + 4u', or nothing for 0. */
export const plus = (n: number): string => (n === 0 ? '' : ` + ${n}u`);

/** The text with every line as deep as the braces that it is in, without empty braces' worth of lines. */
export function indented(code: string): string {
  let depth = 0;
  return code.replace(/^.*$/gm, (line) => {
    const text = line.trim();
    const [opened, closed] = [/[{(]/g, /[})]/g].map((braces) => text.match(braces)?.length ?? 0);
    const before = depth - (/^[})]/.test(text) ? 1 : 0);
    depth += opened! - closed!;
    return text && '  '.repeat(before) + text;
  });
}

/** Names of the sums: row i, vector j of an invocation's piece. */
export const sumName = (i: number, j: number): string => `sum_${i}_${j}`;

/** Vectors of columns in the piece of an invocation and of a workgroup. */
export const columnVectors = (tile: Tile): number => tile.threadColumns / 4;

/** Invocations side by side, along the columns; the others lie along the rows. */
export const threadsAcross = ({ columns, threadColumns }: Tile): number => columns / threadColumns;
export const threadsDown = ({ rows, threadRows }: Tile): number => rows / threadRows;

/** Number within the workgroup's piece of the invocation's row i. */
export function rowOf({ tile, along }: Pick<Product, 'tile' | 'along'>, i: number): string {
  if (along === 'depth') return `ty${plus(i * threadsDown(tile))}`;
  return `(ty${plus(Math.floor(i / 4) * threadsDown(tile))}) * 4u${plus(i % 4)}`;
}

/** Number within the workgroup's piece of the invocation's vector j of columns. */
export const columnOf = (tile: Tile, j: number): string => `tx${plus(j * threadsAcross(tile))}`;
