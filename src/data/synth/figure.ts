// A whole drawn person: trunk, limbs and clothes as lofts around the posed joints.
import type { Build } from './build.ts';
import { addHead, facePaint } from './headMesh.ts';
import type { Arm, Joints, Leg } from './joints.ts';
import {
  addBox,
  addLoft,
  type Girth,
  limbRings,
  type Mesh,
  project,
  type Ring,
  type View,
} from './mesh.ts';
import type { Outfit } from './outfit.ts';
import { type Paint, plain, type Rgb } from './paints.ts';
import { part } from './parts.ts';
import {
  across,
  add,
  cross,
  dot,
  type Frame,
  mix,
  mixFrames,
  place,
  scale,
  sub,
  unit,
  type Vec3,
} from './vector.ts';

export interface Figure {
  readonly build: Build;
  readonly joints: Joints;
  readonly outfit: Outfit;
  /** The person's own upright, in view axes. */
  readonly stance: Frame;
  /** Colour of the seat; absent for people on their feet. */
  readonly seat?: { readonly colour: Rgb; readonly back: boolean };
  /** Colour of a rucksack, where one is worn. */
  readonly rucksack?: Rgb;
}

const paint = {
  skin: 0,
  face: 1,
  hair: 2,
  hat: 3,
  top: 4,
  bottom: 5,
  skirt: 6,
  shoe: 7,
  sole: 8,
  sock: 9,
  seat: 10,
  sack: 11,
};

/** The paints that a figure's mesh refers to by number. */
export function figurePaints({ outfit, seat, rucksack }: Figure): Paint[] {
  return [
    plain(outfit.skin),
    facePaint(outfit),
    plain(outfit.hair),
    plain(outfit.hat?.colour ?? outfit.hair),
    outfit.top,
    outfit.bottom,
    outfit.skirtPaint,
    plain(outfit.shoes),
    plain(outfit.soles),
    plain(outfit.socks),
    plain(seat?.colour ?? [0, 0, 0]),
    plain(rucksack ?? [0, 0, 0]),
  ];
}

/** Half width and half depth of an average trunk by height: 0 the hip line, 1 the base of the neck. */
const trunkProfile: readonly (readonly [height: number, side: number, front: number])[] = [
  [-0.24, 0.04, 0.044],
  [-0.12, 0.08, 0.064],
  [0, 0.094, 0.07],
  [0.15, 0.091, 0.066],
  [0.36, 0.08, 0.057],
  [0.6, 0.084, 0.06],
  [0.8, 0.094, 0.062],
  [0.9, 0.096, 0.053],
  [0.97, 0.078, 0.044],
  [1.04, 0.036, 0.034],
];

function trunkSize(build: Build, height: number): [number, number] {
  let i = 1;
  while (i < trunkProfile.length - 1 && trunkProfile[i]![0] < height) i++;
  const [h0, side0, front0] = trunkProfile[i - 1]!;
  const [h1, side1, front1] = trunkProfile[i]!;
  const t = Math.max(0, Math.min(1, (height - h0) / (h1 - h0)));
  // Hips, waist and shoulders each follow the build; between them the factors run over.
  const atHip = (build.hipHalf / 0.055) * Math.sqrt(build.girth);
  const atWaist = build.waist * build.girth;
  const atShoulder = build.shoulderHalf / 0.103;
  const factor =
    height < 0.36
      ? atHip + (atWaist - atHip) * Math.max(0, height / 0.36) ** 2
      : atWaist + (atShoulder - atWaist) * Math.min(1, (height - 0.36) / 0.4);
  const deep = (1 + build.girth * build.waist) / 2;
  return [(side0 + (side1 - side0) * t) * factor, (front0 + (front1 - front0) * t) * deep];
}

function trunkRing({ joints, build }: Figure, height: number, loose: number): Ring {
  const { pelvis, waist, chest, neck, pelvisFrame, waistFrame, chestFrame } = joints;
  const [center, frame] =
    height < 0.36
      ? [
          add(pelvis, scale(sub(waist, pelvis), height / 0.36)),
          mixFrames(pelvisFrame, waistFrame, Math.max(0, height / 0.36)),
        ]
      : height < 0.72
        ? [
            mix(waist, chest, (height - 0.36) / 0.36),
            mixFrames(waistFrame, chestFrame, (height - 0.36) / 0.36),
          ]
        : [mix(chest, neck, (height - 0.72) / 0.28), chestFrame];
  const [side, front] = trunkSize(build, height);
  return {
    center,
    side: scale(frame.left, side * loose),
    front: scale(frame.forward, front * loose),
  };
}

/** The trunk's skin between two heights, closed at both ends. */
function trunkRings(figure: Figure, from: number, to: number, loose: number): Ring[] {
  const inner = trunkProfile.map(([h]) => h).filter((h) => h > from + 0.02 && h < to - 0.02);
  const rings = [from, ...inner, to].map((h) => trunkRing(figure, h, loose));
  const closed = (ring: Ring): Ring => ({ ...ring, side: [0, 0, 0], front: [0, 0, 0] });
  return [closed(rings[0]!), ...rings, closed(rings[rings.length - 1]!)];
}

const widened = (girths: readonly Girth[], k: number): Girth[] =>
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

