import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBuilder } from '../graph/builder.ts';
import { checkGraph } from '../graph/check.ts';
import { movingAverage } from '../ops/batchNorm.ts';
import { add, relu } from '../ops/elementwise.ts';
import { removeDead, substitute } from './rebuild.ts';

test('what reaches neither an output nor a new state is removed, its states with it', () => {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [3]);
  const used = g.state('used', 'parameter', [3]);
  const unused = g.state('unused', 'parameter', [3]);
  const running = g.state('running', 'statistic', [3]);
  const dead = g.add(add, [x, unused], { relu: false }, 'dead')[0]!;
  g.add(relu, [dead], {}, 'dead too');
  const moved = g.add(movingAverage, [running, x], { momentum: 0.9, scale: 1 }, 'moved')[0]!;
  g.updateState('running', moved);
  g.output('y', g.add(add, [x, used], { relu: false }, 'kept')[0]!);
  const graph = removeDead(g.finish());
  checkGraph(graph, 'removeDead');
  assert.deepEqual(
    graph.nodes.map((n) => n.name),
    ['moved', 'kept'],
  );
  assert.deepEqual(
    graph.states.map((s) => s.name),
    ['used', 'running'],
  );
  assert.deepEqual(
    graph.values.map((v) => v.name),
    ['x', 'used', 'running', 'moved', 'kept'],
  );
});

test('a substitute takes the place of a value everywhere', () => {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [3]);
  const s = g.state('s', 'parameter', [3]);
  const y = g.add(relu, [x], {})[0]!;
  g.updateState('s', y);
  g.output('y', y);
  g.output('z', g.add(add, [y, s], { relu: false })[0]!);
  const graph = substitute(g.finish(), new Map([[y.id, x.id]]));
  assert.deepEqual(graph.nodes[1]!.inputs, [x.id, s.id]);
  assert.equal(graph.outputs[0]!.value, x.id);
  assert.equal(graph.states[0]!.next, x.id);
});
