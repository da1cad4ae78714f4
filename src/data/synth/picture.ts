// One picture of the demo data set: people in a place, and what is true about them. Every draw
// depends on the seed, the split, the picture and its purpose alone.
import { philox } from '../philox.ts';
import type { Size } from '../record.ts';
import type { Rng } from '../rng.ts';
import { ownedExtent, visibilities } from './annotate.ts';
import { type Backdrop, disc } from './backdrop.ts';
import { drawBuild } from './build.ts';
import {
  type Canvas,
  clearCanvas,
  createCanvas,
  nobody,
  paintLayer,
  paintUnder,
} from './canvas.ts';
import { between, chance, pickWeighted } from './draws.ts';
import { addFigure } from './figure.ts';
import { develop } from './finish.ts';
import { createMesh, type Mesh, project } from './mesh.ts';
import { createNoise, type Noise, noiseAt } from './noise.ts';
import { clothColour, shade } from './paints.ts';
import { figurePaints } from './person.ts';
import { createLayer, type Layer, rasterise } from './raster.ts';
import {
  drawFigure,
  drawScene,
  drawStatures,
  drawX,
  type Placement,
  photoSizes,
  placeFigure,
  type Scene,
} from './scene.ts';
import { paintScenery } from './scenery.ts';
import { add, scale, type Vec3 } from './vector.ts';

export interface DrawnPerson {
  /** 17 × (x, y, v): px of the picture (0 is the middle of the first pixel), COCO visibility. */
  readonly keypoints: number[];
  /** [x, y, width, height] of the pixels that are seen of the person. */
  readonly bbox: readonly [number, number, number, number];
  /** Their number. */
  readonly area: number;
}

export interface DrawnPicture {
  readonly width: number;
  readonly height: number;
  /** [H, W, 3] uint8 RGB. */
  readonly data: Uint8Array;
  /** From the nearest to the farthest; at least one. */
  readonly persons: readonly DrawnPerson[];
  /** What each of them was drawn from. */
  readonly placements: readonly Placement[];
  /**
   * [H, W]: 1 + index of the person that a pixel shows, 0 for the place behind, 255 for other
   * things. Valid until the painter's next picture.
   */
  readonly owner: Uint8Array;
}

/** A person is placed if at least this many keypoints and this share of its box's pixels show. */
const leastVisible = 8;
const leastShown = 0.15;

export interface Painter {
  paint(seed: number, split: number, index: number, size?: Size): DrawnPicture;
}

/** Sometimes something stands before everybody: a ledge, a post. */
function paintForeground({ canvas }: Scene, noise: Noise, rng: Rng): void {
  if (!chance(rng, 0.1)) return;
  const { width, height } = canvas;
  const colour = chance(rng, 0.5) ? clothColour(rng) : shade([126, 96, 68], between(rng, 0.4, 1.5));
  const ledge = chance(rng, 0.6);
  const [left, right, top] = ledge
    ? [0, width, height * between(rng, 0.82, 0.95)]
    : [between(rng, 0, 0.9) * width, 0, 0];
  const end = ledge ? right : left + between(rng, 6, 26);
  for (let y = Math.floor(top); y < height; y++) {
    for (let x = Math.floor(left); x < Math.min(width, end); x++) {
      const k = 0.85 + 0.3 * noiseAt(noise, x * 0.8, y * 0.8);
      paintUnder(canvas, y * width + x, 1, colour[0] * k, colour[1] * k, colour[2] * k, nobody);
    }
  }
}

const toTenth = (x: number) => Math.round(x * 10) / 10;

/** Pixel i reaches from i to i + 1 where it is drawn; annotations put i at its middle. */
function annotated(
  points: readonly Vec3[],
  visible: readonly number[],
  { width, height }: Canvas,
): number[] {
  return points.flatMap(([x, y], k) => {
    if (visible[k] === 0) return [0, 0, 0];
    const inside = (v: number, end: number) => toTenth(Math.max(0, Math.min(end - 1, v - 0.5)));
    return [inside(x, width), inside(y, height), visible[k]!];
  });
}

