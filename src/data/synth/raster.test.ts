import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMesh, type Mesh } from './mesh.ts';
import { createLayer, rasterise, surfaceAt } from './raster.ts';

/** A mesh of triangles given as corners [x px, y px, depth]. */
function meshOf(triangles: readonly (readonly (readonly [number, number, number])[])[]): Mesh {
  const mesh = createMesh();
  for (const corners of triangles) {
    for (const [x, y, z] of corners) {
      mesh.corners[mesh.vertexCount] = mesh.vertexCount;
      // u and v repeat the position, the light is 1.
      mesh.vertices.set([x, y, z, x, y, 1], mesh.vertexCount++ * 6);
    }
    mesh.triangleCount++;
  }
  return mesh;
}

test('triangles that share an edge cover each sample once', () => {
  const inside = fc.tuple(
    fc.double({ min: 1, max: 29, noNaN: true }),
    fc.double({ min: 1, max: 19, noNaN: true }),
  );
  fc.assert(
    fc.property(inside, ([x, y]) => {
      // A rectangle cut into four triangles that meet at a point inside it.
      const corners = [
        [0, 0],
        [30, 0],
        [30, 20],
        [0, 20],
      ] as const;
      let samples = 0;
      corners.forEach(([ax, ay], i) => {
        const [bx, by] = corners[(i + 1) % 4]!;
        const layer = createLayer();
        rasterise(
          layer,
          meshOf([
            [
              [ax, ay, 0],
              [bx, by, 0],
              [x, y, 0],
            ],
          ]),
          30,
          20,
        );
        const end = layer.width * layer.height * 4;
        for (let s = 0; s < end; s++) if (layer.triangle[s] !== 0) samples++;
      });
      assert.equal(samples, 30 * 20 * 4);
    }),
    { seed: 4, numRuns: 60 },
  );
});

test('the nearer triangle wins and its surface coordinates come back', () => {
  const far = [
    [0, 0, 1],
    [40, 0, 1],
    [0, 40, 1],
  ] as const;
  const near = [
    [0, 0, 2],
    [20, 0, 2],
    [0, 20, 2],
  ] as const;
  for (const [triangles, nearest] of [
    [[far, near], 2],
    [[near, far], 1],
  ] as const) {
    const layer = createLayer();
    rasterise(layer, meshOf(triangles), 40, 40);
    assert.equal(layer.triangle[8 * 80 + 6], nearest);
    assert.equal(layer.depth[8 * 80 + 6], 2);
    const out = new Float64Array(3);
    surfaceAt(layer, nearest - 1, 6, 8, out);
    // Sample (6, 8) lies at (3.25, 4.25) px. Planes are float32.
    assert.ok(
      Math.abs(out[0]! - 3.25) < 1e-4 &&
        Math.abs(out[1]! - 4.25) < 1e-4 &&
        Math.abs(out[2]! - 1) < 1e-5,
    );
  }
});

test('what lies outside the picture is left out', () => {
  const layer = createLayer();
  rasterise(
    layer,
    meshOf([
      [
        [-50, -50, 0],
        [100, -50, 0],
        [-50, 100, 0],
      ],
    ]),
    10,
    8,
  );
  assert.deepEqual([layer.x, layer.y, layer.width, layer.height], [0, 0, 10, 8]);
  assert.ok(layer.triangle.subarray(0, 10 * 8 * 4).every((id) => id === 1));
  rasterise(
    layer,
    meshOf([
      [
        [-9, -9, 0],
        [-1, -9, 0],
        [-9, -1, 0],
      ],
    ]),
    10,
    8,
  );
  assert.equal(layer.width * layer.height, 0);
});
