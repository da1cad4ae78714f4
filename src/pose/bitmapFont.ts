// Letters for captions, five by seven pixels each, so that text looks the same everywhere.
import type { RgbImage } from './warp.ts';

/** Seven rows from the top, each one base-32 digit whose five bits are the pixels. */
const glyphs: Readonly<Record<string, string>> = {
  ' ': '0000000',
  '0': 'ehjlphe',
  '1': '4c4444e',
  '2': 'eh168gv',
  '3': 'eh161he',
  '4': '26aiv22',
  '5': 'vgu11he',
  '6': '68guhhe',
  '7': 'v124888',
  '8': 'ehhehhe',
  '9': 'ehhf12c',
  A: 'ehhvhhh',
  B: 'uhhuhhu',
  C: 'ehggghe',
  D: 'sihhhis',
  E: 'vgguggv',
  F: 'vgguggg',
  G: 'ehgnhhf',
  H: 'hhhvhhh',
  I: 'e44444e',
  J: '72222ic',
  K: 'hikokih',
  L: 'ggggggv',
  M: 'hrllhhh',
  N: 'hhpljhh',
  O: 'ehhhhhe',
  P: 'uhhuggg',
  Q: 'ehhhlid',
  R: 'uhhukih',
  S: 'fgge11u',
  T: 'v444444',
  U: 'hhhhhhe',
  V: 'hhhhha4',
  W: 'hhhllla',
  X: 'hha4ahh',
  Y: 'hha4444',
  Z: 'v1248gv',
  a: '00e1fhf',
  b: 'ggmphhu',
  c: '00egghe',
  d: '11djhhf',
  e: '00ehvge',
  f: '698s888',
  g: '0fhhf1e',
  h: 'ggmphhh',
  i: '40c444e',
  j: '20622ic',
  k: 'ggikoki',
  l: 'c44444e',
  m: '00qllhh',
  n: '00mphhh',
  o: '00ehhhe',
  p: '00uhugg',
  q: '00djf11',
  r: '00mpggg',
  s: '00ege1u',
  t: '88s8896',
  u: '00hhhjd',
  v: '00hhha4',
  w: '00hhlla',
  x: '00ha4ah',
  y: '00hhf1e',
  z: '00v248v',
  '.': '00000cc',
  ',': '0000c48',
  ':': '0cc0cc0',
  '-': '000v000',
  '+': '044v440',
  '=': '00v0v00',
  '/': '01248g0',
  '(': '2488842',
  ')': '8422248',
  '%': 'op248j3',
  '#': 'aavavaa',
  _: '000000v',
  '?': 'eh12404',
};
const unknownGlyph = 'vhhhhhv';

/** Pixels from one letter to the next, and from the top of a line to the next, at scale 1. */
export const letterStep = 6;
export const lineStep = 9;

/** Writes one line with its top left corner at (x, y) px; what leaves the picture is cut off. */
export function drawText(
  image: RgbImage,
  text: string,
  x: number,
  y: number,
  colour: readonly [number, number, number],
  scale = 1,
): void {
  [...text].forEach((letter, i) => {
    const rows = glyphs[letter] ?? unknownGlyph;
    for (let row = 0; row < 7 * scale; row++) {
      const bits = Number.parseInt(rows[Math.floor(row / scale)]!, 32);
      for (let column = 0; column < 5 * scale; column++) {
        if (!(bits & (16 >> Math.floor(column / scale)))) continue;
        const [px, py] = [x + i * letterStep * scale + column, y + row];
        if (px < 0 || py < 0 || px >= image.width || py >= image.height) continue;
        image.data.set(colour, (py * image.width + px) * 3);
      }
    }
  });
}
