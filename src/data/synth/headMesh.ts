// The head: a shaped ball with a painted face, a nose, ears and hair. Angles on the ball are the
// azimuth from the middle of the face (positive towards the person's left) and the elevation.
import { addLoft, ellipsoidRings, limbRings, type Mesh, type Ring, type View } from './mesh.ts';
import type { Outfit } from './outfit.ts';
import { type Paint, plain, shade } from './paints.ts';
import { part } from './parts.ts';
import { add, type Frame, place, scale, type Vec3 } from './vector.ts';

/** Half width, half height and half depth of an average head, statures. */
const half = { width: 0.05, height: 0.067, depth: 0.059 };
const eye = { azimuth: 0.43, elevation: 0.06 };

/** Factors on the ball's width and depth by elevation: a jaw narrower than the brow. */
function shape(elevation: number): [number, number] {
  const low = Math.max(0, -elevation);
  return [1 - 0.2 * Math.min(1, low) ** 1.5, 1 - 0.04 * Math.min(1, low)];
}

/** Elevation above which hair grows, by azimuth. */
function hairline(outfit: Outfit, azimuth: number): number {
  const a = Math.abs(azimuth);
  if (outfit.hairStyle === 'bald') return a < 1.4 ? 9 : 0.1 - 0.6 * (a - 1.4);
  const crop = outfit.hairStyle === 'crop' ? 0.12 : 0;
  if (a < 0.75) return 0.62 + crop;
  if (a < 1.25) return 0.62 + crop - (a - 0.75) * 1.2;
  return a < 1.75 ? 0.05 : -0.62;
}

const inEllipse = (x: number, y: number, rx: number, ry: number) =>
  (x / rx) ** 2 + (y / ry) ** 2 < 1;

/** Paint over (azimuth, elevation): hat, hair, eyes, brows, mouth, beard, skin. */
export function facePaint(outfit: Outfit): Paint {
  const skin = plain(outfit.skin);
  const hair = plain(outfit.hair);
  const strand = plain(shade(outfit.hair, 0.8));
  const white = plain([240, 238, 234]);
  const iris = plain([38, 28, 24]);
  const brow = plain(shade(outfit.hair, 0.75));
  const mouth = plain([outfit.skin[0] * 0.78, outfit.skin[1] * 0.45, outfit.skin[2] * 0.45]);
  const fold = plain(shade(outfit.skin, 0.72));
  const hat = outfit.hat && plain(outfit.hat.colour);
  const lens = plain(outfit.glasses === 'dark' ? [22, 20, 26] : shade(outfit.skin, 0.9));
  const wire = plain([30, 28, 30]);
  return (azimuth, elevation, out) => {
    const a = Math.abs(azimuth);
    const x = a - eye.azimuth;
    const y = elevation - eye.elevation;
    if (hat && elevation > 0.42) return hat(azimuth, elevation, out);
    if (elevation > hairline(outfit, azimuth)) {
      return (Math.sin(azimuth * 37 + elevation * 9) > 0.6 ? strand : hair)(0, 0, out);
    }
    if (outfit.glasses !== 'none' && a < 1.4 && Math.abs(y) < 0.16) {
      if (inEllipse(x, y, 0.24, 0.15)) {
        if (outfit.glasses === 'dark') return lens(0, 0, out);
        if (!inEllipse(x, y, 0.2, 0.11)) return wire(0, 0, out);
      } else if (Math.abs(y - 0.03) < 0.03) return wire(0, 0, out);
    }
    if (inEllipse(x, y, 0.17, 0.085)) {
      return (inEllipse(x, y, 0.085, 0.09) ? iris : white)(0, 0, out);
    }
    if (inEllipse(x, y - 0.2 + x * 0.12, 0.22, 0.045)) return brow(0, 0, out);
    if (inEllipse(azimuth, elevation + 0.62, 0.3, 0.065)) return mouth(0, 0, out);
    if (inEllipse(azimuth, elevation + 0.36, 0.2, 0.05)) return fold(0, 0, out);
    const jaw = elevation < -0.48 - 0.12 * Math.cos(azimuth * 2) && a < 1.5;
    if (outfit.beard && (jaw || (a < 0.4 && Math.abs(elevation + 0.47) < 0.06))) {
      return brow(0, 0, out);
    }
    skin(0, 0, out);
  };
}

export interface HeadPaints {
  readonly face: number;
  readonly skin: number;
  readonly hair: number;
  readonly hat: number;
}

export interface FacePoints {
  readonly nose: Vec3;
  readonly leftEye: Vec3;
  readonly rightEye: Vec3;
  readonly leftEar: Vec3;
  readonly rightEar: Vec3;
}

