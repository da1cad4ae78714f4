// Arms and legs with sleeves, trousers, hands and shoes.
import type { Arm, Leg } from './joints.ts';
import { addLoft, type Girth, limbRings, type Mesh, type View } from './mesh.ts';
import { type Figure, paint } from './person.ts';
import { across, add, mix, scale, sub, unit, type Vec3 } from './vector.ts';

/** Girths times a factor. */
export const widened = (girths: readonly Girth[], k: number): Girth[] =>
  girths.map(([t, side, front]) => [t, side * k, front * k]);

/** The stretch of a limb's girths up to the share `end`. */
function cutAt(girths: readonly Girth[], end: number): Girth[] {
  const kept = girths.filter(([t]) => t < end);
  const next = girths.find(([t]) => t >= end) ?? girths[girths.length - 1]!;
  return [...kept, [Math.min(end, next[0]), next[1], next[2]]];
}

const upperArmGirths: readonly Girth[] = [
  [0.04, 0.03, 0.035],
  [0.35, 0.032, 0.034],
  [1, 0.025, 0.026],
];
const forearmGirths: readonly Girth[] = [
  [0, 0.025, 0.026],
  [0.25, 0.028, 0.027],
  [1, 0.018, 0.015],
];
const thighGirths: readonly Girth[] = [
  [0.1, 0.049, 0.06],
  [0.45, 0.05, 0.054],
  [1, 0.037, 0.039],
];
const shinGirths: readonly Girth[] = [
  [0, 0.037, 0.039],
  [0.3, 0.04, 0.044],
  [0.65, 0.03, 0.032],
  [1, 0.022, 0.025],
];

/** One stretch of a limb with the cloth over it: cloth covers the share [0, clothEnd]. */
function addSegment(
  mesh: Mesh,
  view: View,
  ends: readonly [Vec3, Vec3],
  forward: Vec3,
  girths: readonly Girth[],
  partId: number,
  clothEnd: number,
  cloth: { readonly paint: number; readonly loose: number },
  barePaint = paint.skin,
): void {
  const [from, to] = ends;
  if (clothEnd < 1) {
    addLoft(mesh, view, limbRings(from, to, forward, girths), { part: partId, paint: barePaint });
  }
  if (clothEnd > 0.04) {
    const rings = limbRings(
      from,
      to,
      forward,
      widened(cutAt(girths, Math.min(1, clothEnd)), cloth.loose),
    );
    addLoft(mesh, view, rings, { part: partId, paint: cloth.paint });
  }
}

/** parts: of the upper arm, the forearm and the hand. */
export function addArm(
  mesh: Mesh,
  view: View,
  figure: Figure,
  arm: Arm,
  parts: readonly [number, number, number],
): void {
  const { outfit, build, joints } = figure;
  const forward = joints.chestFrame.forward;
  const k = build.girth;
  const cloth = { paint: paint.top, loose: outfit.loose };
  const total = build.upperArm + build.forearm;
  const sleeve = outfit.sleeve * total;
  addSegment(
    mesh,
    view,
    [arm.shoulder, arm.elbow],
    forward,
    widened(upperArmGirths, k),
    parts[0],
    sleeve / build.upperArm,
    cloth,
  );
  addSegment(
    mesh,
    view,
    [arm.elbow, arm.wrist],
    forward,
    widened(forearmGirths, k),
    parts[1],
    (sleeve - build.upperArm) / build.forearm,
    cloth,
  );
  const tips = add(arm.wrist, scale(sub(arm.knuckles, arm.wrist), 1.65));
  const hand: Girth[] = [
    [0, 0.014, 0.012],
    [0.45, 0.023, 0.013],
    [0.75, 0.021, 0.011],
    [1, 0.012, 0.007],
  ];
  addLoft(mesh, view, limbRings(arm.wrist, tips, forward, hand), {
    part: parts[2],
    paint: paint.skin,
    sides: 10,
  });
  const thumbRoot = mix(arm.wrist, arm.knuckles, 0.4);
  const thumb = add(
    mix(arm.wrist, arm.knuckles, 1.05),
    scale(across(forward, unit(sub(tips, arm.wrist))), 0.028),
  );
  addLoft(
    mesh,
    view,
    limbRings(thumbRoot, thumb, forward, [
      [0, 0.009, 0.009],
      [1, 0.006, 0.006],
    ]),
    { part: parts[2], paint: paint.skin, sides: 6 },
  );
}

/** parts: of the thigh, the shin and the foot. */
export function addLeg(
  mesh: Mesh,
  view: View,
  figure: Figure,
  leg: Leg,
  parts: readonly [number, number, number],
): void {
  const { outfit, build, joints } = figure;
  const k = build.girth;
  const forward = joints.pelvisFrame.forward;
  const loose = 1 + (outfit.loose - 1) * 0.7;
  const cloth = { paint: paint.bottom, loose: outfit.skirt > 0 ? 1.02 : loose };
  const trouser = outfit.trouserLeg * (build.thigh + build.shin);
  const bare = outfit.trouserLeg < 0.9 ? paint.skin : paint.sock;
  addSegment(
    mesh,
    view,
    [leg.hip, leg.knee],
    forward,
    widened(thighGirths, k),
    parts[0],
    trouser / build.thigh,
    cloth,
  );
  addSegment(
    mesh,
    view,
    [leg.knee, leg.ankle],
    leg.foot,
    widened(shinGirths, k),
    parts[1],
    (trouser - build.thigh) / build.shin,
    cloth,
    bare,
  );
  const down = unit(sub(leg.ankle, leg.knee));
  const at = (ahead: number, below: number) =>
    add(leg.ankle, add(scale(leg.foot, ahead), scale(across(down, leg.foot), below)));
  const shoe: Girth[] = [
    [0, 0.025, 0.03],
    [0.3, 0.027, 0.03],
    [0.7, 0.032, 0.02],
    [1, 0.024, 0.015],
  ];
  const sole: Girth[] = [
    [0, 0.026, 0.008],
    [0.7, 0.034, 0.008],
    [1, 0.026, 0.008],
  ];
  addLoft(mesh, view, limbRings(at(-0.022, 0.016), at(0.096, 0.024), down, shoe), {
    part: parts[2],
    paint: paint.shoe,
  });
  addLoft(mesh, view, limbRings(at(-0.026, 0.04), at(0.1, 0.04), down, sole), {
    part: parts[2],
    paint: paint.sole,
  });
}