/** Draws the person if enough of it will show; gives nothing, and leaves no trace, otherwise. */
function paintPerson(
  { canvas }: Scene,
  mesh: Mesh,
  layer: Layer,
  { figure, view }: Placement,
  owner: number,
): DrawnPerson | undefined {
  mesh.vertexCount = 0;
  mesh.triangleCount = 0;
  const points = addFigure(mesh, view, figure);
  rasterise(layer, mesh, canvas.width, canvas.height);
  if (shownShare(canvas, layer) < leastShown) return undefined;
  const visible = visibilities(canvas, layer, mesh, points, figure.build.girth);
  if (visible.filter((v) => v === 2).length < leastVisible) return undefined;
  paintLayer(canvas, layer, mesh, figurePaints(figure), owner);
  const keypoints = annotated(points, visible, canvas);
  return { keypoints, ...ownedExtent(canvas, layer, owner) };
}

/** Share of the layer's pixels that the figure covers and nothing nearer does. */
function shownShare(canvas: Canvas, layer: Layer): number {
  let shown = 0;
  for (let y = 0; y < layer.height; y++) {
    for (let x = 0; x < layer.width; x++) {
      if (layer.triangle[y * 4 * layer.width + x * 2] === 0) continue;
      if (canvas.cover[(layer.y + y) * canvas.width + layer.x + x]! < 0.5) shown++;
    }
  }
  return shown / Math.max(1, layer.width * layer.height);
}

/** Fills the room left by people with the place, darkened under their feet. */
function fillBehind(
  scene: Scene,
  backdrop: Backdrop,
  placements: readonly Placement[],
  rng: Rng,
): void {
  const { canvas, horizon } = scene;
  const { width, height, colour, cover } = canvas;
  paintScenery(backdrop, horizon, rng);
  for (const { figure, view } of placements) {
    for (const { ankle, foot } of [figure.joints.leftLeg, figure.joints.rightLeg]) {
      const [x, y] = project(view, add(ankle, scale(foot, 0.04)));
      const s = view.scale;
      disc(backdrop, x, y + 0.035 * s, 0.11 * s, 0.03 * s, [12, 12, 16], {
        soft: 0.03 * s,
        alpha: 0.4,
      });
    }
  }
  for (let i = 0; i < width * height; i++) {
    const room = 1 - cover[i]!;
    if (room <= 0) continue;
    const c = i * 3;
    colour[c] += room * backdrop.colour[c]!;
    colour[c + 1] += room * backdrop.colour[c + 1]!;
    colour[c + 2] += room * backdrop.colour[c + 2]!;
  }
}

interface Sheet {
  readonly canvas: Canvas;
  readonly backdrop: Backdrop;
}

/** A painter keeps its buffers from picture to picture, one set a size. */
export function createPainter(): Painter {
  const mesh = createMesh();
  const layer = createLayer();
  const noise = createNoise();
  const sheets = new Map<string, Sheet>();
  const sheetOf = ({ width, height }: Size): Sheet => {
    const key = `${width}x${height}`;
    const sheet = sheets.get(key) ?? {
      canvas: createCanvas(width, height),
      backdrop: { width, height, colour: new Float32Array(width * height * 3), noise },
    };
    sheets.set(key, sheet);
    return sheet;
  };
  return {
    paint(seed, split, index, size) {
      const draw = (purpose: string) => philox(seed, split, index, purpose);
      const rng = draw('scene');
      const chosen = size ?? pickWeighted(rng, photoSizes);
      const { canvas, backdrop } = sheetOf(chosen);
      clearCanvas(canvas);
      const scene = drawScene(canvas, rng);
      const placements: Placement[] = [];
      const persons: DrawnPerson[] = [];
      paintForeground(scene, noise, draw('foreground'));
      const statures = drawStatures(chosen, rng);
      // The first person is tried until it shows, so that no picture is empty.
      statures.forEach((stature, slot) => {
        for (let attempt = 0; attempt < (slot === 0 ? 20 : 2); attempt++) {
          const own = draw(`person ${slot}.${attempt}`);
          const figure = drawFigure(drawBuild(own), scene, own);
          const placement = placeFigure(
            figure,
            stature,
            drawX(scene, stature, placements, own),
            scene,
            own,
          );
          const person = paintPerson(scene, mesh, layer, placement, persons.length + 1);
          if (!person) continue;
          persons.push(person);
          placements.push(placement);
          return;
        }
      });
      fillBehind(scene, backdrop, placements, draw('scenery'));
      const data = develop(canvas.colour, canvas.width, canvas.height, noise, draw('camera'));
      return {
        width: canvas.width,
        height: canvas.height,
        data,
        persons,
        placements,
        owner: canvas.owner,
      };
    },
  };
}
