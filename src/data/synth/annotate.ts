// What an annotator would write down about one drawn person, read from the buffers it was drawn by.
import type { Canvas } from './canvas.ts';
import type { Mesh } from './mesh.ts';
import { keypointParts } from './parts.ts';
import { type Layer, samplesAcross } from './raster.ts';
import type { Vec3 } from './vector.ts';

/**
 * Visibility of each keypoint, [17]: 0 outside the picture; 2 where one of the keypoint's own parts
 * is the front-most thing and close in front of it; else 1. The canvas holds what is nearer than
 * this person; the layer holds the person itself. points: picture px and depth.
 */
export function visibilities(
  canvas: Canvas,
  layer: Layer,
  mesh: Mesh,
  points: readonly Vec3[],
  girth: number,
): number[] {
  return points.map(([x, y, z], k) => {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (column < 0 || row < 0 || column >= canvas.width || row >= canvas.height) return 0;
    if (canvas.cover[row * canvas.width + column]! >= 0.5) return 1;
    const sx = Math.floor((x - layer.x) * samplesAcross);
    const sy = Math.floor((y - layer.y) * samplesAcross);
    const columns = layer.width * samplesAcross;
    if (sx < 0 || sy < 0 || sx >= columns || sy >= layer.height * samplesAcross) return 1;
    const sample = sy * columns + sx;
    const triangle = layer.triangle[sample]!;
    if (triangle === 0) return 1;
    const { own, depth } = keypointParts[k]!;
    const near = layer.depth[sample]! - z <= depth * Math.max(1, girth);
    return near && own.includes(mesh.parts[triangle - 1]!) ? 2 : 1;
  });
}

export interface Extent {
  /** Pixels that are the person's. */
  readonly area: number;
  /** [x, y, width, height] around them, px. */
  readonly bbox: readonly [number, number, number, number];
}

/** Extent of everything that `owner` has of the picture, looked for inside the layer. */
export function ownedExtent(canvas: Canvas, layer: Layer, owner: number): Extent {
  let [left, top, right, bottom, area] = [Infinity, Infinity, -1, -1, 0];
  for (let y = layer.y; y < layer.y + layer.height; y++) {
    for (let x = layer.x; x < layer.x + layer.width; x++) {
      if (canvas.owner[y * canvas.width + x] !== owner) continue;
      area++;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  return {
    area,
    bbox: area === 0 ? [0, 0, 0, 0] : [left, top, right - left + 1, bottom - top + 1],
  };
}
