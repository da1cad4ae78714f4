// Places where people are drawn: parks, streets, rooms, beaches, playing fields, plain studios.
import type { Rng } from '../rng.ts';
import { type Backdrop, disc, ground, slab, wash } from './backdrop.ts';
import { between, chance, pick, pickWeighted } from './draws.ts';
import { blend, clothColour, grey, hsv, type Rgb, shade } from './paints.ts';
import { building, car, furniture, trees, wallThings } from './props.ts';

type Scenery = (backdrop: Backdrop, horizon: number, rng: Rng) => void;

const grain = (rng: Rng, zoom: number, depth: number) => ({ zoom, depth, at: rng.integer(256) });

function sky(backdrop: Backdrop, horizon: number, rng: Rng): void {
  const top = chance(rng, 0.3)
    ? grey(between(rng, 150, 215))
    : hsv(between(rng, 198, 222), between(rng, 0.25, 0.6), between(rng, 0.7, 0.95));
  const low = blend(top, chance(rng, 0.2) ? [250, 200, 150] : [235, 238, 240], 0.7);
  wash(
    backdrop,
    0,
    horizon + 2,
    top,
    low,
    grain(rng, between(rng, 0.25, 0.7), between(rng, 0, 0.35)),
  );
}

const park: Scenery = (backdrop, horizon, rng) => {
  sky(backdrop, horizon, rng);
  trees(backdrop, horizon, rng, 4 + rng.integer(6));
  const grass = hsv(between(rng, 75, 115), between(rng, 0.35, 0.6), between(rng, 0.4, 0.62));
  ground(backdrop, horizon, grass, shade(grass, 0.85), grain(rng, 1.5, between(rng, 0.3, 0.7)));
  if (chance(rng, 0.4)) {
    const y = between(rng, 0.3, 0.9);
    slab(
      backdrop,
      backdrop.width / 2,
      horizon + (backdrop.height - horizon) * y,
      backdrop.width,
      8 + y * 14,
      [186, 172, 148],
      { degrees: between(rng, -6, 6), soft: 5 },
    );
  }
};

const street: Scenery = (backdrop, horizon, rng) => {
  const { width, height } = backdrop;
  sky(backdrop, horizon, rng);
  let x = -between(rng, 0, 60);
  while (x < width) {
    const wide = between(rng, 60, 190);
    building(backdrop, x + wide / 2, horizon + 4, wide, between(rng, 0.5, 1.15) * horizon, rng);
    x += wide + (chance(rng, 0.2) ? between(rng, 5, 40) : 0);
  }
  if (chance(rng, 0.5)) trees(backdrop, horizon + 4, rng, 1 + rng.integer(3));
  const road = grey(between(rng, 70, 150));
  ground(
    backdrop,
    horizon,
    road,
    shade(road, 0.9),
    grain(rng, 3, between(rng, 0.1, 0.3)),
    chance(rng, 0.3) ? between(rng, 3, 9) : 0,
  );
  const kerb = horizon + (height - horizon) * between(rng, 0.1, 0.3);
  slab(backdrop, width / 2, kerb, width, 3, grey(190));
  for (let i = rng.integer(4); i > 0; i--) {
    car(backdrop, between(rng, 0, width), kerb + between(rng, 0, 12), between(rng, 30, 75), rng);
  }
  if (chance(rng, 0.5)) {
    slab(
      backdrop,
      between(rng, 0, width),
      horizon * 0.6,
      between(rng, 2, 5),
      horizon * 0.9,
      grey(between(rng, 30, 110)),
    );
  }
};

const room: Scenery = (backdrop, horizon, rng) => {
  const wall = blend(clothColour(rng), [222, 214, 202], between(rng, 0.4, 0.9));
  wash(
    backdrop,
    0,
    horizon + 2,
    shade(wall, between(rng, 0.8, 1)),
    wall,
    grain(rng, 0.6, between(rng, 0, 0.15)),
  );
  if (chance(rng, 0.2)) {
    const stripe = between(rng, 16, 44);
    for (let x = 0; x < backdrop.width; x += stripe * 2) {
      slab(backdrop, x, horizon / 2, stripe / 2, horizon / 2, shade(wall, 0.88));
    }
  }
  wallThings(backdrop, horizon, rng);
  const floor = chance(rng, 0.5)
    ? shade([172, 126, 84], between(rng, 0.5, 1.2))
    : blend(clothColour(rng), grey(150), 0.6);
  ground(
    backdrop,
    horizon,
    floor,
    shade(floor, 0.85),
    grain(rng, 1, between(rng, 0.05, 0.3)),
    chance(rng, 0.6) ? between(rng, 4, 12) : 0,
  );
  slab(backdrop, backdrop.width / 2, horizon, backdrop.width, 3, shade(wall, 0.6));
  for (let i = 1 + rng.integer(3); i > 0; i--) {
    furniture(backdrop, horizon + between(rng, 0, 0.25) * (backdrop.height - horizon), rng);
  }
};

