// From 8-bit crops to the network's input (spec 3.10).

/**
 * out[n, c, y, x] = (images[n, y, x, c] / 255 − mean[c]) / std[c], by a table of 256 values a channel,
 * rounded to float32 after each of the three operations.
 *   images: [N, H, W, C] uint8; out: [N, C, H, W] float32; C = mean.length
 */
export function normalizeImages(
  images: Uint8Array,
  n: number,
  h: number,
  w: number,
  mean: readonly number[],
  std: readonly number[],
  out: Float32Array,
): void {
  const channels = mean.length;
  const plane = h * w;
  for (let c = 0; c < channels; c++) {
    const table = normalizeTable(mean[c]!, std[c]!);
    for (let i = 0; i < n; i++) {
      const start = (i * channels + c) * plane;
      let from = i * plane * channels + c;
      for (let to = start; to < start + plane; to++, from += channels) {
        out[to] = table[images[from]!]!;
      }
    }
  }
}

/** The normalised value of each byte, [256]. */
export function normalizeTable(mean: number, std: number): Float32Array {
  const step = Math.fround(1 / 255);
  const { fround } = Math;
  return Float32Array.from({ length: 256 }, (_, v) => fround(fround(v * step) - mean) / std);
}
