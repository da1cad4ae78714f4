import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tinyModel } from '../infer/tinyModel.testing.ts';
import { backProject } from '../pose/decode.ts';
import { decodeRules, exportModel } from './exportModel.ts';

/** docs/export.md: from a crop's pixel to the picture, with the crop's middle and size in the picture. */
function toPicture(udp: boolean, [x, y]: number[], [cx, cy]: number[], [w, h]: number[]) {
  const { width, height } = tinyModel.inputSize;
  return udp
    ? [
        cx! + ((x! - (width - 1) / 2) * w!) / (width - 1),
        cy! + ((y! - (height - 1) / 2) * h!) / (height - 1),
      ]
    : [cx! + ((x! - width / 2) * w!) / width, cy! + ((y! - height / 2) * w!) / width];
}

test("the way from the model's keypoints to the picture is the one that the documentation gives", () => {
  const { width, height } = tinyModel.inputSize;
  const heatmapSize = { width: width / 4, height: height / 4 };
  const center = [312.5, 207];
  const size = [150, 225];
  const cell = [5.3, 17.8];
  for (const udp of [false, true]) {
    const { pixelsPerCell } = decodeRules({ ...tinyModel, udp });
    const scale = size.map((side) => side / 200);
    const decoded = { xy: Float64Array.from(cell), scores: new Float32Array(1) };
    const [x, y] = backProject(
      decoded,
      Float32Array.from(center),
      Float32Array.from(scale),
      heatmapSize,
      udp,
    );
    const pixel = cell.map((v, axis) => v * pixelsPerCell[axis]!);
    const [documentedX, documentedY] = toPicture(udp, pixel, center, size);
    // The corners of a crop are kept in float32.
    assert.ok(Math.abs(x! - documentedX!) < 1e-4, `${x} ${documentedX}`);
    assert.ok(Math.abs(y! - documentedY!) < 1e-4, `${y} ${documentedY}`);
  }
});

test('the metadata say what using a model needs', () => {
  const about = { version: '1.2.3', configSha256: undefined, batch: 1, decode: true } as const;
  const { metadata } = exportModel(tinyModel, { ...about, input: 'float', arithmetic: 'fp32' });
  assert.deepEqual(JSON.parse(metadata.get('decode')!), {
    method: 'dark',
    kernel: 3,
    in_graph: true,
  });
  assert.equal(metadata.get('hrpose_version'), '1.2.3');
  assert.equal(metadata.get('skeleton'), tinyModel.skeleton.name);
  assert.equal(metadata.has('config_sha256'), false);
  assert.deepEqual(JSON.parse(metadata.get('flip_pairs')!), tinyModel.skeleton.flipPairs);
});
