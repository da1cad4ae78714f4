// The decoder inside ONNX graphs beside pose/codec, run by ONNX Runtime.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heatmapCodecs } from '../pose/codec/index.ts';
import { createOnnxBuilder } from './builder.ts';
import { type DecodeRules, emitDecode } from './decode.ts';
import { checkerMissing, checkModel, runModel } from './onnx.testing.ts';
import type { OnnxModel } from './proto.ts';

const width = 18;
const height = 24;

/** The decoder alone: heatmaps [N, K, 24, 18] → keypoints, scores. */
function decoder(keypoints: number, rules: DecodeRules): OnnxModel {
  const g = createOnnxBuilder(['heatmaps']);
  emitDecode(g, 'heatmaps', [keypoints, height, width], rules);
  const value = (name: string, ...shape: number[]) =>
    ({ name, type: 'float32', shape: ['N', keypoints, ...shape] }) as const;
  return {
    opset: 17,
    producer: { name: 'test', version: '0' },
    name: 'decoder',
    nodes: g.nodes,
    initializers: g.initializers,
    inputs: [value('heatmaps', height, width)],
    outputs: [value('keypoints', 2), value('scores')],
    metadata: new Map(),
  };
}

type Map2d = (x: number, y: number) => number;
const gaussian =
  (cx: number, cy: number, s = 2, peak = 1): Map2d =>
  (x, y) =>
    peak * Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * s * s));

const maps: Readonly<Record<string, Map2d>> = {
  'a peak between cells': gaussian(8.3, 12.7),
  'a broad low peak': gaussian(9.4, 10.1, 4, 0.03),
  'a narrow tilted peak': (x, y) =>
    gaussian(8.3, 12.7, 1.4)(x, y) * (1 + 0.05 * (x - 8) * (y - 12)),
  'two equal peaks, of which the first counts': (x, y) =>
    Math.max(gaussian(4, 15)(x, y), gaussian(12, 6)(x, y)),
  'a peak at the left border': gaussian(1.2, 10.4),
  'the last column without a step': gaussian(2, 10.4),
  'a peak at the right border': gaussian(width - 2, 10.4),
  'the first column without a step on the right': gaussian(width - 3, 10.4),
  'a peak at the top border': gaussian(8.2, 1),
  'a peak at the bottom border': gaussian(8.2, height - 2.3),
  'a peak in the first cell': gaussian(0, 0),
  'a peak in the last cell': gaussian(width - 1, height - 1),
  zeros: () => 0,
  'a flat map': () => 0.7,
  'negative values': (x, y) => -1 - 0.01 * x - 0.02 * y,
  'a flat top': (x, y) => (Math.abs(x - 8) <= 1 && Math.abs(y - 12) <= 1 ? 1 : 0),
  'a single cell': (x, y) => (x === 8 && y === 12 ? 0.9 : 0),
  'a single cell among negative ones': (x, y) => (x === 8 && y === 12 ? 0.3 : -1),
  'a ridge along a row': (x, y) => Math.exp(-((y - 12.2) ** 2) / 8) * (1 - 1e-3 * (x - 8.4) ** 2),
};

/** Both decoders on all maps: the first map's results first. */
async function decodeBoth(rules: DecodeRules) {
  const all = Object.values(maps);
  const heatmaps = Float32Array.from({ length: all.length * width * height }, (_, i) => {
    const cell = i % (width * height);
    return all[Math.floor(i / (width * height))]!(cell % width, Math.floor(cell / width));
  });
  const shape = [1, all.length, height, width] as const;
  const codec = heatmapCodecs[rules.darkKernel === undefined ? 'standard' : 'dark'];
  const wanted = codec.decode(heatmaps, shape, { kernel: rules.darkKernel ?? 3 });
  const made = await runModel(decoder(all.length, rules), {
    heatmaps: { type: 'float32', dims: shape, data: heatmaps },
  });
  return { wanted, keypoints: made.keypoints!, scores: made.scores! };
}

for (const darkKernel of [undefined, 3, 11]) {
  const how =
    darkKernel === undefined ? 'the quarter offset' : `DARK with a kernel of ${darkKernel}`;
  test(`${how} agrees with the codec on every kind of map`, async () => {
    const { wanted, keypoints, scores } = await decodeBoth({ darkKernel, pixelsPerCell: [4, 4] });
    assert.deepEqual(scores, wanted.scores);
    Object.keys(maps).forEach((what, k) => {
      for (const axis of [0, 1]) {
        const made = keypoints[2 * k + axis]!;
        const right = 4 * wanted.xy[2 * k + axis]!;
        // Logarithms of float32 values differ by 1e-7; over the weakest curvature here, 2e-3, that is
        // 2e-4 px.
        const off = Math.abs(made - right);
        assert.ok(off < 1e-3, `${what}: expected ${right}, got ${made}`);
      }
    });
  });
}

test('keypoints are scaled along each axis by its own factor', async () => {
  const factors = [4, 5] as const;
  const { wanted, keypoints } = await decodeBoth({ darkKernel: 3, pixelsPerCell: factors });
  assert.ok(Math.abs(keypoints[0]! - 4 * wanted.xy[0]!) < 1e-3);
  assert.ok(Math.abs(keypoints[1]! - 5 * wanted.xy[1]!) < 1e-3);
});

test("the onnx package's checker accepts both decoders", { skip: checkerMissing() }, () => {
  for (const darkKernel of [undefined, 3]) {
    checkModel(decoder(17, { darkKernel, pixelsPerCell: [4, 4] }));
  }
});
