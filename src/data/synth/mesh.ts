// Triangle meshes of drawn people. Everything is a loft: elliptical rings joined into a skin.
// Vertices are projected and lit as they are added, so that the rasteriser only interpolates.
import { across, add, cross, dot, length, mix, scale, sub, unit, type Vec3 } from './vector.ts';

export interface View {
  /** Picture px per stature at the depth of the hips. */
  readonly scale: number;
  /** Where the hips come to lie, picture px. */
  readonly x: number;
  readonly y: number;
  /** Distance of the camera, statures. */
  readonly distance: number;
  /** Unit vector to the light. */
  readonly light: Vec3;
  /** Share of the light that has no direction. */
  readonly ambient: number;
}

/** Picture position in px and depth (statures, larger is nearer) of a point. */
export function project(view: View, [x, y, z]: Vec3): Vec3 {
  const k = (view.scale * view.distance) / (view.distance - z);
  return [view.x + x * k, view.y - y * k, z];
}

/** Numbers per vertex: x px, y px, depth, u, v (statures across and along the surface), light. */
export const vertexSize = 6;
const maxVertices = 16384;
const maxTriangles = 32768;

export interface Mesh {
  readonly vertices: Float32Array;
  readonly corners: Uint16Array;
  readonly parts: Uint8Array;
  readonly paints: Uint8Array;
  vertexCount: number;
  triangleCount: number;
}

export const createMesh = (): Mesh => ({
  vertices: new Float32Array(maxVertices * vertexSize),
  corners: new Uint16Array(maxTriangles * 3),
  parts: new Uint8Array(maxTriangles),
  paints: new Uint8Array(maxTriangles),
  vertexCount: 0,
  triangleCount: 0,
});

/** An ellipse in space: center + front·cos a + side·sin a. */
export interface Ring {
  readonly center: Vec3;
  readonly side: Vec3;
  readonly front: Vec3;
  /** Overrides the running length as the v of the surface. */
  readonly v?: number;
}

export interface Skin {
  readonly part: number;
  readonly paint: number;
  /** Corners of a ring; 4 gives a box. Default 12. */
  readonly sides?: number;
  /** u runs over ±π radians instead of the circumference. */
  readonly radiansU?: boolean;
}

const ringPoint = (ring: Ring, angle: number): Vec3 =>
  add(ring.center, add(scale(ring.front, Math.cos(angle)), scale(ring.side, Math.sin(angle))));

const lightOn = (view: View, normal: Vec3): number =>
  view.ambient +
  (1 - view.ambient) * (0.85 * Math.max(0, dot(normal, view.light)) + 0.3 * Math.max(0, normal[2]));

function pushVertex(mesh: Mesh, view: View, point: Vec3, u: number, v: number, normal: Vec3): void {
  const [x, y, z] = project(view, point);
  mesh.vertices.set([x, y, z, u, v, lightOn(view, normal)], mesh.vertexCount * vertexSize);
  mesh.vertexCount++;
}

function pushTriangle(mesh: Mesh, a: number, b: number, c: number, skin: Skin): void {
  const at = mesh.triangleCount++;
  mesh.corners[at * 3] = a;
  mesh.corners[at * 3 + 1] = b;
  mesh.corners[at * 3 + 2] = c;
  mesh.parts[at] = skin.part;
  mesh.paints[at] = skin.paint;
}

/** The outward normal of a loft at one corner of ring i, from its neighbours around and along. */
function loftNormal(rings: readonly Ring[], i: number, angle: number): Vec3 {
  const ring = rings[i]!;
  const before = rings[Math.max(0, i - 1)]!;
  const after = rings[Math.min(rings.length - 1, i + 1)]!;
  const point = ringPoint(ring, angle);
  const axis = unit(sub(after.center, before.center));
  const radius = sub(point, ring.center);
  if (length(radius) < 1e-5) return i === 0 ? scale(axis, -1) : axis;
  const around = ringPoint({ ...ring, center: [0, 0, 0] }, angle + Math.PI / 2);
  const normal = unit(cross(around, sub(ringPoint(after, angle), ringPoint(before, angle))));
  return dot(normal, radius) < 0 ? scale(normal, -1) : normal;
}

