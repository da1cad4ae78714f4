// Forward kinematics: a build, a pose and a view give every joint and the frame of every body part.
import type { Build } from './build.ts';
import type { ArmPose, LegPose } from './limbPoses.ts';
import type { Pose } from './poses.ts';
import {
  across,
  add,
  cross,
  type Frame,
  mixFrames,
  place,
  scale,
  turn,
  turned,
  unit,
  type Vec3,
} from './vector.ts';

export interface Arm {
  readonly shoulder: Vec3;
  readonly elbow: Vec3;
  readonly wrist: Vec3;
  /** Middle of the knuckles. */
  readonly knuckles: Vec3;
}

export interface Leg {
  readonly hip: Vec3;
  readonly knee: Vec3;
  readonly ankle: Vec3;
  /** Unit vectors: to the person's left across the thigh; along the foot. */
  readonly left: Vec3;
  readonly foot: Vec3;
}

/** Everything in view axes (x right, y up, z to the viewer), in statures, the hips at the origin. */
export interface Joints {
  readonly pelvis: Vec3;
  readonly waist: Vec3;
  readonly chest: Vec3;
  readonly neck: Vec3;
  readonly head: Vec3;
  readonly pelvisFrame: Frame;
  readonly waistFrame: Frame;
  readonly chestFrame: Frame;
  readonly headFrame: Frame;
  readonly leftArm: Arm;
  readonly rightArm: Arm;
  readonly leftLeg: Leg;
  readonly rightLeg: Leg;
}

const radians = (degrees: number) => (degrees * Math.PI) / 180;
const along = (from: Vec3, direction: Vec3, distance: number): Vec3 =>
  add(from, scale(direction, distance));

function poseArm(build: Build, pose: ArmPose, frame: Frame, neck: Vec3, side: 1 | -1): Arm {
  const [raise, azimuth, flex] = [radians(pose.raise), radians(pose.azimuth), radians(pose.flex)];
  // The shoulder blade follows the arm: a raised shoulder is higher and nearer to the neck.
  const lifted = Math.sin(raise / 2) ** 2;
  const shoulder = add(
    neck,
    place(frame, [side * (build.shoulderHalf - 0.016 * lifted), -0.036 + 0.032 * lifted, 0]),
  );
  const upper = place(frame, [
    side * Math.sin(raise) * Math.cos(azimuth),
    -Math.cos(raise),
    Math.sin(raise) * Math.sin(azimuth),
  ]);
  const [out, up, forward] = pose.bendTowards;
  const towards = across(place(frame, [side * out, up, forward]), upper);
  const lower = add(scale(upper, Math.cos(flex)), scale(towards, Math.sin(flex)));
  const elbow = along(shoulder, upper, build.upperArm);
  const wrist = along(elbow, lower, build.forearm);
  return {
    shoulder,
    elbow,
    wrist,
    knuckles: along(wrist, unit(add(lower, scale(towards, 0.15))), 0.052),
  };
}

function poseLeg(build: Build, pose: LegPose, frame: Frame, pelvis: Vec3, side: 1 | -1): Leg {
  const lift = radians(pose.lift);
  const thigh = unit(
    place(frame, [side * Math.sin(radians(pose.spread)), -Math.cos(lift), Math.sin(lift)]),
  );
  const left = across(frame.left, thigh);
  const shin = turn(thigh, left, pose.bend);
  const hip = along(pelvis, frame.left, side * build.hipHalf);
  const knee = along(hip, thigh, build.thigh);
  const ahead = turn(cross(shin, left), shin, -side * pose.toeOut);
  const foot = unit(along(ahead, shin, Math.tan(radians(pose.point))));
  return { hip, knee, ankle: along(knee, shin, build.shin), left, foot };
}

/** `view` says where the person's left, up and forwards lie for the viewer. */
export function poseJoints(build: Build, pose: Pose, view: Frame): Joints {
  const { twist, bend, side } = pose.spine;
  const pelvisFrame = turned(view, 0, pose.pelvisPitch, pose.pelvisRoll);
  const chestFrame = turned(pelvisFrame, twist, bend, side);
  const waistFrame = mixFrames(pelvisFrame, chestFrame, 0.5);
  const pelvis: Vec3 = [0, 0, 0];
  const waist = along(pelvis, pelvisFrame.up, build.trunk * 0.36);
  const chest = along(waist, waistFrame.up, build.trunk * 0.36);
  const neck = along(chest, chestFrame.up, build.trunk * 0.28);
  const headFrame = turned(chestFrame, pose.head.yaw, pose.head.pitch, pose.head.roll);
  const nape = add(neck, place(chestFrame, [0, 0.032, 0.006]));
  return {
    pelvis,
    waist,
    chest,
    neck,
    head: add(nape, place(headFrame, [0, 0.064 * build.head, 0.012])),
    pelvisFrame,
    waistFrame,
    chestFrame,
    headFrame,
    leftArm: poseArm(build, pose.leftArm, chestFrame, neck, 1),
    rightArm: poseArm(build, pose.rightArm, chestFrame, neck, -1),
    leftLeg: poseLeg(build, pose.leftLeg, pelvisFrame, pelvis, 1),
    rightLeg: poseLeg(build, pose.rightLeg, pelvisFrame, pelvis, -1),
  };
}
