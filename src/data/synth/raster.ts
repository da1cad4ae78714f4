// Depth-buffered triangles at 2×2 samples a pixel. Only the nearest triangle of each sample is
// kept; its surface coordinates and light are worked out again where the sample is painted.
import { type Mesh, vertexSize } from './mesh.ts';

/** Samples along one side of a pixel. */
export const samplesAcross = 2;
/** u, v and light as planes over sample positions: value, change along x, change along y. */
const planeSize = 9;

export interface Layer {
  /** Top left pixel and size of the covered part of the picture, in pixels. */
  x: number;
  y: number;
  width: number;
  height: number;
  /** [height·2, width·2]: depth, and 1 + triangle or 0 where nothing is. */
  depth: Float32Array;
  triangle: Uint16Array;
  /** [triangles, 9]. */
  planes: Float32Array;
}

export const createLayer = (): Layer => ({
  x: 0,
  y: 0,
  width: 0,
  height: 0,
  depth: new Float32Array(0),
  triangle: new Uint16Array(0),
  planes: new Float32Array(0),
});

/** Fits the layer to the part of the picture that the mesh may touch and clears it. */
function fitLayer(layer: Layer, mesh: Mesh, pictureWidth: number, pictureHeight: number): void {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < mesh.vertexCount; i++) {
    const x = mesh.vertices[i * vertexSize]!;
    const y = mesh.vertices[i * vertexSize + 1]!;
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  layer.x = Math.max(0, Math.floor(left));
  layer.y = Math.max(0, Math.floor(top));
  layer.width = Math.max(0, Math.min(pictureWidth, Math.ceil(right)) - layer.x);
  layer.height = Math.max(0, Math.min(pictureHeight, Math.ceil(bottom)) - layer.y);
  const samples = layer.width * layer.height * samplesAcross ** 2;
  if (layer.depth.length < samples) {
    layer.depth = new Float32Array(samples);
    layer.triangle = new Uint16Array(samples);
  }
  if (layer.planes.length < mesh.triangleCount * planeSize) {
    layer.planes = new Float32Array(mesh.triangleCount * planeSize);
  }
  layer.depth.fill(-Infinity, 0, samples);
  layer.triangle.fill(0, 0, samples);
}

export function rasterise(layer: Layer, mesh: Mesh, width: number, height: number): void {
  fitLayer(layer, mesh, width, height);
  if (layer.width === 0 || layer.height === 0) return;
  for (let t = 0; t < mesh.triangleCount; t++) fillTriangle(layer, mesh, t);
}

/** A sample lies at the middle of its cell; of a triangle's edges, the left and top ones count. */
function fillTriangle(layer: Layer, mesh: Mesh, t: number): void {
  const { vertices, corners } = mesh;
  const a = corners[t * 3]! * vertexSize;
  const b = corners[t * 3 + 1]! * vertexSize;
  const c = corners[t * 3 + 2]! * vertexSize;
  const n = samplesAcross;
  const ax = (vertices[a]! - layer.x) * n - 0.5;
  const ay = (vertices[a + 1]! - layer.y) * n - 0.5;
  const bx = (vertices[b]! - layer.x) * n - 0.5;
  const by = (vertices[b + 1]! - layer.y) * n - 0.5;
  const cx = (vertices[c]! - layer.x) * n - 0.5;
  const cy = (vertices[c + 1]! - layer.y) * n - 0.5;
  const area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
  if (Math.abs(area) < 1e-9) return;
  const columns = layer.width * n;
  const firstRow = Math.max(0, Math.ceil(Math.min(ay, by, cy)));
  const lastRow = Math.min(layer.height * n - 1, Math.ceil(Math.max(ay, by, cy)) - 1);
  if (firstRow > lastRow) return;

  const { planes, depth, triangle } = layer;
  // Each quantity is a plane over the samples: its value at (0, 0) and its change along x and y.
  let [z0, zx, zy] = [0, 0, 0];
  for (let k = 2; k < vertexSize; k++) {
    const da = vertices[a + k]!;
    const db = vertices[b + k]! - da;
    const dc = vertices[c + k]! - da;
    const alongX = (db * (cy - ay) - dc * (by - ay)) / area;
    const alongY = (dc * (bx - ax) - db * (cx - ax)) / area;
    const origin = da - alongX * ax - alongY * ay;
    if (k === 2) {
      z0 = origin;
      zx = alongX;
      zy = alongY;
    } else {
      const at = t * planeSize + (k - 3) * 3;
      planes[at] = origin;
      planes[at + 1] = alongX;
      planes[at + 2] = alongY;
    }
  }
  for (let row = firstRow; row <= lastRow; row++) {
    let low = Infinity;
    let high = -Infinity;
    // Where the row crosses each edge; the edges that do not reach the row are passed over.
    if (ay <= row !== by <= row) {
      const x = ax + ((row - ay) * (bx - ax)) / (by - ay);
      if (x < low) low = x;
      if (x > high) high = x;
    }
    if (by <= row !== cy <= row) {
      const x = bx + ((row - by) * (cx - bx)) / (cy - by);
      if (x < low) low = x;
      if (x > high) high = x;
    }
    if (cy <= row !== ay <= row) {
      const x = cx + ((row - cy) * (ax - cx)) / (ay - cy);
      if (x < low) low = x;
      if (x > high) high = x;
    }
    const first = Math.max(0, Math.ceil(low));
    const last = Math.min(columns - 1, Math.ceil(high) - 1);
    let z = z0 + zy * row + zx * first;
    for (let i = row * columns + first; i <= row * columns + last; i++, z += zx) {
      if (z > depth[i]!) {
        depth[i] = z;
        triangle[i] = t + 1;
      }
    }
  }
}

/** u, v and light of triangle `t` at sample (column, row), into `out`. */
export function surfaceAt(
  layer: Layer,
  t: number,
  column: number,
  row: number,
  out: Float64Array,
): void {
  const p = layer.planes;
  const at = t * planeSize;
  out[0] = p[at]! + p[at + 1]! * column + p[at + 2]! * row;
  out[1] = p[at + 3]! + p[at + 4]! * column + p[at + 5]! * row;
  out[2] = p[at + 6]! + p[at + 7]! * column + p[at + 8]! * row;
}
