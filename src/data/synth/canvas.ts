// A picture painted front to back: what is nearest is laid down first and everything later only
// fills the room that is left. So who is seen, and how much of them, is known as soon as they are
// painted, and a person that would hardly show is left out before a pixel is touched.
import type { Mesh } from './mesh.ts';
import type { Paint } from './paints.ts';
import { part } from './parts.ts';
import { type Layer, samplesAcross, surfaceAt } from './raster.ts';

/** Owner numbers: 0 nothing yet, 1 + person index, or this for what is nobody's. */
export const nobody = 255;

export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** [H, W, 3] colours times cover, 0 to 255. */
  readonly colour: Float32Array;
  /** [H, W] share of the pixel that is painted, 0 to 1. */
  readonly cover: Float32Array;
  /** [H, W] whose the pixel is: set by whoever covers its larger part. */
  readonly owner: Uint8Array;
}

export const createCanvas = (width: number, height: number): Canvas => ({
  width,
  height,
  colour: new Float32Array(width * height * 3),
  cover: new Float32Array(width * height),
  owner: new Uint8Array(width * height),
});

export function clearCanvas({ colour, cover, owner }: Canvas): void {
  colour.fill(0);
  cover.fill(0);
  owner.fill(0);
}

/** Lays `alpha` of a colour under what is there. */
export function paintUnder(
  canvas: Canvas,
  pixel: number,
  alpha: number,
  r: number,
  g: number,
  b: number,
  owner: number,
): void {
  const room = (1 - canvas.cover[pixel]!) * alpha;
  if (room <= 0) return;
  canvas.colour[pixel * 3] += room * r;
  canvas.colour[pixel * 3 + 1] += room * g;
  canvas.colour[pixel * 3 + 2] += room * b;
  canvas.cover[pixel] += room;
  if (canvas.owner[pixel] === 0 && canvas.cover[pixel]! >= 0.5) canvas.owner[pixel] = owner;
}

/** Paints a rasterised mesh under what is there; its parts that are things belong to nobody. */
export function paintLayer(
  canvas: Canvas,
  layer: Layer,
  mesh: Mesh,
  paints: readonly Paint[],
  owner: number,
): void {
  const n = samplesAcross;
  const columns = layer.width * n;
  const surface = new Float64Array(3);
  const colour = new Float64Array(3);
  for (let y = 0; y < layer.height; y++) {
    for (let x = 0; x < layer.width; x++) {
      const pixel = (layer.y + y) * canvas.width + layer.x + x;
      if (canvas.cover[pixel]! >= 0.999) continue;
      let [hits, things, r, g, b] = [0, 0, 0, 0, 0];
      for (let sample = 0; sample < n * n; sample++) {
        const row = y * n + (sample >> 1);
        const column = x * n + (sample & 1);
        const id = layer.triangle[row * columns + column]!;
        if (id === 0) continue;
        surfaceAt(layer, id - 1, column, row, surface);
        paints[mesh.paints[id - 1]!]!(surface[0]!, surface[1]!, colour);
        const light = surface[2]!;
        hits++;
        if (mesh.parts[id - 1] === part.thing) things++;
        r += colour[0]! * light;
        g += colour[1]! * light;
        b += colour[2]! * light;
      }
      if (hits === 0) continue;
      const whose = things * 2 > hits ? nobody : owner;
      paintUnder(canvas, pixel, hits / (n * n), r / hits, g / hits, b / hits, whose);
    }
  }
}