/** Adds the head and says where its keypoints came to lie. */
export function addHead(
  mesh: Mesh,
  view: View,
  center: Vec3,
  frame: Frame,
  size: number,
  outfit: Outfit,
  paints: HeadPaints,
): FacePoints {
  const at = (x: number, y: number, z: number) => add(center, scale(place(frame, [x, y, z]), size));
  const along = (v: Vec3, k: number) => scale(v, k * size);
  /** A point on the ball. */
  const onFace = (azimuth: number, elevation: number, out = 1): Vec3 => {
    const [wide, deep] = shape(elevation);
    const level = Math.cos(elevation) * out;
    return at(
      half.width * wide * level * Math.sin(azimuth),
      half.height * Math.sin(elevation) * out,
      half.depth * deep * level * Math.cos(azimuth),
    );
  };
  const ball = (from: number, grow: number, sink: number, count: number): Ring[] =>
    Array.from({ length: count }, (_, i) => {
      const elevation = from + (Math.PI / 2 - from) * (i / (count - 1));
      const level = i === count - 1 ? 0 : Math.cos(elevation);
      const [wide, deep] = shape(elevation);
      return {
        center: at(0, half.height * Math.sin(elevation) * grow, sink),
        side: along(frame.left, half.width * wide * level * grow),
        front: along(frame.forward, half.depth * deep * level * grow),
        v: elevation,
      };
    });
  const face = { part: part.head, paint: paints.face, sides: 20, radiansU: true };
  addLoft(mesh, view, ball(-Math.PI / 2 + 1e-3, 1, 0, 16), face);

  const tip = at(0, -0.013, half.depth + 0.012);
  const bridge = at(0, 0.006, half.depth - 0.006);
  addLoft(
    mesh,
    view,
    limbRings(bridge, tip, frame.up, [
      [0, 0.006 * size, 0.006 * size],
      [1, 0.011 * size, 0.008 * size],
    ]),
    { part: part.nose, paint: paints.skin, sides: 8 },
  );
  const ear = (side: 1 | -1) => {
    const middle = at(side * (half.width + 0.003), -0.004, -0.004);
    const rings = ellipsoidRings(
      middle,
      along(frame.left, 0.007),
      along(frame.up, 0.018),
      along(frame.forward, 0.011),
    );
    const which = side > 0 ? part.leftEar : part.rightEar;
    addLoft(mesh, view, rings, { part: which, paint: paints.skin, sides: 8 });
    return at(side * (half.width + 0.007), -0.004, -0.002);
  };
  const points = {
    nose: tip,
    leftEye: onFace(eye.azimuth, eye.elevation, 1.02),
    rightEye: onFace(-eye.azimuth, eye.elevation, 1.02),
    leftEar: ear(1),
    rightEar: ear(-1),
  };
  addHair(mesh, view, { at, along, ball }, frame, outfit, paints);
  return points;
}

interface HeadSpace {
  readonly at: (x: number, y: number, z: number) => Vec3;
  readonly along: (v: Vec3, k: number) => Vec3;
  readonly ball: (from: number, grow: number, sink: number, count: number) => Ring[];
}

function addHair(
  mesh: Mesh,
  view: View,
  { at, along, ball }: HeadSpace,
  frame: Frame,
  outfit: Outfit,
  paints: HeadPaints,
): void {
  const skin = { part: part.hair, paint: outfit.hat ? paints.hat : paints.hair, sides: 16 };
  const hair = { ...skin, paint: paints.hair };
  const lump = (x: number, y: number, z: number, rx: number, ry: number, rz: number) =>
    addLoft(
      mesh,
      view,
      ellipsoidRings(
        at(x, y, z),
        along(frame.left, rx),
        along(frame.up, ry),
        along(frame.forward, rz),
      ),
      hair,
    );
  /** Hair hanging behind the face, from the crown down to `low`. */
  const curtain = (low: number, width: number) =>
    addLoft(
      mesh,
      view,
      [
        [0.05, 0.3, 0.4],
        [0.03, 0.95, 0.9],
        [-0.02, 1.06, 1],
        [low * 0.6, width, 0.75],
        [low, width * 0.85, 0.5],
        [low - 0.004, 0, 0],
      ].map(([y, wide, deep]) => ({
        center: at(0, y!, -0.028),
        side: along(frame.left, half.width * wide! * 1.1),
        front: along(frame.forward, 0.036 * deep!),
      })),
      hair,
    );
  // Volume on top: a cap that starts above the forehead and leans back.
  if (outfit.hairStyle !== 'bald' && outfit.hairStyle !== 'crop') {
    const grow = outfit.hairStyle === 'round' ? 1.32 : 1.08;
    addLoft(mesh, view, ball(outfit.hairStyle === 'round' ? 0.3 : 0.62, grow, -0.006, 7), skin);
  }
  switch (outfit.hairStyle) {
    case 'long':
      curtain(-0.15, 1.05);
      break;
    case 'bob':
      curtain(-0.075, 1.12);
      break;
    case 'round':
      lump(0, 0.03, -0.022, 0.074, 0.068, 0.066);
      break;
    case 'bun':
      lump(0, 0.055, -0.052, 0.024, 0.024, 0.024);
      break;
    case 'tail':
      addLoft(
        mesh,
        view,
        limbRings(at(0, 0.03, -0.058), at(0, -0.11, -0.085), frame.forward, [
          [0, 0.014, 0.014],
          [0.4, 0.022, 0.018],
          [1, 0.008, 0.008],
        ]),
        hair,
      );
      break;
    case 'short':
    case 'crop':
    case 'bald':
      break;
  }
  if (outfit.hat?.peak) {
    const brim = ellipsoidRings(
      at(0, 0.032, half.depth + 0.012),
      along(frame.left, 0.044),
      along(frame.up, 0.005),
      along(frame.forward, 0.036),
    );
    addLoft(mesh, view, brim, { ...skin, paint: paints.hat });
  }
}
