// From painted colours to the picture a camera would have taken: exposure, tint, light that falls
// off, a slightly soft lens, grain.
import type { Rng } from '../rng.ts';
import { around, between, chance } from './draws.ts';
import type { Noise } from './noise.ts';

/** A [1 2 1]/4-like blur, along rows and then along columns, `k` being the neighbours' weight. */
function soften(colour: Float32Array, width: number, height: number, k: number): void {
  const line = new Float32Array(Math.max(width, height) * 3);
  const pass = (start: number, step: number, count: number) => {
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < 3; c++) line[i * 3 + c] = colour[start + i * step + c]!;
    }
    for (let i = 1; i < count - 1; i++) {
      for (let c = 0; c < 3; c++) {
        const j = i * 3 + c;
        colour[start + i * step + c] = line[j]! * (1 - 2 * k) + (line[j - 3]! + line[j + 3]!) * k;
      }
    }
  };
  for (let y = 0; y < height; y++) pass(y * width * 3, 3, width);
  for (let x = 0; x < width; x++) pass(x * 3, width * 3, height);
}

/** colour: [H, W, 3] float, changed in place; the result is [H, W, 3] uint8. */
export function develop(
  colour: Float32Array,
  width: number,
  height: number,
  noise: Noise,
  rng: Rng,
): Uint8Array {
  const gain = Math.exp(around(rng, 0.04, 0.14));
  const warmth = around(rng, 0, 0.05);
  const tint = [gain * (1 + warmth), gain, gain * (1 - warmth)];
  const lift = between(rng, -6, 14);
  const fall = [around(rng, 0, 0.1) / width, around(rng, 0, 0.1) / height] as const;
  const grain = chance(rng, 0.6) ? between(rng, 1, 6) : 0;
  if (chance(rng, 0.55)) soften(colour, width, height, between(rng, 0.06, 0.24));
  const out = new Uint8Array(width * height * 3);
  let speck = rng.integer(65536);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const light = 1 + fall[0] * (x - width / 2) + fall[1] * (y - height / 2);
      const i = (y * width + x) * 3;
      const g = grain * noise.grain[speck]!;
      speck = (speck + 1) & 65535;
      for (let c = 0; c < 3; c++) {
        const value = colour[i + c]! * light * tint[c]! + lift + g + 0.5;
        out[i + c] = value < 0 ? 0 : value > 255 ? 255 : value;
      }
    }
    // Rows start at unrelated grains.
    speck = (speck + 7919 * (y + 1)) & 65535;
  }
  return out;
}
