import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Builder, createBuilder } from '../graph/builder.ts';
import { checkGraph } from '../graph/check.ts';
import type { Value } from '../graph/graph.ts';
import { conv2d } from '../ops/conv2d.ts';
import { add } from '../ops/elementwise.ts';
import { fuseResidual } from './fuseResidual.ts';

interface Parts {
  readonly g: Builder;
  readonly x: Value;
  readonly conv: (name: string, relu?: boolean) => Value;
  readonly sum: (a: Value, b: Value, relu?: boolean) => Value;
}

/** What is left of the graph: name and residual of every convolution, or the op. */
function fused(build: (parts: Parts) => Value): string[] {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [1, 3, 4, 5]);
  const conv = (name: string, relu = false) => {
    const w = g.state(`${name}.weight`, 'parameter', [3, 3, 3, 3]);
    const b = g.state(`${name}.bias`, 'parameter', [3]);
    const attrs = { stride: 1, padding: 1, ...(relu ? { relu } : {}) };
    return g.add(conv2d, [x, w, b], attrs, name)[0]!;
  };
  const sum = (a: Value, b: Value, relu = true) => g.add(add, [a, b], { relu }, 'sum')[0]!;
  g.output('y', build({ g, x, conv, sum }));
  const graph = fuseResidual(g.finish());
  checkGraph(graph, 'fuseResidual');
  return graph.nodes.map(({ op, name, attrs, inputs }) => {
    if (op !== 'conv2d') return `${op} ${attrs.relu}`;
    return attrs.residual
      ? `${name} + ${graph.values[inputs[3]!]!.name}, ${attrs.relu ?? false}`
      : name;
  });
}

test('a sum goes into the convolution that is one of its terms, on either side', () => {
  assert.deepEqual(
    fused(({ x, conv, sum }) => sum(x, conv('a'))),
    ['a + x, true'],
  );
  assert.deepEqual(
    fused(({ x, conv, sum }) => sum(conv('a'), x, false)),
    ['a + x, false'],
  );
});

test('of two convolutions the later one takes the sum', () => {
  const nodes = fused(({ conv, sum }) => {
    const [a, b] = [conv('a'), conv('b')];
    return sum(b, a);
  });
  assert.deepEqual(nodes, ['a', 'b + a, true']);
});

test('a chain of sums goes into a chain of convolutions', () => {
  const nodes = fused(({ x, conv, sum }) => sum(sum(x, conv('a'), false), conv('b')));
  assert.deepEqual(nodes, ['a + x, false', 'b + sum, true']);
});

test('a sum stays where the convolution has a ReLU or is read elsewhere', () => {
  assert.deepEqual(
    fused(({ x, conv, sum }) => sum(x, conv('a', true))),
    ['a', 'add true'],
  );
  const readTwice = fused(({ x, conv, sum }) => {
    const a = conv('a');
    return sum(sum(x, a), a);
  });
  assert.deepEqual(readTwice, ['a', 'add true', 'add true']);
});
