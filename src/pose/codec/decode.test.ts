import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backProject, findPeaks } from '../decode.ts';
import { gaussianKernel } from './blur.ts';
import { heatmapCodecs } from './index.ts';

const W = 72;
const H = 96;
const shape = [1, 1, H, W] as const;

function gaussian(cx: number, cy: number, s: number, amp: number): Float32Array {
  return Float32Array.from({ length: W * H }, (_, i) => {
    const [x, y] = [i % W, Math.floor(i / W)];
    return amp * Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * s * s));
  });
}

/** A map of zeros with values at some [x, y, value]. */
function mapOf(...cells: readonly (readonly [number, number, number])[]): Float32Array {
  const map = new Float32Array(W * H);
  for (const [x, y, value] of cells) map[y * W + x] = value;
  return map;
}

const decodeDark = (map: Float32Array, kernel = 3) =>
  heatmapCodecs.dark.decode(map, shape, { kernel });
const decodeStandard = (map: Float32Array) => [...heatmapCodecs.standard.decode(map, shape).xy];

function assertAt(xy: ArrayLike<number>, x: number, y: number, tolerance: number) {
  const off = Math.max(Math.abs(xy[0]! - x), Math.abs(xy[1]! - y));
  assert.ok(off <= tolerance, `expected (${x}, ${y}), got (${xy[0]}, ${xy[1]})`);
}

test('the peak is the first maximum in row-major order', () => {
  const { xy, scores } = findPeaks(mapOf([9, 5, 0.5], [3, 6, 0.5], [20, 5, 0.5]), shape);
  assert.deepEqual([...xy], [9, 5]);
  assert.deepEqual([...scores], [0.5]);
});

test('a map without a positive value is read as (0, 0) with its maximum as the score', () => {
  const negative = new Float32Array(W * H).fill(-2);
  negative[500] = -1;
  for (const codec of ['standard', 'dark', 'udp'] as const) {
    const { xy, scores } = heatmapCodecs[codec].decode(negative, shape);
    assert.deepEqual([...xy], [0, 0]);
    assert.deepEqual([...scores], [-1]);
    assert.deepEqual([...heatmapCodecs[codec].decode(mapOf(), shape).xy], [0, 0]);
  }
});

test('DARK finds the peak of a Gaussian for three kernels', () => {
  const cases = [
    [
      30.3,
      40.7,
      2,
      1.0,
      0.9777514,
      [30.29980483, 40.70019517],
      [30.29984398, 40.70015602],
      [30.29999435, 40.70000565],
    ],
    [
      30.3,
      40.7,
      3,
      0.8,
      0.79203993,
      [30.29998042, 40.70001958],
      [30.29992153, 40.70007847],
      [30.29996572, 40.70003428],
    ],
    [
      35.5,
      47.5,
      2,
      0.6,
      0.56364787,
      [35.49958954, 47.49958954],
      [35.49965821, 47.49965821],
      [35.49998752, 47.49998752],
    ],
  ] as const;
  for (const [cx, cy, s, amp, score, ...wanted] of cases) {
    for (const [i, kernel] of [3, 11, 17].entries()) {
      const { xy, scores } = decodeDark(gaussian(cx, cy, s, amp), kernel);
      // Logarithms are float32 values near 1, so differences of them are good to 1e-7; a second
      // difference of 1/σ² ≈ 0.1 to 0.25 divides that, and the order of a sum may show.
      assertAt(xy, wanted[i]![0], wanted[i]![1], 2e-6);
      // The expected maps were made in float32 throughout: a few units in the last place.
      assert.ok(Math.abs(scores[0]! - score) < 3e-7);
    }
  }
});

test('DARK leaves peaks on the two outer columns and rows where they are', () => {
  for (const kernel of [3, 11, 17]) {
    const { xy, scores } = decodeDark(gaussian(1.2, 50.4, 2, 1), kernel);
    assert.deepEqual([...xy], [1, 50]);
    assert.ok(Math.abs(scores[0]! - 0.9753097) < 3e-7);
  }
  for (const [cx, cy] of [
    [1, 40],
    [70, 40],
    [30, 1],
    [30, 94],
  ] as const) {
    const map = gaussian(cx, cy, 2, 1);
    map[cy * W + cx + 1]! += 0.01;
    assert.deepEqual([...decodeDark(map).xy], [cx, cy]);
  }
  const inner = gaussian(2, 93, 2, 1);
  inner[93 * W + 3]! += 0.01;
  assert.ok(decodeDark(inner).xy[0]! > 2.001, 'column 2 is refined');
});

