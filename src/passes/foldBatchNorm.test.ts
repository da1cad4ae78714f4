import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '../backends/backend.ts';
import { relativeError } from '../backends/conformance.ts';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import { createReferenceBackend } from '../backends/reference/index.ts';
import { type Builder, createBuilder } from '../graph/builder.ts';
import type { Graph, Value } from '../graph/graph.ts';
import {
  floatGraph,
  goldenInput,
  goldenRandom,
  goldenSize,
  goldenState,
  goldenTarget,
} from '../models/golden.testing.ts';
import { hrnetConfig } from '../models/hrnetConfigs.ts';
import { batchNormInference } from '../ops/batchNorm.ts';
import { conv2d } from '../ops/conv2d.ts';
import { add } from '../ops/elementwise.ts';
import { compileInference } from './compile.ts';
import { foldBatchNorm, type StateValues } from './foldBatchNorm.ts';

const x = Float32Array.from({ length: 2 * 3 * 4 * 5 }, (_, i) => goldenRandom(9, i));

interface Parts {
  readonly g: Builder;
  readonly x: Value;
  readonly conv: (x: Value, bias?: boolean) => Value;
  readonly norm: (x: Value, relu?: boolean) => Value;
}

/** A graph from x [2, 3, 4, 5] of one convolution 'c' and one batch norm 'n'. */
function smallGraph(build: (parts: Parts) => Value): Graph {
  const g = createBuilder();
  const conv = (input: Value, bias = false) => {
    const w = g.state('c.weight', 'parameter', [3, 3, 3, 3]);
    const b = bias ? [g.state('c.bias', 'parameter', [3])] : [];
    return g.add(conv2d, [input, w, ...b], { stride: 1, padding: 1 }, 'c')[0]!;
  };
  const norm = (input: Value, relu = false) => {
    const parameters = ['weight', 'bias', 'running_mean', 'running_var'].map((leaf) =>
      g.state(`n.${leaf}`, 'parameter', [3]),
    );
    return g.add(batchNormInference, [input, ...parameters], { epsilon: 1e-5, relu }, 'n')[0]!;
  };
  g.output('y', build({ g, x: g.feed('x', 'float32', [2, 3, 4, 5]), conv, norm }));
  return g.finish();
}

/** Random values for every state; variances above a half. */
const valuesFor = (graph: Graph): Map<string, Float32Array> =>
  new Map(
    graph.states.map(({ name, value }, p) => {
      const n = graph.values[value]!.shape.reduce((a, b) => a * b, 1);
      const lift = name.endsWith('var') ? 1 : 0;
      return [name, Float32Array.from({ length: n }, (_, i) => lift + 0.5 * goldenRandom(p, i))];
    }),
  );

async function run(backend: Backend, graph: Graph, states: StateValues, feeds: object) {
  const program = backend.prepare(graph);
  for (const [name, values] of states) program.states.write(name, values);
  const outputs = await program.run(feeds as Record<string, Float32Array>);
  program.close();
  return outputs;
}

async function expectSame(graph: Graph, folded: ReturnType<typeof foldBatchNorm>): Promise<void> {
  const backend = createReferenceBackend();
  const states = valuesFor(graph);
  const { y: expected } = await run(backend, graph, states, { x });
  const { y } = await run(backend, folded.graph, folded.fold(states), { x });
  // Folded weights are rounded to float32 once more.
  assert.ok(relativeError(y!, expected!) < 1e-6);
}

test('a batch norm goes into the weights of its convolution', async () => {
  for (const relu of [false, true]) {
    for (const bias of [false, true]) {
      const graph = smallGraph(({ x, conv, norm }) => norm(conv(x, bias), relu));
      const folded = foldBatchNorm(graph);
      assert.deepEqual(
        folded.graph.nodes.map((n) => [n.op, n.attrs.relu]),
        [['conv2d', relu || undefined]],
      );
      assert.deepEqual(folded.graph.states.map((s) => s.name).sort(), ['c.bias', 'c.weight']);
      await expectSame(graph, folded);
    }
  }
});

test('a batch norm stays where the convolution or its weight is read elsewhere', async () => {
  const graphs = [
    smallGraph(({ g, x, conv, norm }) => {
      const c = conv(x);
      return g.add(add, [norm(c), c], { relu: false })[0]!;
    }),
    smallGraph(({ x, conv, norm }) => conv(norm(conv(x)))),
    smallGraph(({ x, norm }) => norm(x)),
    smallGraph(({ g, x, conv, norm }) => {
      const c = conv(x);
      g.output('shown', c);
      return norm(c);
    }),
  ];
  for (const graph of graphs) {
    const folded = foldBatchNorm(graph);
    assert.deepEqual(folded.graph, graph);
    await expectSame(graph, folded);
  }
});

test('folding leaves the weights that it is given as they are', () => {
  const graph = smallGraph(({ x, conv, norm }) => norm(conv(x)));
  const states = valuesFor(graph);
  const before = Float32Array.from(states.get('c.weight')!);
  foldBatchNorm(graph).fold(states);
  assert.deepEqual(states.get('c.weight'), before);
});

test('a weight that is missing is named', () => {
  const graph = smallGraph(({ x, conv, norm }) => norm(conv(x)));
  const states = valuesFor(graph);
  states.delete('n.running_var');
  assert.throws(() => foldBatchNorm(graph).fold(states), /expected a tensor 'n\.running_var'/);
});

test('the golden network gives the same heatmaps folded and fused', async () => {
  const backend = createDnnlBackend();
  const graph = floatGraph(hrnetConfig('hrnet', 32, 17), { kind: 'inference' }, goldenSize);
  const states = goldenState(hrnetConfig('hrnet', 32, 17));
  const feeds = { x: goldenInput(), ...goldenTarget() };
  const { heatmaps: expected } = await run(backend, graph, states, feeds);
  const { graph: compiled, fold } = compileInference(graph);
  assert.equal(compiled.nodes.filter((n) => n.op === 'batchNormInference').length, 0);
  const { heatmaps } = await run(backend, compiled, fold(states), feeds);
  // Float32 sums in another order through 290 layers: 7e-7 of the largest value.
  assert.ok(relativeError(heatmaps!, expected!) < 1e-5);
  backend.close();
});