const beach: Scenery = (backdrop, horizon, rng) => {
  const snow = chance(rng, 0.35);
  sky(backdrop, horizon, rng);
  const depth = (backdrop.height - horizon) * between(rng, 0.15, 0.4);
  const sea: Rgb = snow
    ? [196, 206, 220]
    : hsv(between(rng, 180, 215), between(rng, 0.4, 0.7), between(rng, 0.45, 0.8));
  wash(backdrop, horizon, horizon + depth + 2, shade(sea, 0.85), sea, grain(rng, 2.2, 0.3));
  const sand: Rgb = snow ? [232, 236, 242] : shade([214, 190, 148], between(rng, 0.8, 1.1));
  ground(
    backdrop,
    horizon + depth,
    sand,
    shade(sand, 0.92),
    grain(rng, 1.4, between(rng, 0.08, 0.25)),
  );
  if (snow) trees(backdrop, horizon + depth, rng, 2 + rng.integer(5));
  else {
    for (let i = rng.integer(3); i > 0; i--) {
      const [x, y] = [between(rng, 0, backdrop.width), horizon + depth + between(rng, 0, 40)];
      slab(backdrop, x, y - 30, 2, 30, [220, 220, 220]);
      disc(backdrop, x, y - 58, 42, 14, clothColour(rng));
    }
  }
};

const field: Scenery = (backdrop, horizon, rng) => {
  const { width, height } = backdrop;
  wash(backdrop, 0, horizon, grey(60), grey(110), grain(rng, 2, 0.6));
  // A crowd out of focus: rows of coloured blobs with paler ones on top.
  for (let i = 0; i < 110; i++) {
    const [x, y] = [between(rng, 0, width), between(rng, 0.05, 0.85) * horizon];
    disc(backdrop, x, y + 8, 7, 9, clothColour(rng), { soft: 4 });
    disc(backdrop, x, y - 3, 4, 5, shade([206, 160, 130], between(rng, 0.4, 1.1)), { soft: 3 });
  }
  for (let x = 0; x < width; x += 120) {
    slab(backdrop, x + 60, horizon - 9, 59, 11, clothColour(rng));
  }
  const turf = pick<Rgb>(rng, [
    [84, 140, 66],
    [176, 92, 62],
    [70, 110, 160],
    [196, 158, 108],
  ]);
  const tone = between(rng, 0.75, 1.1);
  ground(
    backdrop,
    horizon,
    shade(turf, tone),
    shade(turf, tone * 0.9),
    grain(rng, 2, between(rng, 0.05, 0.3)),
  );
  for (let i = 1 + rng.integer(3); i > 0; i--) {
    const y = horizon + between(rng, 0.1, 0.9) * (height - horizon);
    slab(backdrop, width / 2, y, width, 1 + (y - horizon) / 60, [240, 240, 236], {
      degrees: between(rng, -12, 12),
    });
  }
};

const studio: Scenery = (backdrop, horizon, rng) => {
  const { width, height } = backdrop;
  const [top, low] = [clothColour(rng), clothColour(rng)];
  wash(
    backdrop,
    0,
    height,
    top,
    blend(top, low, 0.6),
    grain(rng, between(rng, 0.2, 2), between(rng, 0, 0.5)),
  );
  const soft = between(rng, 1, 14);
  for (let i = rng.integer(16); i > 0; i--) {
    const size = between(rng, 8, 60);
    const [x, y] = [between(rng, 0, width), between(rng, 0, height)];
    const alpha = between(rng, 0.3, 1);
    if (chance(rng, 0.5))
      disc(backdrop, x, y, size, size * between(rng, 0.6, 1.4), clothColour(rng), {
        soft,
        alpha,
        hole: chance(rng, 0.3) ? 0.7 : 0,
      });
    else
      slab(backdrop, x, y, size, between(rng, 3, 60), clothColour(rng), {
        degrees: between(rng, 0, 180),
        soft,
        alpha,
      });
  }
  if (chance(rng, 0.5))
    slab(
      backdrop,
      width / 2,
      (horizon + height) / 2,
      width,
      (height - horizon) / 2,
      shade(low, 0.8),
      { soft: 20, alpha: 0.7 },
    );
};

/** Paints one place, the ground from `horizon` (px from the top) down. */
export function paintScenery(backdrop: Backdrop, horizon: number, rng: Rng): void {
  pickWeighted<Scenery>(rng, [
    [park, 3],
    [street, 3],
    [room, 4],
    [beach, 2],
    [field, 1.5],
    [studio, 2],
  ])(backdrop, horizon, rng);
}
