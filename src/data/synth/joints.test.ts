import assert from 'node:assert/strict';
import { test } from 'node:test';
import { philox } from '../philox.ts';
import { drawBuild } from './build.ts';
import { type Joints, poseJoints } from './joints.ts';
import { drawFacing, drawPose } from './poses.ts';
import { cross, dot, length, sub, turned, unit, upright, type Vec3 } from './vector.ts';

function* drawnPeople(count: number) {
  for (let i = 0; i < count; i++) {
    const rng = philox(17, 0, i, 'joints');
    const build = drawBuild(rng);
    const pose = drawPose(rng);
    yield { build, pose, joints: poseJoints(build, pose, turned(upright, drawFacing(rng), 0, 0)) };
  }
}

const near = (a: number, b: number, what: string) =>
  assert.ok(Math.abs(a - b) < 1e-9, `${what}: ${a}, expected ${b}`);

test('bones keep their lengths in every pose', () => {
  for (const { build, joints } of drawnPeople(200)) {
    for (const { shoulder, elbow, wrist } of [joints.leftArm, joints.rightArm]) {
      near(length(sub(elbow, shoulder)), build.upperArm, 'upper arm');
      near(length(sub(wrist, elbow)), build.forearm, 'forearm');
    }
    for (const { hip, knee, ankle } of [joints.leftLeg, joints.rightLeg]) {
      near(length(sub(knee, hip)), build.thigh, 'thigh');
      near(length(sub(ankle, knee)), build.shin, 'shin');
    }
    near(length(sub(joints.leftLeg.hip, joints.rightLeg.hip)), 2 * build.hipHalf, 'hips');
  }
});

test('frames are square and right-handed: left × up is forwards', () => {
  for (const { joints } of drawnPeople(100)) {
    for (const { left, up, forward } of [
      joints.pelvisFrame,
      joints.waistFrame,
      joints.chestFrame,
      joints.headFrame,
    ]) {
      near(dot(cross(left, up), forward), 1, 'triple product');
      near(dot(left, up), 0, 'left and up');
    }
  }
});

test('knees bend backwards and elbows stay within what elbows can', () => {
  const straightness = (a: Vec3, b: Vec3, c: Vec3) => dot(unit(sub(b, a)), unit(sub(c, b)));
  for (const { joints, pose } of drawnPeople(300)) {
    for (const { hip, knee, ankle, left } of [joints.leftLeg, joints.rightLeg]) {
      const thigh = unit(sub(knee, hip));
      // Seen from the left, the shin turns to the back: about the axis that points left.
      assert.ok(dot(cross(thigh, unit(sub(ankle, knee))), left) > -1e-9, `knee in ${pose.name}`);
      assert.ok(straightness(hip, knee, ankle) > Math.cos((145 * Math.PI) / 180));
    }
    for (const { shoulder, elbow, wrist } of [joints.leftArm, joints.rightArm]) {
      assert.ok(straightness(shoulder, elbow, wrist) > Math.cos((145 * Math.PI) / 180));
    }
  }
});

test("the left side is the person's own: left joints lie on the left of the trunk", () => {
  const onLeft = (joints: Joints, point: Vec3) =>
    dot(sub(point, joints.pelvis), joints.pelvisFrame.left);
  for (const { joints } of drawnPeople(100)) {
    assert.ok(onLeft(joints, joints.leftLeg.hip) > 0 && onLeft(joints, joints.rightLeg.hip) < 0);
    const shoulders = sub(joints.leftArm.shoulder, joints.rightArm.shoulder);
    assert.ok(dot(shoulders, joints.chestFrame.left) > 0.1);
  }
});
