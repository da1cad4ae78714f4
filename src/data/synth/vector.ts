// Three-vectors and rotations for the drawn figures: x to the person's left, y up, z forwards.
// After the view rotation the same axes read: x to the right of the picture, y up, z to the viewer.

export type Vec3 = readonly [number, number, number];
/** Three unit vectors: where left, up and forward of a body part point. */
export interface Frame {
  readonly left: Vec3;
  readonly up: Vec3;
  readonly forward: Vec3;
}

export const upright: Frame = { left: [1, 0, 0], up: [0, 1, 0], forward: [0, 0, 1] };

export const add = (a: Vec3, b: Vec3): Vec3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const sub = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const scale = (a: Vec3, k: number): Vec3 => [a[0] * k, a[1] * k, a[2] * k];
export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const mix = (a: Vec3, b: Vec3, t: number): Vec3 => add(scale(a, 1 - t), scale(b, t));
export const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export const length = (a: Vec3): number => Math.hypot(a[0], a[1], a[2]);
export const unit = (a: Vec3): Vec3 => scale(a, 1 / (length(a) || 1));

/** The part of `a` at right angles to the unit vector `axis`, as a unit vector. */
export function across(a: Vec3, axis: Vec3): Vec3 {
  const rest = sub(a, scale(axis, dot(a, axis)));
  if (length(rest) > 1e-3) return unit(rest);
  return unit(cross(axis, Math.abs(axis[0]) < 0.8 ? [1, 0, 0] : [0, 1, 0]));
}

/** A point or direction given in `frame`'s own axes, in the axes that the frame is written in. */
export const place = (frame: Frame, v: Vec3): Vec3 =>
  add(add(scale(frame.left, v[0]), scale(frame.up, v[1])), scale(frame.forward, v[2]));

const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** `v` turned about the unit vector `axis`, counter-clockwise seen from its tip (Rodrigues). */
export function turn(v: Vec3, axis: Vec3, degrees: number): Vec3 {
  const c = Math.cos(radians(degrees));
  const s = Math.sin(radians(degrees));
  return add(add(scale(v, c), scale(cross(axis, v), s)), scale(axis, dot(axis, v) * (1 - c)));
}

const turnFrame = (frame: Frame, axis: Vec3, degrees: number): Frame => ({
  left: turn(frame.left, axis, degrees),
  up: turn(frame.up, axis, degrees),
  forward: turn(frame.forward, axis, degrees),
});

/**
 * A frame turned about its own axes, degrees: first `yaw` (to its left), then `pitch` (nodding
 * forwards), then `roll` (tilting to its left).
 */
export function turned(frame: Frame, yaw: number, pitch: number, roll: number): Frame {
  const a = turnFrame(frame, frame.up, yaw);
  const b = turnFrame(a, a.left, pitch);
  return turnFrame(b, b.forward, -roll);
}

/** Between two frames, made square again. */
export function mixFrames(a: Frame, b: Frame, t: number): Frame {
  const up = unit(mix(a.up, b.up, t));
  const forward = across(mix(a.forward, b.forward, t), up);
  return { left: cross(up, forward), up, forward };
}