test('DARK on a patch, alone and disturbed, gives the golden positions', () => {
  const map = new Float32Array(W * H);
  heatmapCodecs.standard.encode(
    Float32Array.of(120, 164),
    Float32Array.of(1),
    { width: 288, height: 384 },
    { width: W, height: H },
    2,
    map,
    new Float32Array(1),
  );
  assert.deepEqual([...decodeDark(map).xy], [30, 41]);
  map[41 * W + 31]! += 0.05;
  map[42 * W + 30]! -= 0.03;
  // The expected position has 8 decimals; float32 logarithms leave about 1e-6.
  assertAt(decodeDark(map).xy, 30.03567247, 40.97888418, 2e-6);
});

test('DARK does not move a peak on a flat map or one without curvature', () => {
  const flat = new Float32Array(W * H).fill(0.5);
  assert.deepEqual([...decodeDark(flat).xy], [0, 0]);
  // A plateau: all logarithms around the peak are equal, so the determinant is 0.
  const plateau = mapOf();
  for (let y = 30; y < 45; y++) plateau.fill(0.5, y * W + 20, y * W + 35);
  plateau.fill(0, 0, W * 30);
  const moved = plateau.slice();
  moved[37 * W + 27] = 0.5000001;
  const { xy } = decodeDark(moved, 1);
  assert.ok(Number.isFinite(xy[0]!) && Number.isFinite(xy[1]!));
  const ridge = mapOf();
  for (let y = 0; y < H; y++) ridge.set([0.2, 0.4, 0.2], y * W + 30);
  ridge[50 * W + 31] = Math.fround(0.4) + 2 ** -25;
  assert.deepEqual([...decodeDark(ridge, 1).xy], [31, 50]);
});

test('DARK has no clamp unless one is asked for', () => {
  // Nearly no curvature and a clear slope: the Newton step is long.
  const map = mapOf();
  for (let y = 30; y < 50; y++) for (let x = 20; x < 40; x++) map[y * W + x] = 0.5 + 0.001 * x;
  map[40 * W + 30] = 0.6;
  map[40 * W + 28] = 0.545;
  const free = heatmapCodecs.dark.decode(map, shape, { kernel: 1 });
  const held = heatmapCodecs.dark.decode(map, shape, { kernel: 1, maxOffset: 0.005 });
  assert.ok(Math.abs(free.xy[0]! - 30) > 0.005, `${free.xy[0]}`);
  assert.ok(Math.abs(held.xy[0]! - 30) <= 0.005 + 1e-12);
});

test('skipping rows does not change the blurred maximum', () => {
  // A crowded map: the blurred maximum is not at the peak but where much lies together.
  const map = gaussian(50, 70, 6, 0.7);
  map[20 * W + 20] = 0.9;
  map[20 * W + 21] = 0.5;
  for (const kernel of [3, 11]) {
    const [x] = decodeDark(map, kernel).xy;
    const wanted = darkX(map, kernel, 20, 20);
    assert.ok(Math.abs(x! - wanted) < 1e-9, `expected ${wanted}, got ${x}`);
  }
});

/** DARK's x by blurring the whole map, straight from its definition. */
function darkX(map: Float32Array, kernel: number, px: number, py: number): number {
  const weights = gaussianKernel(kernel);
  const r = (kernel - 1) / 2;
  const at = (x: number, y: number) => (x < 0 || y < 0 || x >= W || y >= H ? 0 : map[y * W + x]!);
  const blurred = Float32Array.from(map, (_, i) => {
    let sum = 0;
    for (let dx = -r; dx <= r; dx++) {
      let column = 0;
      for (let dy = -r; dy <= r; dy++) {
        column += weights[dy + r]! * at((i % W) + dx, Math.floor(i / W) + dy);
      }
      sum += weights[dx + r]! * column;
    }
    return sum;
  });
  const stretch = Math.fround(map[py * W + px]! / Math.max(...blurred));
  const log = Float32Array.from(blurred, (v) =>
    Math.log(Math.max(Math.fround(v * stretch), 1e-10)),
  );
  const L = (dx: number, dy: number) => log[(py + dy) * W + px + dx]!;
  const dx = (L(1, 0) - L(-1, 0)) / 2;
  const dy = (L(0, 1) - L(0, -1)) / 2;
  const dxx = (L(2, 0) - 2 * L(0, 0) + L(-2, 0)) / 4;
  const dyy = (L(0, 2) - 2 * L(0, 0) + L(0, -2)) / 4;
  const dxy = (L(1, 1) - L(-1, 1) - L(1, -1) + L(-1, -1)) / 4;
  return px - (dyy * dx - dxy * dy) / (dxx * dyy - dxy * dxy);
}

