import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addFigure } from './figure.ts';
import { createMesh, type Mesh, vertexSize } from './mesh.ts';
import { keypointParts, part } from './parts.ts';
import { createPainter, type DrawnPicture } from './picture.ts';
import type { Vec3 } from './vector.ts';

const painter = createPainter();

test('a picture depends on the seed, the split and its number, and on nothing drawn before it', () => {
  const first = painter.paint(3, 0, 7);
  painter.paint(8, 1, 2);
  const again = createPainter().paint(3, 0, 7);
  assert.deepEqual(again.data, first.data);
  assert.deepEqual(again.persons, first.persons);
  for (const [seed, split, index] of [
    [4, 0, 7],
    [3, 1, 7],
    [3, 0, 8],
  ] as const) {
    assert.notDeepEqual(painter.paint(seed, split, index).persons, first.persons);
  }
});

interface Hit {
  readonly depth: number;
  readonly part: number;
}

/** The nearest triangle straight through a point: no buffer, no samples, every triangle tried. */
function castRay(
  { vertices, corners, parts, triangleCount }: Mesh,
  x: number,
  y: number,
): Hit | undefined {
  let nearest: Hit | undefined;
  for (let t = 0; t < triangleCount; t++) {
    const [a, b, c] = [0, 1, 2].map((i) => {
      const at = corners[t * 3 + i]! * vertexSize;
      return [vertices[at]!, vertices[at + 1]!, vertices[at + 2]!] as const;
    }) as [Vec3, Vec3, Vec3];
    const twice = (p: Vec3, q: Vec3) => (p[0] - x) * (q[1] - y) - (p[1] - y) * (q[0] - x);
    const [wa, wb, wc] = [twice(b, c), twice(c, a), twice(a, b)];
    const inside = (wa >= 0 && wb >= 0 && wc >= 0) || (wa <= 0 && wb <= 0 && wc <= 0);
    const total = wa + wb + wc;
    if (!inside || Math.abs(total) < 1e-12) continue;
    const depth = (wa * a[2] + wb * b[2] + wc * c[2]) / total;
    if (!nearest || depth > nearest.depth) nearest = { depth, part: parts[t]! };
  }
  return nearest;
}

/** Visibilities of all people worked out by rays through the figures, nearest person first. */
function visibilitiesByRays(picture: DrawnPicture): { expected: number[]; actual: number[] }[] {
  const meshes = picture.placements.map(({ view, figure }) => {
    const mesh = createMesh();
    return { mesh, points: addFigure(mesh, view, figure), girth: Math.max(1, figure.build.girth) };
  });
  return meshes.map(({ points, girth }, person) => {
    const expected = points.map(([x, y, z], k) => {
      if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return 0;
      for (const [i, { mesh }] of meshes.entries()) {
        const hit = castRay(mesh, x, y);
        if (!hit) continue;
        if (i !== person) return 1;
        const { own, depth } = keypointParts[k]!;
        return own.includes(hit.part) && hit.depth - z <= depth * girth ? 2 : 1;
      }
      return 1;
    });
    const { keypoints } = picture.persons[person]!;
    return { expected, actual: expected.map((_, k) => keypoints[k * 3 + 2]!) };
  });
}

test('visibilities are what rays through the figures say', () => {
  const counts = [0, 0, 0];
  let [asked, differing] = [0, 0];
  for (let index = 0; index < 24; index++) {
    const picture = painter.paint(11, 0, index);
    visibilitiesByRays(picture).forEach(({ expected, actual }, person) => {
      expected.forEach((v, k) => {
        const [x, y] = picture.persons[person]!.keypoints.slice(k * 3, k * 3 + 2) as [
          number,
          number,
        ];
        const seen = picture.owner[Math.round(y) * picture.width + Math.round(x)];
        // What stands before everybody is no figure; it can only cover.
        if (seen === 255 && actual[k] === 1) return;
        asked++;
        counts[v]!++;
        if (v !== actual[k]) differing++;
      });
    });
  }
  assert.ok(asked > 500 && counts.every((n) => n > 5), `too few of a kind: ${counts}`);
  // The buffer looks at the middle of the sample, up to a third of a pixel beside the point: at the
  // very rim of a limb the two may differ.
  assert.ok(differing <= asked * 0.015, `${differing} of ${asked} differ`);
});