function addArm(
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

function addLeg(
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

/** A skirt hangs from the waist around both thighs down to the share `end` of their length. */
function skirtRings(figure: Figure, end: number): Ring[] {
  const { leftLeg, rightLeg, pelvisFrame } = figure.joints;
  const { girth } = figure.build;
  const onLegs = (t: number): Ring => {
    const on = (leg: Leg) => (t <= 1 ? mix(leg.hip, leg.knee, t) : mix(leg.knee, leg.ankle, t - 1));
    const apart = sub(on(leftLeg), on(rightLeg));
    const axis = unit(
      sub(mix(leftLeg.knee, rightLeg.knee, 0.5), mix(leftLeg.hip, rightLeg.hip, 0.5)),
    );
    const left = across(pelvisFrame.left, axis);
    const front = cross(axis, left);
    const around = 0.07 * girth;
    return {
      center: mix(on(leftLeg), on(rightLeg), 0.5),
      side: scale(left, Math.abs(dot(apart, left)) / 2 + around),
      front: scale(front, Math.abs(dot(apart, front)) / 2 + around),
    };
  };
  const below = [0.2, 0.4, 0.6, 0.85, 1.05, 1.3].filter((t) => t < end - 0.05);
  const rings = [
    trunkRing(figure, 0.3, 1.06),
    trunkRing(figure, 0.14, 1.14),
    trunkRing(figure, -0.02, 1.24),
    ...[...below, end].map(onLegs),
  ];
  const last = rings[rings.length - 1]!;
  return [...rings, { ...last, side: [0, 0, 0], front: [0, 0, 0] }];
}

function addSeat(mesh: Mesh, view: View, figure: Figure): void {
  const { stance, seat, joints } = figure;
  const skin = { part: part.thing, paint: paint.seat };
  const at = (x: number, y: number, z: number) => add(joints.pelvis, place(stance, [x, y, z]));
  const extents = (x: number, y: number, z: number): [Vec3, Vec3, Vec3] => [
    scale(stance.left, x),
    scale(stance.up, y),
    scale(stance.forward, z),
  ];
  addBox(mesh, view, at(0, -0.088, 0.05), extents(0.13, 0.018, 0.13), skin);
  for (const [x, z] of [
    [-0.11, -0.06],
    [0.11, -0.06],
    [-0.11, 0.16],
    [0.11, 0.16],
  ] as const) {
    addBox(mesh, view, at(x, -0.2, z), extents(0.012, 0.11, 0.012), skin);
  }
  if (seat!.back) addBox(mesh, view, at(0, 0.09, -0.095), extents(0.13, 0.13, 0.012), skin);
}

/**
 * Adds the person to the mesh and gives its 17 COCO keypoints in picture px and depth, [17] of
 * (x, y, z).
 */
export function addFigure(mesh: Mesh, view: View, figure: Figure): Vec3[] {
  const { joints, outfit, build, seat, rucksack } = figure;
  const { leftArm, rightArm, leftLeg, rightLeg } = joints;
  const trunk = build.trunk;
  const cloth = 1.03 + (outfit.loose - 1) * 0.25;
  const hem = -outfit.hem / trunk;
  addLoft(mesh, view, trunkRings(figure, -0.24, 0.3, 1), {
    part: part.pelvis,
    paint: paint.bottom,
    sides: 16,
  });
  addLoft(mesh, view, trunkRings(figure, hem, 1.01, cloth), {
    part: part.torso,
    paint: paint.top,
    sides: 18,
  });
  const neckTop = add(joints.head, place(joints.headFrame, [0, -0.02 * build.head, -0.008]));
  const throat = mix(joints.neck, joints.chest, 0.2);
  const neck: Girth[] = [
    [0, 0.034, 0.034],
    [0.5, 0.029, 0.03],
    [1, 0.028, 0.03],
  ];
  addLoft(
    mesh,
    view,
    limbRings(throat, neckTop, joints.chestFrame.forward, widened(neck, Math.sqrt(build.girth))),
    { part: part.neck, paint: paint.skin },
  );
  const face = addHead(mesh, view, joints.head, joints.headFrame, build.head, outfit, paint);
  addArm(mesh, view, figure, leftArm, [part.leftUpperArm, part.leftForearm, part.leftHand]);
  addArm(mesh, view, figure, rightArm, [part.rightUpperArm, part.rightForearm, part.rightHand]);
  addLeg(mesh, view, figure, leftLeg, [part.leftThigh, part.leftShin, part.leftFoot]);
  addLeg(mesh, view, figure, rightLeg, [part.rightThigh, part.rightShin, part.rightFoot]);
  if (outfit.skirt > 0) {
    addLoft(mesh, view, skirtRings(figure, outfit.skirt), {
      part: part.skirt,
      paint: paint.skirt,
      sides: 18,
    });
  }
  if (seat) addSeat(mesh, view, figure);
  if (rucksack) {
    const { left, up, forward } = joints.chestFrame;
    const center = add(mix(joints.waist, joints.neck, 0.45), scale(forward, -0.105));
    addBox(mesh, view, center, [scale(left, 0.075), scale(up, 0.1), scale(forward, 0.042)], {
      part: part.thing,
      paint: paint.sack,
    });
  }
  return [
    face.nose,
    face.leftEye,
    face.rightEye,
    face.leftEar,
    face.rightEar,
    leftArm.shoulder,
    rightArm.shoulder,
    leftArm.elbow,
    rightArm.elbow,
    leftArm.wrist,
    rightArm.wrist,
    leftLeg.hip,
    rightLeg.hip,
    leftLeg.knee,
    rightLeg.knee,
    leftLeg.ankle,
    rightLeg.ankle,
  ].map((point) => project(view, point));
}
