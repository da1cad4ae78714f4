// What a drawn person looks like on the outside: skin, hair, clothes.
import type { Rng } from '../rng.ts';
import { between, chance, pick, pickWeighted } from './draws.ts';
import {
  blend,
  clothColour,
  drawCloth,
  drawHair,
  drawSkin,
  drawTrousers,
  type Paint,
  plain,
  type Rgb,
  shade,
} from './paints.ts';

export type HairStyle = 'short' | 'crop' | 'bald' | 'long' | 'bob' | 'bun' | 'tail' | 'round';

export interface Outfit {
  readonly skin: Rgb;
  readonly hair: Rgb;
  readonly hairStyle: HairStyle;
  readonly hat?: { readonly colour: Rgb; readonly peak: boolean };
  readonly beard: boolean;
  readonly glasses: 'none' | 'clear' | 'dark';
  readonly top: Paint;
  /** Sleeve's end, in arm lengths from the shoulder: 0 none, 1 to the wrist. */
  readonly sleeve: number;
  /** Hem of the top below the hip line, statures (negative: above). */
  readonly hem: number;
  readonly bottom: Paint;
  /** Trousers' end, in leg lengths from the hip. */
  readonly trouserLeg: number;
  /** Skirt's end, in thigh lengths from the hip; 0 for none. */
  readonly skirt: number;
  readonly skirtPaint: Paint;
  /** Looseness of the cloth: factor on thickness. */
  readonly loose: number;
  readonly shoes: Rgb;
  readonly soles: Rgb;
  readonly socks: Rgb;
}

export function drawOutfit(rng: Rng): Outfit {
  const feminine = chance(rng, 0.45);
  const skirted = feminine && chance(rng, 0.35);
  const dress = skirted && chance(rng, 0.5);
  const skin = drawSkin(rng);
  const hair = drawHair(rng);
  const top = drawCloth(rng);
  const skirtPaint = dress ? top : drawCloth(rng);
  const hairStyle = pickWeighted<HairStyle>(
    rng,
    feminine
      ? [
          ['long', 4],
          ['bob', 2],
          ['bun', 1.5],
          ['tail', 2],
          ['round', 0.5],
          ['short', 1],
        ]
      : [
          ['short', 5],
          ['crop', 2],
          ['bald', 0.8],
          ['round', 0.5],
          ['bob', 0.3],
        ],
  );
  const hatted = chance(rng, 0.15);
  const shoes = chance(rng, 0.5) ? shade([40, 34, 32], between(rng, 0.5, 1.8)) : clothColour(rng);
  return {
    skin,
    hair,
    hairStyle,
    ...(hatted ? { hat: { colour: clothColour(rng), peak: chance(rng, 0.7) } } : {}),
    beard: !feminine && chance(rng, 0.25),
    glasses: pickWeighted(rng, [
      ['none', 8],
      ['clear', 1],
      ['dark', 1],
    ] as const),
    top,
    sleeve: pickWeighted<number>(rng, [
      [0.28, 4],
      [0.4, 2],
      [0.75, 1],
      [0.97, 5],
      [0, 0.8],
    ]),
    hem: dress ? 0.02 : between(rng, -0.03, 0.045),
    bottom: skirted ? plain(chance(rng, 0.7) ? skin : clothColour(rng)) : drawTrousers(rng),
    trouserLeg: skirted
      ? 0.96
      : pickWeighted<number>(rng, [
          [0.97, 7],
          [0.45, 2.5],
          [0.3, 0.7],
        ]),
    skirt: skirted ? between(rng, 0.55, 1.25) : 0,
    skirtPaint,
    loose: between(rng, 1.06, 1.32),
    shoes,
    soles: pick(rng, [[236, 234, 228], shade(shoes, 0.4), [30, 28, 28]] as const),
    socks: chance(rng, 0.5) ? [232, 232, 230] : blend(shoes, [60, 60, 64], 0.6),
  };
}
