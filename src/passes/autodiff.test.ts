import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensors, evaluate } from '../backends/reference/evaluate.ts';
import { type Builder, createBuilder } from '../graph/builder.ts';
import type { Graph, Value } from '../graph/graph.ts';
import { conv2d } from '../ops/conv2d.ts';
import { add, relu } from '../ops/elementwise.ts';
import { heatmapMse } from '../ops/heatmapMse.ts';
import { autodiff } from './autodiff.ts';

const geometry = { stride: 1, padding: 1 };

/** The loss of `body`'s result against zeros. */
function lossGraph(body: (g: Builder, x: Value) => Value): Graph {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [1, 2, 4, 5]);
  const y = body(g, x);
  const target = g.feed('target', 'float32', y.shape);
  const weight = g.feed('weight', 'float32', y.shape.slice(0, 2));
  const attrs = { lossScale: 0.5, useTargetWeight: false };
  g.output('loss', g.add(heatmapMse, [y, target, weight], attrs)[0]!);
  return g.finish();
}

/** Loss and gradient of one element of a parameter, with everything filled by a fixed rule. */
function slopes(forward: Graph, parameter: string, element: number) {
  const { graph, gradients } = autodiff(forward, 'loss', 'seed');
  const tensors = createTensors(graph);
  graph.values.forEach((value) => {
    tensors[value.id]!.data.forEach((_, i, data) => {
      data[i] = Math.sin(1 + value.id + i * 0.7);
    });
  });
  const named = (name: string) => tensors[graph.values.find((v) => v.name === name)!.id]!.data;
  named('seed').fill(1);
  const loss = tensors[graph.outputs[0]!.value]!.data;
  const at = (shift: number) => {
    named(parameter)[element]! += shift;
    evaluate(graph, tensors);
    named(parameter)[element]! -= shift;
    return loss[0]!;
  };
  const numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
  at(0);
  return { analytic: tensors[gradients.get(parameter)!]!.data[element]!, numeric };
}

const convolve = (g: Builder, x: Value, name: string) =>
  g.add(conv2d, [x, g.state(name, 'parameter', [2, 2, 3, 3])], geometry, name)[0]!;
const sum = (g: Builder, a: Value, b: Value) => g.add(add, [a, b], { relu: false }, 'sum')[0]!;

test('a value that is read several times gets the sum of its gradients', () => {
  const forward = lossGraph((g, x) => {
    const a = convolve(g, x, 'first');
    const b = g.add(relu, [a], {})[0]!;
    return sum(g, sum(g, a, convolve(g, b, 'second')), b);
  });
  for (const element of [0, 7, 35]) {
    const { analytic, numeric } = slopes(forward, 'first', element);
    // Central differences in doubles: the step squared and rounding over the step are both below.
    assert.ok(Math.abs(analytic - numeric) < 1e-8, `${analytic}, by differences ${numeric}`);
  }
});

test('a parameter that two nodes read gets the sum of its gradients', () => {
  const forward = lossGraph((g, x) => convolve(g, convolve(g, x, 'shared'), 'shared'));
  const { analytic, numeric } = slopes(forward, 'shared', 4);
  assert.ok(Math.abs(analytic - numeric) < 1e-8, `${analytic}, by differences ${numeric}`);
});

test('a value added to itself counts twice', () => {
  const forward = lossGraph((g, x) => {
    const a = convolve(g, x, 'w');
    return sum(g, a, a);
  });
  const { analytic, numeric } = slopes(forward, 'w', 0);
  assert.ok(Math.abs(analytic - numeric) < 1e-8, `${analytic}, by differences ${numeric}`);
});

test('nothing is computed for what no parameter reaches', () => {
  const forward = lossGraph((g, x) => sum(g, convolve(g, x, 'w'), g.add(relu, [x], {})[0]!));
  const { graph, gradients } = autodiff(forward, 'loss', 'seed');
  assert.deepEqual([...gradients.keys()], ['w']);
  const backward = graph.nodes.slice(forward.nodes.length).map((n) => n.op);
  assert.deepEqual(backward, ['heatmapMseGrad', 'conv2dGradWeight']);
});

test('a parameter that does not reach the loss has no gradient', () => {
  const forward = lossGraph((g, x) => {
    convolve(g, x, 'unused');
    return convolve(g, x, 'used');
  });
  assert.deepEqual([...autodiff(forward, 'loss', 'seed').gradients.keys()], ['used']);
});

test('a convolution that was fused for inference cannot be differentiated', () => {
  const forward = lossGraph((g, x) => {
    const w = g.state('w', 'parameter', [2, 2, 3, 3]);
    return g.add(conv2d, [x, w], { ...geometry, relu: true }, 'fused')[0]!;
  });
  assert.throws(() => autodiff(forward, 'loss', 'seed'), /'fused' is fused for inference/);
});
