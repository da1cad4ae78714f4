// A whole drawn person as a mesh: trunk, limbs and clothes as lofts around the posed joints.
import { addHead } from './headMesh.ts';
import { addArm, addLeg, widened } from './limbs.ts';
import { addBox, addLoft, type Girth, limbRings, type Mesh, project, type View } from './mesh.ts';
import { part } from './parts.ts';
import { type Figure, paint } from './person.ts';
import { skirtRings, trunkRings } from './trunk.ts';
import { add, mix, place, scale, type Vec3 } from './vector.ts';

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
