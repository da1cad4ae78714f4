import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Builder, createBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import { batchNormInference } from '../ops/batchNorm.ts';
import { add, relu } from '../ops/elementwise.ts';
import { fuseRelu } from './fuse.ts';

/** Op and `relu` of every node that is left. */
function fused(build: (g: Builder, x: Value) => void): [string, boolean | undefined][] {
  const g = createBuilder();
  build(g, g.feed('x', 'float32', [1, 2, 3, 4]));
  return fuseRelu(g.finish()).nodes.map(({ op, attrs }) => [op, attrs.relu]);
}

const sum = (g: Builder, x: Value) => g.add(add, [x, x], { relu: false })[0]!;
const rectify = (g: Builder, x: Value) => g.add(relu, [x], {})[0]!;

test('a ReLU joins the sum that it alone reads', () => {
  const nodes = fused((g, x) => g.output('y', rectify(g, sum(g, x))));
  assert.deepEqual(nodes, [['add', true]]);
});

test('a ReLU joins the batch norm that it alone reads', () => {
  const nodes = fused((g, x) => {
    const four = ['gamma', 'beta', 'mean', 'variance'].map((n) => g.state(n, 'parameter', [2]));
    const attrs = { epsilon: 1e-5, relu: false };
    g.output('y', rectify(g, g.add(batchNormInference, [x, ...four], attrs)[0]!));
  });
  assert.deepEqual(nodes, [['batchNormInference', true]]);
});

test('a ReLU stays where its input is read elsewhere, is an output or comes from no fusible op', () => {
  const readTwice = fused((g, x) => {
    const a = sum(g, x);
    g.output('y', g.add(add, [rectify(g, a), a], { relu: false })[0]!);
  });
  assert.deepEqual(readTwice, [
    ['add', false],
    ['relu', undefined],
    ['add', false],
  ]);
  const shown = fused((g, x) => {
    const a = sum(g, x);
    g.output('a', a);
    g.output('y', rectify(g, a));
  });
  assert.deepEqual(shown, [
    ['add', false],
    ['relu', undefined],
  ]);
  assert.deepEqual(
    fused((g, x) => g.output('y', rectify(g, x))),
    [['relu', undefined]],
  );
});
