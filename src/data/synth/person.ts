// What a drawn person consists of, and the paints of its surfaces.
import type { Build } from './build.ts';
import { facePaint } from './headMesh.ts';
import type { Joints } from './joints.ts';
import type { Outfit } from './outfit.ts';
import { type Paint, plain, type Rgb } from './paints.ts';
import type { Frame } from './vector.ts';

export interface Figure {
  readonly build: Build;
  readonly joints: Joints;
  readonly outfit: Outfit;
  /** The person's own upright, in view axes. */
  readonly stance: Frame;
  /** Colour of the seat; absent for people on their feet. */
  readonly seat?: { readonly colour: Rgb; readonly back: boolean };
  /** Colour of a rucksack, where one is worn. */
  readonly rucksack?: Rgb;
}

/** Numbers of a person's paints, in the order of `figurePaints`. */
export const paint = {
  skin: 0,
  face: 1,
  hair: 2,
  hat: 3,
  top: 4,
  bottom: 5,
  skirt: 6,
  shoe: 7,
  sole: 8,
  sock: 9,
  seat: 10,
  sack: 11,
};

/** The paints that a figure's mesh refers to by number. */
export function figurePaints({ outfit, seat, rucksack }: Figure): Paint[] {
  return [
    plain(outfit.skin),
    facePaint(outfit),
    plain(outfit.hair),
    plain(outfit.hat?.colour ?? outfit.hair),
    outfit.top,
    outfit.bottom,
    outfit.skirtPaint,
    plain(outfit.shoes),
    plain(outfit.soles),
    plain(outfit.socks),
    plain(seat?.colour ?? [0, 0, 0]),
    plain(rucksack ?? [0, 0, 0]),
  ];
}
