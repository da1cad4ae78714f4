// The numbered parts of a drawn person: what the id buffer holds, and which of them belong to
// which COCO keypoint.

export const part = {
  /** Chairs and whatever else is drawn with a person without being one. */
  thing: 1,
  head: 2,
  nose: 3,
  leftEar: 4,
  rightEar: 5,
  hair: 6,
  neck: 7,
  torso: 8,
  pelvis: 9,
  skirt: 10,
  leftUpperArm: 11,
  rightUpperArm: 12,
  leftForearm: 13,
  rightForearm: 14,
  leftHand: 15,
  rightHand: 16,
  leftThigh: 17,
  rightThigh: 18,
  leftShin: 19,
  rightShin: 20,
  leftFoot: 21,
  rightFoot: 22,
} as const;

export interface KeypointParts {
  /** Parts that show the keypoint where they are the front-most thing. */
  readonly own: readonly number[];
  /** How far in front of the keypoint their surface may lie, statures (times the build's girth). */
  readonly depth: number;
}

const { head, nose, torso, pelvis, skirt } = part;
const seen = (depth: number, ...own: number[]): KeypointParts => ({ own, depth });

/** In COCO's order. Points of the face lie on the surface, joints inside a limb. */
export const keypointParts: readonly KeypointParts[] = [
  seen(0.02, nose, head),
  seen(0.014, head),
  seen(0.014, head),
  seen(0.02, part.leftEar),
  seen(0.02, part.rightEar),
  seen(0.075, part.leftUpperArm, torso),
  seen(0.075, part.rightUpperArm, torso),
  seen(0.055, part.leftUpperArm, part.leftForearm),
  seen(0.055, part.rightUpperArm, part.rightForearm),
  seen(0.045, part.leftForearm, part.leftHand),
  seen(0.045, part.rightForearm, part.rightHand),
  seen(0.11, part.leftThigh, pelvis, torso, skirt),
  seen(0.11, part.rightThigh, pelvis, torso, skirt),
  seen(0.085, part.leftThigh, part.leftShin, skirt),
  seen(0.085, part.rightThigh, part.rightShin, skirt),
  seen(0.06, part.leftShin, part.leftFoot),
  seen(0.06, part.rightShin, part.rightFoot),
];
