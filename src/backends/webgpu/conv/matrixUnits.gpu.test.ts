import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { create } from 'webgpu';
import { relativeError } from '../../conformance.ts';
import type { GpuFeatures, MatrixUnit, Shader } from '../kernel.ts';
import { openNodeGpu } from '../nodeDevice.ts';
import { awkward, dimsOfCase, expectedOf } from './cases.testing.ts';
import { type ConvDims, type ConvKind, sizesOf } from './dims.ts';
import { runCalls, unwritten } from './harness.testing.ts';
import { type Tile, unitTiles } from './tile.ts';
import { convTrial } from './trial.ts';

// No device here has matrix units. So their four operations are put in plain loops, and all around them (who
// loads what from where, what becomes of the sums) is held against the reference; and the real
// text is compiled by Dawn's null device, whose compiler is that of any other.
const gpu = await openNodeGpu();
const dawn = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
const adapter = await dawn.requestAdapter();
const device = await adapter!.requestDevice({
  requiredFeatures: [
    'chromium-experimental-subgroup-matrix' as GPUFeatureName,
    'shader-f16',
    'subgroups',
  ],
});
after(() => {
  gpu.close();
  device.destroy();
  // Dawn runs for as long as something refers to it.
  void [dawn, adapter];
});

const kinds: readonly ConvKind[] = ['forward', 'gradInput', 'gradWeight'];

function inLoops(code: string, { m, n, k }: MatrixUnit): string {
  const [, order, strideA] = /subgroupMatrixLoad<Left, (\w+)>\(&tile_a, at, (\d+)u\)/.exec(code)!;
  const [, strideB] = /subgroupMatrixLoad<Right, row_major>\(&tile_b, at, (\d+)u\)/.exec(code)!;
  const [, strideC] = /subgroupMatrixStore<row_major>\(&results, at, sum, (\d+)u\)/.exec(code)!;
  const left = order === 'row_major' ? `i * ${strideA}u + k` : `k * ${strideA}u + i`;
  return code.replace('enable chromium_experimental_subgroup_matrix;\n', '').replace(
    /alias Left[\s\S]*?fn store_sum.*\n/,
    `struct Left { at: u32 }
struct Right { at: u32 }
struct Sum { numbers: array<f32, ${m * n}> }
fn load_left(at: u32) -> Left { return Left(at); }
fn load_right(at: u32) -> Right { return Right(at); }
fn add_product(a: Left, b: Right, sum: Sum) -> Sum {
  var total = sum;
  for (var i = 0u; i < ${m}u; i++) {
    for (var j = 0u; j < ${n}u; j++) {
      for (var k = 0u; k < ${k}u; k++) {
        total.numbers[i * ${n}u + j] += tile_a[a.at + ${left}] * tile_b[b.at + k * ${strideB}u + j];
      }
    }
  }
  return total;
}
fn store_sum(at: u32, sum: Sum) {
  for (var i = 0u; i < ${m * n}u; i++) {
    results[at + i / ${n}u * ${strideC}u + i % ${n}u] = sum.numbers[i];
  }
}
`,
  );
}

async function check(kind: ConvKind, d: ConvDims, tile: Tile): Promise<void> {
  const { calls, result, scratchFloats } = convTrial(kind, d, tile, gpu.features);
  const expected = expectedOf(d);
  const arrays = {
    ...expected,
    [result]: unwritten(expected[result].length),
    scratch: unwritten(scratchFloats + 4),
  };
  const replaced = calls.map(({ shader, arrays: names }) => ({
    shader: shader.code.includes('alias Left')
      ? { ...shader, code: inLoops(shader.code, tile.unit!) }
      : shader,
    arrays: names,
  }));
  assert.notEqual(replaced[0]!.shader.code, calls[0]!.shader.code);
  const { [result]: actual } = await runCalls(gpu, arrays, replaced, [result]);
  const off = relativeError(actual!, expected[result]);
  // Sums of float32 in another order than the reference's.
  assert.ok(off <= 1e-4, `${kind}: off by ${off}`);
}

/** SwiftShader's subgroups have 4 invocations. Not square, so that nothing can be taken for another. */
const small: MatrixUnit = { component: 'f32', m: 4, n: 8, k: 2, subgroupSize: 4 };
const tiles: readonly Tile[] = [
  { rows: 16, columns: 32, depth: 16, threadRows: 8, threadColumns: 4, stages: 1, unit: small },
  { rows: 32, columns: 16, depth: 8, threadRows: 4, threadColumns: 4, stages: 1, unit: small },
];

const skip = gpu.adapter.software ? false : 'subgroups of another size than 4';
awkward.forEach((sizes, i) => {
  const d = dimsOfCase(sizes);
  const tile = tiles[i % tiles.length]!;
  const name = `products on matrix units are put together right: ${d.n} of ${sizesOf(d)}`;
  test(name, { skip }, async () => {
    for (const kind of kinds)
      await check(kind, d, kind === 'gradWeight' ? { ...tile, splits: 2 } : tile);
  });
});

async function errorsOf({ label, code }: Shader): Promise<string[]> {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ label, code });
  const { messages } = await module.getCompilationInfo();
  await device.popErrorScope();
  return messages.map(({ lineNum, message }) => `${label}, line ${lineNum}: ${message}`);
}

const units: readonly MatrixUnit[] = [
  { component: 'f16', m: 16, n: 16, k: 16, subgroupSize: 32 },
  { component: 'f16', m: 8, n: 8, k: 8, subgroupSize: 32 },
  { component: 'f32', m: 8, n: 8, k: 8, subgroupSize: 32 },
  { component: 'f16', m: 16, n: 16, k: 16, subgroupSize: 64 },
  { component: 'f16', m: 8, n: 16, k: 16, subgroupSize: 16 },
  // No side like another, so that the compiler sees them taken for one another.
  { component: 'f16', m: 8, n: 32, k: 16, subgroupSize: 32 },
];

test('shaders for matrix units compile', async () => {
  for (const unit of units) {
    const features: GpuFeatures = {
      subgroups: true,
      software: false,
      maxWorkgroupMemory: 32768,
      maxInvocations: 256,
      matrixUnits: [unit],
    };
    for (const sizes of [awkward[2]!, awkward[7]!]) {
      const d = dimsOfCase(sizes);
      for (const kind of kinds) {
        const offered = unitTiles(kind, d, features, unit);
        assert.ok(offered.length > 0);
        for (const tile of offered)
          for (const { shader } of convTrial(kind, d, tile, features).calls)
            assert.deepEqual(await errorsOf(shader), []);
      }
    }
  }
});
