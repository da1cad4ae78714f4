// Things that stand in the places where people are drawn: none of them is a person.
import type { Rng } from '../rng.ts';
import { type Backdrop, disc, foliage, slab } from './backdrop.ts';
import { between, chance, pick } from './draws.ts';
import { blend, clothColour, grey, hsv, type Rgb, shade } from './paints.ts';

/** Trees along the horizon, some with a trunk that comes down in front of it. */
export function trees(backdrop: Backdrop, horizon: number, rng: Rng, count: number): void {
  const leaf = hsv(between(rng, 70, 130), between(rng, 0.3, 0.6), between(rng, 0.25, 0.5));
  for (let i = 0; i < count; i++) {
    const x = between(rng, -0.05, 1.05) * backdrop.width;
    const size = between(rng, 0.1, 0.3) * backdrop.height;
    const base = horizon + between(rng, -2, 0.1 * size);
    const bark = shade([92, 70, 52], between(rng, 0.5, 1.2));
    slab(backdrop, x, base - size * 0.4, size * 0.06, size * 0.5, bark, {
      soft: 2,
      degrees: between(rng, -4, 4),
    });
    const shape = between(rng, 0.4, 0.75);
    foliage(
      backdrop,
      x,
      base - size * 1.05,
      size * shape,
      size * 0.75,
      shade(leaf, between(rng, 0.7, 1.3)),
      rng.integer(256),
    );
  }
}

/** A wall with rows of windows, some lit. */
export function building(
  backdrop: Backdrop,
  x: number,
  base: number,
  width: number,
  height: number,
  rng: Rng,
): void {
  const wall = blend(clothColour(rng), grey(between(rng, 90, 200)), 0.65);
  slab(backdrop, x, base - height / 2, width / 2, height / 2, wall);
  const glass = chance(rng, 0.5) ? shade(wall, 0.45) : hsv(210, 0.25, between(rng, 0.4, 0.9));
  const [columns, rows] = [2 + rng.integer(4), 2 + rng.integer(5)];
  for (let c = 0; c < columns; c++) {
    for (let r = 0; r < rows; r++) {
      const wx = x + ((c + 0.5) / columns - 0.5) * width;
      const wy = base - height + ((r + 0.5) / rows) * height * 0.85;
      const lit = chance(rng, 0.15)
        ? ([250, 232, 180] as Rgb)
        : shade(glass, between(rng, 0.8, 1.15));
      slab(backdrop, wx, wy, (width / columns) * 0.3, (height / rows) * 0.3, lit);
    }
  }
}

/** Seen from the side; size: half its length, px. */
export function car(backdrop: Backdrop, x: number, base: number, size: number, rng: Rng): void {
  const body = clothColour(rng);
  slab(backdrop, x, base - size * 0.3, size * 0.95, size * 0.19, body, { soft: 2 });
  slab(backdrop, x, base - size * 0.58, size * 0.52, size * 0.16, shade(body, 0.9), { soft: 3 });
  slab(backdrop, x, base - size * 0.57, size * 0.44, size * 0.11, [70, 84, 96], { soft: 2 });
  for (const side of [-0.55, 0.55]) {
    disc(backdrop, x + side * size, base - size * 0.12, size * 0.17, size * 0.17, [24, 24, 26]);
    disc(backdrop, x + side * size, base - size * 0.12, size * 0.08, size * 0.08, [150, 150, 154]);
  }
}

/** Windows and pictures on a wall that ends at `horizon`. */
export function wallThings(backdrop: Backdrop, horizon: number, rng: Rng): void {
  const { width } = backdrop;
  for (let i = 1 + rng.integer(3); i > 0; i--) {
    const [x, y] = [between(rng, 0, width), between(rng, 0.2, 0.65) * horizon];
    const [w, h] = [between(rng, 18, 75), between(rng, 18, 60)];
    const frame = shade([120, 90, 60], between(rng, 0.3, 1.6));
    slab(backdrop, x, y, w + 4, h + 4, frame);
    slab(backdrop, x, y, w, h, chance(rng, 0.5) ? ([206, 226, 240] as Rgb) : clothColour(rng));
    if (chance(rng, 0.5)) {
      slab(backdrop, x, y, 2, h, frame);
      slab(backdrop, x, y, w, 2, frame);
    } else disc(backdrop, x, y, w * 0.5, h * 0.6, clothColour(rng), { soft: 3 });
  }
}

/** A sofa, shelves, a table or a lamp that stands at `floor`, px from the top. */
export function furniture(backdrop: Backdrop, floor: number, rng: Rng): void {
  const { width } = backdrop;
  const x = between(rng, 0, width);
  const wood = shade([140, 98, 62], between(rng, 0.4, 1.5));
  pick<() => void>(rng, [
    () => {
      // A sofa: seat, back, two arms.
      const cloth = clothColour(rng);
      const size = between(rng, 55, 110);
      slab(backdrop, x, floor - size * 0.45, size, size * 0.32, shade(cloth, 0.85), { soft: 3 });
      slab(backdrop, x, floor - size * 0.2, size, size * 0.2, cloth, { soft: 3 });
      for (const side of [-1, 1])
        slab(
          backdrop,
          x + side * size,
          floor - size * 0.3,
          size * 0.12,
          size * 0.3,
          shade(cloth, 0.7),
          { soft: 3 },
        );
    },
    () => {
      // Shelves with books.
      const [w, h] = [between(rng, 40, 70), between(rng, 80, 140)];
      slab(backdrop, x, floor - h, w, h, shade(wood, 0.7));
      for (let shelf = 0; shelf < 4; shelf++) {
        const y = floor - h * 2 + (shelf + 0.75) * (h / 2);
        for (let b = -w + 6; b < w - 4; b += between(rng, 5, 10)) {
          const tall = between(rng, 0.1, 0.19) * h;
          slab(backdrop, x + b, y - tall, 2.5, tall, clothColour(rng));
        }
        slab(backdrop, x, y, w, 2, wood);
      }
    },
    () => {
      // A table.
      const [w, h] = [between(rng, 50, 100), between(rng, 40, 65)];
      slab(backdrop, x, floor - h, w, 5, wood);
      for (const side of [-0.9, 0.9])
        slab(backdrop, x + side * w, floor - h / 2, 4, h / 2, shade(wood, 0.7));
      if (chance(rng, 0.6)) disc(backdrop, x, floor - h - 14, 9, 14, clothColour(rng));
    },
    () => {
      // A floor lamp.
      slab(backdrop, x, floor - 85, 2, 85, grey(60));
      slab(backdrop, x, floor - 175, 22, 16, [246, 226, 180], { soft: 5 });
    },
  ])();
}
