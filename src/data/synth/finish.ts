// From painted colours to the picture a camera would have taken: exposure, tint, light that falls
// off, a slightly soft lens, grain.
import type { Rng } from '../rng.ts';
import { around, between, chance } from './draws.ts';
import type { Noise } from './noise.ts';

/** A three-pixel blur along rows and then columns, `k` being each neighbour's weight. */
function soften(colour: Float32Array, width: number, height: number, k: number): void {
  const row = width * 3;
  const own = 1 - 2 * k;
  for (let y = 0; y < height; y++) {
    for (let c = 0; c < 3; c++) {
      let before = colour[y * row + c]!;
      for (let i = y * row + 3 + c; i < (y + 1) * row - 3; i += 3) {
        const value = colour[i]!;
        colour[i] = value * own + (before + colour[i + 3]!) * k;
        before = value;
      }
    }
  }
  const above = colour.slice(0, row);
  for (let y = 1; y < height - 1; y++) {
    for (let x = 0; x < row; x++) {
      const i = y * row + x;
      const value = colour[i]!;
      colour[i] = value * own + (above[x]! + colour[i + row]!) * k;
      above[x] = value;
    }
  }
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
  const [red, green, blue] = [gain * (1 + warmth), gain, gain * (1 - warmth)];
  const lift = between(rng, -6, 14);
  const fall = [around(rng, 0, 0.1) / width, around(rng, 0, 0.1) / height] as const;
  const grain = chance(rng, 0.6) ? between(rng, 1, 6) : 0;
  if (chance(rng, 0.55)) soften(colour, width, height, between(rng, 0.06, 0.24));
  // Clamped arrays round and hold values within 0 to 255.
  const out = new Uint8ClampedArray(width * height * 3);
  let speck = rng.integer(65536);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const light = 1 + fall[0] * (x - width / 2) + fall[1] * (y - height / 2);
      const i = (y * width + x) * 3;
      const g = grain * noise.grain[speck]!;
      speck = (speck + 1) & 65535;
      out[i] = colour[i]! * light * red + lift + g;
      out[i + 1] = colour[i + 1]! * light * green + lift + g;
      out[i + 2] = colour[i + 2]! * light * blue + lift + g;
    }
    // Rows start at unrelated grains.
    speck = (speck + 7919 * (y + 1)) & 65535;
  }
  return new Uint8Array(out.buffer);
}
