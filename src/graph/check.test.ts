import assert from 'node:assert/strict';
import { test } from 'node:test';
import { add, relu } from '../ops/elementwise.ts';
import { createBuilder } from './builder.ts';
import { checkGraph } from './check.ts';
import type { Graph, Node } from './graph.ts';

/** feed %0, state %1 replaced by %2 = add(%0, %1), %3 = relu(%2) as output. */
function sound(): Graph {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [2, 3]);
  const s = g.state('s', 'statistic', [2, 3]);
  const sum = g.add(add, [x, s], { relu: false }, 'sum')[0]!;
  g.updateState('s', sum);
  g.output('y', g.add(relu, [sum], {}, 'rectified')[0]!);
  return g.finish();
}

const withNode = (graph: Graph, index: number, change: Partial<Node>): Graph => ({
  ...graph,
  nodes: graph.nodes.map((n, i) => (i === index ? { ...n, ...change } : n)),
});

const withShape = (graph: Graph, id: number, shape: readonly number[]): Graph => ({
  ...graph,
  values: graph.values.map((v) => (v.id === id ? { ...v, shape } : v)),
});

test('a sound graph passes', () => checkGraph(sound(), 'building'));

const broken: Record<string, [(graph: Graph) => Graph, RegExp]> = {
  'a value with another id': [
    (g) => ({ ...g, values: g.values.map((v) => (v.id === 1 ? { ...v, id: 7 } : v)) }),
    /value 1 carries id 7/,
  ],
  'a feed that is listed twice': [(g) => ({ ...g, feeds: [0, 0] }), /listed twice/],
  'an op that does not exist': [(g) => withNode(g, 1, { op: 'gelu' }), /unknown op 'gelu'/],
  'nodes in the wrong order': [
    (g) => ({ ...g, nodes: [...g.nodes].reverse() }),
    /'rectified' reads value 2 before it is written/,
  ],
  'a missing output': [(g) => withNode(g, 0, { outputs: [] }), /'sum' has 0 outputs/],
  'an output that is no value': [(g) => withNode(g, 1, { outputs: [9] }), /unknown value 9/],
  'a value that is written twice': [
    (g) => withNode(g, 1, { outputs: [2] }),
    /'rectified' writes value 2 a second time/,
  ],
  'a shape that the rule does not give': [
    (g) => withShape(g, 3, [3, 2]),
    /'rectified' output 0 is \[3, 2\], its rule says \[2, 3\]/,
  ],
  'inputs that do not fit': [(g) => withShape(g, 1, [2, 4]), /expected b to be \[2, 3\]/],
  'an output that nothing writes': [
    (g) => ({ ...g, nodes: g.nodes.slice(0, 1) }),
    /output 'y' is never written/,
  ],
  'a state that is replaced by nothing': [
    (g) => ({
      ...g,
      states: g.states.map((s) => ({ ...s, next: 3 })),
      nodes: g.nodes.slice(0, 1),
      outputs: [],
    }),
    /state 's' is replaced by a value that is never written/,
  ],
  'a state that changes shape': [
    (g) => {
      const reader = createBuilder(g);
      const small = reader.feed('small', 'float32', [1]);
      reader.updateState('s', small);
      return reader.finish();
    },
    /state 's' changes shape/,
  ],
};

for (const [what, [breakIt, message]] of Object.entries(broken)) {
  test(`the check finds ${what}`, () => {
    assert.throws(() => checkGraph(breakIt(sound()), 'a pass'), message);
  });
}