test('boxes and areas are those of the pixels that show the person', () => {
  for (let index = 0; index < 12; index++) {
    const { owner, width, height, persons } = painter.paint(5, 1, index);
    persons.forEach(({ bbox, area }, person) => {
      const mine = Array.from(owner.keys()).filter((i) => owner[i] === person + 1);
      const xs = mine.map((i) => i % width);
      const ys = mine.map((i) => Math.floor(i / width));
      const [left, top] = [
        xs.reduce((a, b) => Math.min(a, b)),
        ys.reduce((a, b) => Math.min(a, b)),
      ];
      const [right, bottom] = [
        xs.reduce((a, b) => Math.max(a, b)),
        ys.reduce((a, b) => Math.max(a, b)),
      ];
      assert.equal(area, mine.length);
      assert.deepEqual(bbox, [left, top, right - left + 1, bottom - top + 1]);
      assert.ok(right < width && bottom < height);
    });
  }
});

test('people are of usual sizes, one to four a picture, mostly visible, and every part is drawn', () => {
  const heights: number[] = [];
  const byVisibility = [0, 0, 0];
  const partsDrawn = new Set<number>();
  for (let index = 0; index < 40; index++) {
    const { persons, placements, width, height } = painter.paint(21, 0, index);
    assert.ok(persons.length >= 1 && persons.length <= 4);
    assert.ok(Math.max(width, height) <= 640 && Math.min(width, height) >= 375);
    for (const { keypoints, bbox } of persons) {
      assert.equal(keypoints.length, 51);
      heights.push(bbox[3]);
      for (let k = 2; k < 51; k += 3) byVisibility[keypoints[k]!]!++;
      assert.ok(keypoints.filter((v, i) => i % 3 === 2 && v === 2).length >= 8);
    }
    for (const { figure, view } of placements) {
      const mesh = createMesh();
      addFigure(mesh, view, figure);
      for (const id of mesh.parts.subarray(0, mesh.triangleCount)) partsDrawn.add(id);
    }
  }
  const sorted = heights.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * sorted.length)]!;
  assert.ok(at(0.1) > 70 && at(0.5) > 150 && at(0.5) < 330 && at(0.9) < 460, `heights ${sorted}`);
  const share = byVisibility[2]! / (byVisibility[0]! + byVisibility[1]! + byVisibility[2]!);
  assert.ok(share > 0.65 && share < 0.9, `visible share ${share}`);
  assert.deepEqual(
    [...partsDrawn].sort((a, b) => a - b),
    Object.values(part),
  );
});

test('left and right are the own sides of people who face the viewer', () => {
  let [asked, crossed] = [0, 0];
  for (let index = 0; index < 40; index++) {
    for (const { keypoints } of painter.paint(2, 0, index).persons) {
      const face = [0, 1, 2, 3, 4].every((k) => keypoints[k * 3 + 2] === 2);
      if (!face) continue;
      asked++;
      assert.ok(keypoints[1 * 3]! > keypoints[2 * 3]!, 'left eye right of the right eye');
      if (keypoints[5 * 3]! < keypoints[6 * 3]!) crossed++;
    }
  }
  assert.ok(asked > 15);
  // The head may look at the viewer over a shoulder, but not often.
  assert.ok(crossed <= asked * 0.1, `${crossed} of ${asked} shoulders crossed`);
});

test('a picture of a given size has it', () => {
  const { width, height, data } = painter.paint(1, 0, 0, { width: 160, height: 120 });
  assert.deepEqual([width, height, data.length], [160, 120, 160 * 120 * 3]);
});