test('blur kernels are the fixed fractions up to 7 and sampled Gaussians above', () => {
  assert.deepEqual([...gaussianKernel(3)], [0.25, 0.5, 0.25]);
  const k11 = gaussianKernel(11);
  // Sigma is 2 for 11.
  assert.ok(Math.abs(k11[5]! / k11[3]! - Math.exp(0.5)) < 1e-12);
  for (const k of [1, 3, 5, 7, 11, 17]) {
    assert.ok(Math.abs(gaussianKernel(k).reduce((a, b) => a + b) - 1) < 1e-12);
  }
  for (const k of [0, 2, 4, 2.5, -3]) assert.throws(() => gaussianKernel(k), { exitCode: 2 });
});

test('the quarter offset goes toward the higher neighbour on each axis', () => {
  const peak = [30, 40, 1] as const;
  assert.deepEqual(decodeStandard(mapOf(peak, [31, 40, 0.5], [30, 41, 0.5])), [30.25, 40.25]);
  assert.deepEqual(decodeStandard(mapOf(peak, [29, 40, 0.5], [30, 39, 0.5])), [29.75, 39.75]);
  assert.deepEqual(decodeStandard(mapOf(peak, [31, 40, 0.5], [30, 39, 0.5])), [30.25, 39.75]);
  assert.deepEqual(decodeStandard(mapOf(peak, [29, 40, 0.5], [30, 41, 0.5])), [29.75, 40.25]);
  assert.deepEqual(decodeStandard(mapOf(peak, [29, 40, 0.5], [31, 40, 0.5])), [30, 40]);
});

test('the quarter offset is left out on the outer columns and rows', () => {
  assert.deepEqual(decodeStandard(mapOf([1, 40, 1], [2, 40, 0.5])), [1, 40]);
  assert.deepEqual(decodeStandard(mapOf([71, 40, 1], [70, 40, 0.5])), [71, 40]);
  assert.deepEqual(decodeStandard(mapOf([30, 1, 1], [30, 2, 0.5])), [30, 1]);
  assert.deepEqual(decodeStandard(mapOf([30, 95, 1], [30, 94, 0.5])), [30, 95]);
  assert.deepEqual(decodeStandard(mapOf([2, 94, 1], [3, 94, 0.5])), [2.25, 94]);
});

test('heatmap positions of several persons go back to their own pictures', () => {
  const xy = Float64Array.of(36, 48, 30.25, 17.75, 36, 48, 0, 0);
  const centers = Float32Array.of(389.6400146484375, 217.57000732421875, 100, 80);
  const scales = Float32Array.of(1.6203750371932983, 2.1605000495910645, 0.72, 0.96);
  const size = { width: W, height: H };
  const got = backProject({ xy, scores: new Float32Array(4) }, centers, scales, size);
  const want = [389.64001465, 217.57000732, 363.75902409, 81.41349178, 100, 80, 28, -16];
  // float32 positions of a few hundred pixels.
  for (const [i, v] of want.entries()) assert.ok(Math.abs(got[i]! - v) < 3e-5, `[${i}] ${got[i]}`);
  const corners = { xy: Float64Array.of(0, 0, 71, 95), scores: new Float32Array(2) };
  const udp = backProject(
    corners,
    Float32Array.of(100, 80),
    Float32Array.of(0.5, 0.75),
    size,
    true,
  );
  assert.deepEqual([...udp], [50, 5, 150, 155]);
});
