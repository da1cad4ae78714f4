import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBuilder } from '../graph/builder.ts';
import { add, relu } from '../ops/elementwise.ts';
import { lifetimes } from './lifetimes.ts';
import { peakMemory } from './peakMemory.ts';
import { planMemory } from './planMemory.ts';

function chain() {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [1, 1, 8, 8]);
  const [a] = g.add(relu, [x], {}, 'a');
  const [b] = g.add(relu, [a!], {}, 'b');
  g.output('y', g.add(add, [b!, x], { relu: false }, 'sum')[0]!);
  return g.finish();
}

test('the fullest moment is where the most is read and written, and says of what it consists', () => {
  const graph = chain();
  const { bytes, node, live } = peakMemory(graph);
  assert.equal(bytes, 3 * 256);
  assert.equal(graph.nodes[node]!.name, 'b');
  assert.deepEqual(
    [...live],
    [
      ['relu', 512],
      ['feed', 256],
    ],
  );
  assert.equal(bytes, planMemory(lifetimes(graph)).lowerBound);
});

test('what replaces a state lies in the state, and sizes may be those of a backend', () => {
  const g = createBuilder();
  const state = g.state('s', 'gradient', [1, 1, 8, 8]);
  g.updateState('s', g.add(relu, [state], {}, 'next')[0]!);
  g.output('y', g.add(relu, [state], {}, 'y')[0]!);
  assert.equal(peakMemory(g.finish(), () => 100).bytes, 128);
});