/** Adds the skin over a row of rings; rings of no size at both ends close it. */
export function addLoft(mesh: Mesh, view: View, rings: readonly Ring[], skin: Skin): void {
  const sides = skin.sides ?? 12;
  const first = mesh.vertexCount;
  if (first + rings.length * (sides + 1) > maxVertices) throw new Error('mesh: too many vertices');
  const girth = Math.max(...rings.map((r) => Math.PI * (length(r.side) + length(r.front))));
  let v = 0;
  rings.forEach((ring, i) => {
    if (i > 0) v += length(sub(ring.center, rings[i - 1]!.center));
    for (let s = 0; s <= sides; s++) {
      const turnShare = s / sides - 0.5;
      const angle = turnShare * 2 * Math.PI;
      const u = turnShare * (skin.radiansU ? 2 * Math.PI : girth);
      pushVertex(mesh, view, ringPoint(ring, angle), u, ring.v ?? v, loftNormal(rings, i, angle));
    }
  });
  for (let i = 0; i + 1 < rings.length; i++) {
    for (let s = 0; s < sides; s++) {
      const a = first + i * (sides + 1) + s;
      const b = a + sides + 1;
      pushTriangle(mesh, a, b, a + 1, skin);
      pushTriangle(mesh, a + 1, b, b + 1, skin);
    }
  }
}

/** Flat-sided box: half extents along three axes. */
export function addBox(
  mesh: Mesh,
  view: View,
  center: Vec3,
  [x, y, z]: readonly [Vec3, Vec3, Vec3],
  skin: Skin,
): void {
  for (const [normal, a, b] of [
    [x, y, z],
    [y, z, x],
    [z, x, y],
  ] as const) {
    for (const sign of [1, -1]) {
      const first = mesh.vertexCount;
      const face = add(center, scale(normal, sign));
      for (const [p, q] of [
        [-1, -1],
        [1, -1],
        [1, 1],
        [-1, 1],
      ] as const) {
        const point = add(face, add(scale(a, p), scale(b, q)));
        pushVertex(mesh, view, point, p * length(a), q * length(b), unit(scale(normal, sign)));
      }
      pushTriangle(mesh, first, first + 1, first + 2, skin);
      pushTriangle(mesh, first, first + 2, first + 3, skin);
    }
  }
}

/** Half widths of a limb at a share t of its length: sideways and front to back. */
export type Girth = readonly [t: number, side: number, front: number];

/**
 * Rings of a limb from `from` to `to`, rounded at both ends. `forward` says where the front of the
 * limb looks; it is made square with the limb.
 */
export function limbRings(from: Vec3, to: Vec3, forward: Vec3, girths: readonly Girth[]): Ring[] {
  const axis = unit(sub(to, from));
  const front = across(forward, axis);
  const side = cross(axis, front);
  const ring = (center: Vec3, halfSide: number, halfFront: number): Ring => ({
    center,
    side: scale(side, halfSide),
    front: scale(front, halfFront),
  });
  const cap = ([, halfSide, halfFront]: Girth, at: Vec3, sign: number, degrees: number): Ring => {
    const angle = (degrees * Math.PI) / 180;
    const reach = sign * Math.min(halfSide, halfFront) * Math.sin(angle);
    return ring(
      add(at, scale(axis, reach)),
      halfSide * Math.cos(angle),
      halfFront * Math.cos(angle),
    );
  };
  const first = girths[0]!;
  const last = girths[girths.length - 1]!;
  const startAt = mix(from, to, first[0]);
  const endAt = mix(from, to, last[0]);
  return [
    ...[90, 60, 30].map((degrees) => cap(first, startAt, -1, degrees)),
    ...girths.map(([t, halfSide, halfFront]) => ring(mix(from, to, t), halfSide, halfFront)),
    ...[30, 60, 90].map((degrees) => cap(last, endAt, 1, degrees)),
  ];
}

/** Rings of an ellipsoid with half axes along three vectors, poles on `up`. */
export function ellipsoidRings(center: Vec3, side: Vec3, up: Vec3, front: Vec3, count = 7): Ring[] {
  return Array.from({ length: count }, (_, i) => {
    const angle = Math.PI * (i / (count - 1) - 0.5);
    const wide = i === 0 || i === count - 1 ? 0 : Math.cos(angle);
    return {
      center: add(center, scale(up, Math.sin(angle))),
      side: scale(side, wide),
      front: scale(front, wide),
      v: angle,
    };
  });
}
