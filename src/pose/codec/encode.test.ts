import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heatmapCodecs } from './index.ts';

const input = { width: 288, height: 384 };
const heatmap = { width: 72, height: 96 };
const cells = 72 * 96;

function encodeOne(codec: 'standard' | 'dark' | 'udp', x: number, y: number, visible = 1) {
  const map = new Float32Array(cells).fill(7);
  const weight = new Float32Array(1).fill(7);
  heatmapCodecs[codec].encode(
    Float32Array.of(x, y),
    Float32Array.of(visible),
    input,
    heatmap,
    2,
    map,
    weight,
  );
  return { at: (cx: number, cy: number) => map[cy * 72 + cx]!, map, weight: weight[0]! };
}

const sum = (map: Float32Array) => map.reduce((total, v) => total + v, 0);
const filled = (map: Float32Array) => map.reduce((total, v) => total + (v > 0 ? 1 : 0), 0);
// Values are float32 and at most 1.
const tolerance = 1e-7;
const near = (got: number, want: number, within = tolerance) =>
  assert.ok(Math.abs(got - want) <= within, `expected ${want}, got ${got}`);

test('a keypoint becomes a 13 x 13 patch with a peak of exactly 1 in the nearest cell', () => {
  const { map, at, weight } = encodeOne('standard', 123.8802, 70.6325);
  assert.equal(weight, 1);
  assert.equal(at(31, 18), 1);
  assert.equal(filled(map), 169);
  const row = [0.011108997, 0.043936931, 0.135335281, 0.324652433, 0.606530666, 0.882496893, 1];
  for (let d = 0; d <= 6; d++) {
    near(at(25 + d, 18), row[d]!);
    near(at(37 - d, 18), row[d]!);
    near(at(31, 12 + d), row[d]!);
  }
  near(at(30, 19), Math.exp(-2 / 8));
  // A sum of 169 float32 values.
  near(sum(map), 25.08129, 1e-5);
});

test('a patch is cut by the border of the map', () => {
  const corner = encodeOne('standard', 0, 0);
  assert.equal(corner.at(0, 0), 1);
  assert.equal(filled(corner.map), 49);
  const end = encodeOne('standard', 287, 383);
  assert.equal(end.at(71, 95), Math.fround(Math.exp(-1 / 4)));
  assert.equal(filled(end.map), 36);
});

test('cells are truncated toward zero, so a point slightly left of the map is in column 0', () => {
  const left = encodeOne('standard', -2.5, 40);
  assert.equal(left.at(0, 10), 1);
  assert.equal(left.at(6, 10), encodeOne('standard', 0, 40).at(6, 10));
});

test('a blob that ends at the border keeps its weight, one further loses it', () => {
  // Cell −7 ends at the border, −8 before it; a cell of UDP is 287 / 71 px wide.
  for (const [codec, stride] of [
    ['standard', 4],
    ['udp', 287 / 71],
  ] as const) {
    const touching = encodeOne(codec, -7.6 * stride, 100);
    assert.equal(touching.weight, 1, codec);
    assert.equal(sum(touching.map), 0, codec);
    const outside = encodeOne(codec, -8.6 * stride, 100);
    assert.equal(outside.weight, 0, codec);
    assert.equal(sum(outside.map), 0, codec);
  }
  // Right and below: cell 77 is the last that reaches column 71, and cell 78 has the border at 72.
  assert.equal(encodeOne('standard', 77 * 4, 100).weight, 1);
  assert.equal(encodeOne('standard', 78 * 4, 100).weight, 0);
  assert.equal(encodeOne('standard', 100, 101 * 4).weight, 1);
  assert.equal(encodeOne('standard', 100, 102 * 4).weight, 0);
});

test('a keypoint that is not visible leaves an empty map of weight 0', () => {
  for (const codec of ['standard', 'dark', 'udp'] as const) {
    const { map, weight } = encodeOne(codec, 100, 100, 0);
    assert.equal(weight, 0);
    assert.equal(sum(map), 0);
  }
});

test('a DARK target is the exact Gaussian over the whole map', () => {
  const { at, map, weight } = encodeOne('dark', 121.2, 70.3);
  assert.equal(weight, 1);
  const value = (x: number, y: number) =>
    Math.exp(-((x - 121.2 / 4) ** 2 + (y - 70.3 / 4) ** 2) / 8);
  near(at(30, 18), 0.9667378, 1e-6);
  for (const [x, y] of [
    [30, 17],
    [31, 18],
    [24, 12],
    [22, 17],
    [40, 30],
    [0, 0],
  ] as const) {
    // The keypoint itself is rounded to float32, 4e-6 px.
    near(at(x, y), value(x, y), 1e-6);
  }
  assert.ok(filled(map) > 169, 'nothing is cut at 3 sigma');
});

test('the DARK weight follows the truncated bounds of the unrounded position', () => {
  // x/4 + 7 > −1 truncates to 0 at least, so the blob counts until x/4 = −8.
  assert.equal(encodeOne('dark', -31.9, 100).weight, 1);
  assert.equal(encodeOne('dark', -32, 100).weight, 0);
});

test('a UDP target is a 13 x 13 patch whose peak lies at the exact position', () => {
  const { at, map, weight } = encodeOne('udp', 121.2, 70.3);
  const x = (121.2 * 71) / 287;
  const y = (70.3 * 95) / 383;
  assert.equal(weight, 1);
  assert.equal(filled(map), 169);
  assert.equal(at(30 + 7, 17), 0);
  assert.ok(at(30 + 6, 17) > 0 && at(30 - 6, 17) > 0 && at(30, 17 + 6) > 0 && at(30, 17 - 6) > 0);
  near(at(30, 17), Math.exp(-((30 - x) ** 2 + (17 - y) ** 2) / 8), 1e-6);
  near(at(33, 14), Math.exp(-((33 - x) ** 2 + (14 - y) ** 2) / 8), 1e-6);
});

test('maps of several keypoints do not touch each other, and old contents are gone', () => {
  const maps = new Float32Array(3 * cells).fill(5);
  const weights = new Float32Array(3);
  const keypoints = Float32Array.of(40, 40, 0, 0, 200, 300);
  const visible = Float32Array.of(1, 0, 1);
  heatmapCodecs.standard.encode(keypoints, visible, input, heatmap, 2, maps, weights);
  assert.deepEqual([...weights], [1, 0, 1]);
  near(sum(maps.subarray(0, cells)), 25.08129, 1e-5);
  assert.equal(sum(maps.subarray(cells, 2 * cells)), 0);
  assert.equal(maps[2 * cells + 75 * 72 + 50], 1);
});
