// The trunk and what hangs from it, as rings around the spine.
import type { Build } from './build.ts';
import type { Leg } from './joints.ts';
import type { Ring } from './mesh.ts';
import type { Figure } from './person.ts';
import { across, add, cross, dot, mix, mixFrames, scale, sub, unit } from './vector.ts';

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
export function trunkRings(figure: Figure, from: number, to: number, loose: number): Ring[] {
  const inner = trunkProfile.map(([h]) => h).filter((h) => h > from + 0.02 && h < to - 0.02);
  const rings = [from, ...inner, to].map((h) => trunkRing(figure, h, loose));
  const closed = (ring: Ring): Ring => ({ ...ring, side: [0, 0, 0], front: [0, 0, 0] });
  return [closed(rings[0]!), ...rings, closed(rings[rings.length - 1]!)];
}

/** A skirt hangs from the waist around both thighs down to the share `end` of their length. */
export function skirtRings(figure: Figure, end: number): Ring[] {
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
