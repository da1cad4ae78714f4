// Flip test (spec 4.1): the mean of the heatmaps of a crop and of its mirror image.

/**
 * straight = (straight + m) / 2, where m is `mirrored` turned back: columns reversed, left and right
 * keypoints exchanged and, with shiftHeatmap, moved one column to the right (column 0 keeps its value).
 *   straight, mirrored: [N, K, H, W] float32 = shape
 */
export function mergeFlipped(
  straight: Float32Array,
  mirrored: Float32Array,
  shape: readonly [number, number, number, number],
  flipPairs: readonly (readonly [number, number])[],
  shiftHeatmap: boolean,
): void {
  const [n, k, h, w] = shape;
  const partner = Int32Array.from({ length: k }, (_, i) => i);
  for (const [left, right] of flipPairs) {
    partner[left] = right;
    partner[right] = left;
  }
  const shift = shiftHeatmap ? 1 : 0;
  for (let map = 0; map < n * k; map++) {
    const other = map - (map % k) + partner[map % k]!;
    for (let y = 0; y < h; y++) {
      const to = (map * h + y) * w;
      const last = (other * h + y) * w + w - 1;
      straight[to] = 0.5 * (straight[to]! + mirrored[last]!);
      for (let x = 1; x < w; x++) {
        straight[to + x] = 0.5 * (straight[to + x]! + mirrored[last - x + shift]!);
      }
    }
  }
}
