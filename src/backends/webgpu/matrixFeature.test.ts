import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matrixFeatures, matrixUnitsOf } from './matrixFeature.ts';

const feature = 'chromium-experimental-subgroup-matrix';
const config = (componentType: string, resultType: string, side: number) => {
  return { componentType, resultType, M: side, N: side, K: side };
};
const adapter = (features: readonly string[], sizes: readonly [number, number]) => ({
  features: new Set(features),
  info: {
    subgroupMinSize: sizes[0],
    subgroupMaxSize: sizes[1],
    subgroupMatrixConfigs: [
      config('f16', 'f16', 16),
      config('f16', 'f32', 16),
      config('f32', 'f32', 8),
      config('i8', 'i32', 16),
    ],
  } as unknown as GPUAdapterInfo,
});

test('matrix units are those that add in float32, of types that shaders have', () => {
  const all = matrixUnitsOf(adapter([feature, 'subgroups', 'shader-f16'], [32, 32]));
  assert.deepEqual(all, [
    { component: 'f16', m: 16, n: 16, k: 16, subgroupSize: 32 },
    { component: 'f32', m: 8, n: 8, k: 8, subgroupSize: 32 },
  ]);
  assert.deepEqual(matrixFeatures(all), [feature, 'shader-f16']);
  const floats = matrixUnitsOf(adapter([feature, 'subgroups'], [32, 32]));
  assert.deepEqual(floats, all.slice(1));
  assert.deepEqual(matrixFeatures(floats), [feature]);
});

test('there are none without the feature, nor where subgroups have several sizes', () => {
  assert.deepEqual(matrixUnitsOf(adapter(['subgroups', 'shader-f16'], [32, 32])), []);
  assert.deepEqual(matrixUnitsOf(adapter([feature, 'shader-f16'], [32, 32])), []);
  assert.deepEqual(matrixUnitsOf(adapter([feature, 'subgroups'], [32, 64])), []);
  assert.deepEqual(matrixFeatures([]), []);
});
