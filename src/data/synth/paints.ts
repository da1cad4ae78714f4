// Surface colours: a paint gives the colour at (u, v), both in statures along the surface.
import type { Rng } from '../rng.ts';
import { between, chance, pick, pickWeighted } from './draws.ts';

export type Rgb = readonly [number, number, number];
/** Writes red, green, blue (0 to 255) of the surface at (u, v). */
export type Paint = (u: number, v: number, out: Float64Array) => void;

export const plain =
  ([r, g, b]: Rgb): Paint =>
  (_u, _v, out) => {
    out[0] = r;
    out[1] = g;
    out[2] = b;
  };

export const blend = (a: Rgb, b: Rgb, t: number): Rgb => [
  a[0] + (b[0] - a[0]) * t,
  a[1] + (b[1] - a[1]) * t,
  a[2] + (b[2] - a[2]) * t,
];
export const shade = (a: Rgb, k: number): Rgb => [a[0] * k, a[1] * k, a[2] * k];

/** A barely cool grey. */
export const grey = (v: number): Rgb => [v, v, v * 1.02];

/** Hue 0 to 360, saturation and value 0 to 1. */
export function hsv(hue: number, saturation: number, value: number): Rgb {
  const channel = (n: number) => {
    const k = (n + hue / 60) % 6;
    return 255 * value * (1 - saturation * Math.max(0, Math.min(k, 4 - k, 1)));
  };
  return [channel(5), channel(3), channel(1)];
}

/** One of two paints, by a test on the surface. */
export const split =
  (test: (u: number, v: number) => boolean, inside: Paint, outside: Paint): Paint =>
  (u, v, out) =>
    (test(u, v) ? inside : outside)(u, v, out);

const wave = (x: number, period: number) => x / period - Math.floor(x / period);

const patterns = {
  plain: (_rng, a) => plain(a),
  gradient: (rng, a, b) => {
    const span = between(rng, 0.15, 0.35);
    return (_u, v, out) => plain(blend(a, b, Math.max(0, Math.min(1, v / span))))(0, 0, out);
  },
  hoops: (rng, a, b) => {
    const period = between(rng, 0.018, 0.06);
    const share = between(rng, 0.25, 0.6);
    return split((_u, v) => wave(v, period) < share, plain(a), plain(b));
  },
  pinstripes: (rng, a, b) => {
    const period = between(rng, 0.016, 0.04);
    const share = between(rng, 0.2, 0.5);
    return split((u) => wave(u, period) < share, plain(b), plain(a));
  },
  checks: (rng, a, b) => {
    const period = between(rng, 0.02, 0.05);
    const middle = plain(blend(a, b, 0.5));
    const [pa, pb] = [plain(a), plain(b)];
    return (u, v, out) => {
      const both = (wave(u, period) < 0.5 ? 1 : 0) + (wave(v, period) < 0.5 ? 1 : 0);
      (both === 0 ? pa : both === 1 ? middle : pb)(u, v, out);
    };
  },
  dots: (rng, a, b) => {
    const period = between(rng, 0.022, 0.045);
    const radius = between(rng, 0.2, 0.33);
    return split(
      (u, v) => Math.hypot(wave(u, period) - 0.5, wave(v, period) - 0.5) < radius,
      plain(b),
      plain(a),
    );
  },
  chestBand: (rng, a, b) => {
    const from = between(rng, 0.06, 0.12);
    const to = from + between(rng, 0.03, 0.07);
    return split((_u, v) => v > from && v < to, plain(b), plain(a));
  },
  emblem: (rng, a, b) => {
    const at = between(rng, 0.18, 0.22);
    const half = between(rng, 0.02, 0.045);
    return split((u, v) => Math.abs(u) < half && Math.abs(v - at) < half * 0.8, plain(b), plain(a));
  },
} satisfies Record<string, (rng: Rng, a: Rgb, b: Rgb) => Paint>;

const neutral = (rng: Rng): Rgb => {
  const v = between(rng, 18, 235);
  return [v + between(rng, -8, 8), v + between(rng, -6, 6), v + between(rng, -8, 8)];
};
export const clothColour = (rng: Rng): Rgb =>
  chance(rng, 0.35)
    ? neutral(rng)
    : hsv(between(rng, 0, 360), between(rng, 0.25, 0.9), between(rng, 0.25, 0.95));

/** A top's cloth: any pattern. */
export const drawCloth = (rng: Rng): Paint =>
  patterns[
    pickWeighted<keyof typeof patterns>(rng, [
      ['plain', 8],
      ['gradient', 1],
      ['hoops', 2],
      ['pinstripes', 1],
      ['checks', 2],
      ['dots', 1],
      ['chestBand', 1.5],
      ['emblem', 2],
    ])
  ](rng, clothColour(rng), clothColour(rng));

const denim: readonly Rgb[] = [
  [44, 62, 96],
  [70, 92, 130],
  [110, 135, 165],
  [30, 34, 46],
  [62, 62, 66],
  [150, 132, 102],
  [92, 86, 62],
];
/** Trousers and shorts: mostly dark and plain. */
export const drawTrousers = (rng: Rng): Paint =>
  chance(rng, 0.7)
    ? plain(shade(pick(rng, denim), between(rng, 0.75, 1.2)))
    : patterns[pick(rng, ['plain', 'pinstripes', 'checks'] as const)](
        rng,
        clothColour(rng),
        clothColour(rng),
      );

const skins: readonly Rgb[] = [
  [246, 212, 188],
  [236, 190, 160],
  [222, 170, 134],
  [198, 142, 104],
  [160, 108, 76],
  [118, 78, 54],
  [84, 56, 42],
];
export const drawSkin = (rng: Rng): Rgb =>
  blend(pick(rng, skins), pick(rng, skins), between(rng, 0, 0.3));

const hairs: readonly Rgb[] = [
  [28, 24, 24],
  [48, 34, 28],
  [84, 56, 36],
  [122, 84, 48],
  [190, 152, 92],
  [226, 200, 140],
  [142, 66, 34],
  [170, 168, 164],
];
export const drawHair = (rng: Rng): Rgb => shade(pick(rng, hairs), between(rng, 0.85, 1.1));
