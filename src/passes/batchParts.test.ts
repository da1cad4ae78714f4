import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBuilder } from '../graph/builder.ts';
import { hrnetConfig } from '../models/hrnetConfigs.ts';
import { inferenceGraph } from '../models/poseGraphs.ts';
import { imagenet } from '../models/usualTraining.ts';
import { relu } from '../ops/elementwise.ts';
import { upsampleNearest } from '../ops/upsampleNearest.ts';
import { batchParts } from './batchParts.ts';
import { compileInference } from './compile.ts';

/** Eight pictures: 4 elements each, then 16, then 64; the last result is handed over. */
function growing() {
  const g = createBuilder();
  let x = g.feed('x', 'float32', [8, 1, 2, 2]);
  x = g.add(relu, [x], {})[0]!;
  for (const name of ['a', 'b']) x = g.add(upsampleNearest, [x], { scale: 2 }, name)[0]!;
  x = g.add(relu, [x], {})[0]!;
  g.output('y', g.add(relu, [x], {})[0]!);
  return g.finish();
}

test('as many pictures go together as their results allow, in divisors of the batch', () => {
  const parts = (most: number) =>
    batchParts(growing(), most).map((s) => [s.first, s.end, s.pictures]);
  assert.deepEqual(parts(512), [[0, 5, 8]]);
  assert.deepEqual(parts(511), [
    [0, 2, 8],
    [2, 4, 4],
    [4, 5, 8],
  ]);
  assert.deepEqual(parts(50), [
    [0, 1, 8],
    [1, 2, 2],
    [2, 4, 1],
    [4, 5, 8],
  ]);
});

test('a picture that is too large alone goes alone', () => {
  assert.deepEqual(
    batchParts(growing(), 1).map(({ pictures }) => pictures),
    [1, 8],
  );
});

test('stretches of HRNet make up the whole network in order', () => {
  const options = { batch: 6, inputSize: { width: 96, height: 128 }, normalize: imagenet };
  const { graph } = compileInference(inferenceGraph(hrnetConfig('hrnet', 32, 17), options));
  const stretches = batchParts(graph, 2 ** 16);
  assert.equal(stretches[0]!.first, 0);
  assert.equal(stretches.at(-1)!.end, graph.nodes.length);
  stretches.slice(1).forEach(({ first }, i) => {
    assert.equal(first, stretches[i]!.end);
  });
  assert.deepEqual([...new Set(stretches.map(({ pictures }) => pictures))].sort(), [1, 2, 3, 6]);
});
