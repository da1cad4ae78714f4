// Brushes for what lies behind people: they write into a plain [H, W, 3] picture.
import { type Noise, noiseAt } from './noise.ts';
import type { Rgb } from './paints.ts';

export interface Backdrop {
  readonly width: number;
  readonly height: number;
  /** [H, W, 3], 0 to 255. */
  readonly colour: Float32Array;
  readonly noise: Noise;
}

const clampTo = (x: number, low: number, high: number) => Math.max(low, Math.min(high, x));

/** Fills rows from `top` to `bottom` from one colour to another, with noise of a size and depth. */
export function wash(
  { width, height, colour, noise }: Backdrop,
  top: number,
  bottom: number,
  from: Rgb,
  to: Rgb,
  grain: { readonly zoom: number; readonly depth: number; readonly at: number },
): void {
  const [first, last] = [
    clampTo(Math.floor(top), 0, height),
    clampTo(Math.ceil(bottom), 0, height),
  ];
  for (let y = first; y < last; y++) {
    const t = (y - top) / Math.max(1, bottom - top);
    const [r, g, b] = [0, 1, 2].map((c) => from[c]! + (to[c]! - from[c]!) * t) as [
      number,
      number,
      number,
    ];
    const row = (Math.floor(y * grain.zoom + grain.at) & 255) << 8;
    for (let x = 0; x < width; x++) {
      const speck = noise.smooth[row | (Math.floor(x * grain.zoom + grain.at) & 255)]!;
      const k = 1 + grain.depth * (speck - 0.5);
      const i = (y * width + x) * 3;
      colour[i] = r * k;
      colour[i + 1] = g * k;
      colour[i + 2] = b * k;
    }
  }
}

/**
 * A floor below the horizon: its texture grows towards the viewer. `planks` > 0 draws lines that
 * run to the horizon, that many across the picture.
 */
export function ground(
  { width, height, colour, noise }: Backdrop,
  horizon: number,
  near: Rgb,
  far: Rgb,
  grain: { readonly zoom: number; readonly depth: number; readonly at: number },
  planks = 0,
): void {
  const top = clampTo(Math.floor(horizon), 0, height);
  for (let y = top; y < height; y++) {
    const distance = 260 / (y - horizon + 6);
    const t = clampTo((y - horizon) / (height - horizon), 0, 1);
    const [r, g, b] = [0, 1, 2].map((c) => far[c]! + (near[c]! - far[c]!) * t) as [
      number,
      number,
      number,
    ];
    for (let x = 0; x < width; x++) {
      const across = (x - width / 2) * distance * 0.16;
      let k =
        1 +
        grain.depth *
          (noiseAt(noise, across * grain.zoom * 4 + grain.at, distance * 40 * grain.zoom) - 0.5);
      if (planks > 0) {
        const plank = (across * planks) / 40;
        const share = plank - Math.floor(plank);
        k *= share < 0.06 ? 0.7 : 0.94 + 0.12 * noiseAt(noise, Math.floor(plank) * 37, grain.at);
      }
      const i = (y * width + x) * 3;
      colour[i] = r * k;
      colour[i + 1] = g * k;
      colour[i + 2] = b * k;
    }
  }
}

/** Blends a colour over a rectangle's pixels by `alphaAt` of the pixel's middle. */
function stamp(
  { width, height, colour }: Backdrop,
  left: number,
  top: number,
  right: number,
  bottom: number,
  paint: Rgb,
  alphaAt: (x: number, y: number) => number,
): void {
  const [x0, x1] = [clampTo(Math.floor(left), 0, width), clampTo(Math.ceil(right), 0, width)];
  const [y0, y1] = [clampTo(Math.floor(top), 0, height), clampTo(Math.ceil(bottom), 0, height)];
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) {
      const alpha = clampTo(alphaAt(x + 0.5, y + 0.5), 0, 1);
      if (alpha === 0) continue;
      const i = (y * width + x) * 3;
      colour[i] += (paint[0] - colour[i]!) * alpha;
      colour[i + 1] += (paint[1] - colour[i + 1]!) * alpha;
      colour[i + 2] += (paint[2] - colour[i + 2]!) * alpha;
    }
  }
}

/** A rectangle about its middle, turned by `degrees`, with edges `soft` px wide. */
export function slab(
  backdrop: Backdrop,
  x: number,
  y: number,
  halfWidth: number,
  halfHeight: number,
  paint: Rgb,
  { degrees = 0, soft = 1, alpha = 1 } = {},
): void {
  const c = Math.cos((degrees * Math.PI) / 180);
  const s = Math.sin((degrees * Math.PI) / 180);
  const reachX = Math.abs(halfWidth * c) + Math.abs(halfHeight * s) + soft;
  const reachY = Math.abs(halfWidth * s) + Math.abs(halfHeight * c) + soft;
  stamp(backdrop, x - reachX, y - reachY, x + reachX, y + reachY, paint, (px, py) => {
    const dx = Math.abs((px - x) * c + (py - y) * s) - halfWidth;
    const dy = Math.abs((py - y) * c - (px - x) * s) - halfHeight;
    return alpha * clampTo(0.5 - dx / soft, 0, 1) * clampTo(0.5 - dy / soft, 0, 1);
  });
}

/** An ellipse with an edge `soft` px wide; with `hole` (0 to 1) a ring. */
export function disc(
  backdrop: Backdrop,
  x: number,
  y: number,
  radiusX: number,
  radiusY: number,
  paint: Rgb,
  { soft = 1, alpha = 1, hole = 0 } = {},
): void {
  const radius = Math.min(radiusX, radiusY);
  stamp(
    backdrop,
    x - radiusX - soft,
    y - radiusY - soft,
    x + radiusX + soft,
    y + radiusY + soft,
    paint,
    (px, py) => {
      const d = Math.hypot((px - x) / radiusX, (py - y) / radiusY);
      const inner = hole > 0 ? clampTo(((d - hole) * radius) / soft + 0.5, 0, 1) : 1;
      return alpha * inner * clampTo(((1 - d) * radius) / soft + 0.5, 0, 1);
    },
  );
}

/** A ragged ellipse of leaves: noise decides where it is thick. */
export function foliage(
  backdrop: Backdrop,
  x: number,
  y: number,
  radiusX: number,
  radiusY: number,
  paint: Rgb,
  at: number,
): void {
  const { noise } = backdrop;
  for (const [light, shift] of [
    [0.65, 0],
    [1, 71],
    [1.3, 143],
  ] as const) {
    const colour: Rgb = [paint[0] * light, paint[1] * light, paint[2] * light];
    stamp(backdrop, x - radiusX, y - radiusY, x + radiusX, y + radiusY, colour, (px, py) => {
      const edge = 1 - Math.hypot((px - x) / radiusX, (py - y) / radiusY);
      const leaf = noiseAt(noise, px * 1.7 + at + shift, py * 1.7 + shift * 3);
      return (edge * (light < 1 ? 6 : 1.6) + (leaf - 0.5) * 5 - (light < 1 ? 0 : 0.6)) * 1.5;
    });
  }
}
