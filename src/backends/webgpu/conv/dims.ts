// The sizes of a convolution, and what all of its shaders say about them.
import { padded } from '../layout.ts';

/** Logical channel counts; in memory channels are filled up with zeros to a multiple of 4. */
export interface ConvDims {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly cin: number;
  readonly cout: number;
  readonly kh: number;
  readonly kw: number;
  readonly stride: number;
  readonly padding: number;
  readonly outH: number;
  readonly outW: number;
}

export type ConvKind = 'forward' | 'gradInput' | 'gradWeight';

/** Vectors of four that hold the channels of a pixel. */
export const vectorsOf = (channels: number): number => padded(channels) / 4;

/** '3×3 s2 64→128 96×72', of the input. */
export const sizesOf = ({ kh, kw, stride, cin, cout, h, w }: ConvDims): string =>
  `${kh}×${kw} s${stride} ${cin}→${cout} ${h}×${w}`;

/** Two operations a multiply-add; the products with the padding around a picture are counted. */
export const flopsOf = ({ n, outH, outW, cin, cout, kh, kw }: ConvDims): number =>
  2 * n * outH * outW * cin * cout * kh * kw;

/** Whether pixel p of the result reads pixel p of the input and nothing else. */
export const isPointwise = ({ kh, kw, stride, padding }: ConvDims): boolean =>
  kh === 1 && kw === 1 && stride === 1 && padding === 0;

/** The sizes of the matrix product that a convolution is, or of the largest of several products. */
export function productOf(kind: ConvKind, d: ConvDims) {
  const taps = d.kh * d.kw;
  const pixels = d.n * d.outH * d.outW;
  switch (kind) {
    case 'forward':
      return { count: 1, rows: pixels, columns: padded(d.cout), depth: taps * padded(d.cin) };
    case 'gradInput': {
      // One for each class of parity, with its share of the pixels and of the taps.
      const count = d.stride ** 2;
      const rows = d.n * Math.ceil(d.h / d.stride) * Math.ceil(d.w / d.stride);
      return {
        count,
        rows,
        columns: padded(d.cin),
        depth: Math.ceil(taps / count) * padded(d.cout),
      };
    }
    case 'gradWeight':
      return { count: 1, rows: taps * padded(d.cin), columns: padded(d.cout), depth: pixels };
    default:
      return kind satisfies never;
  }
}
