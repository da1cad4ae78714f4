import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Graph } from '../../graph/graph.ts';
import { ops } from '../../ops/index.ts';
import { conformanceValues } from '../conformance.ts';
import type { ConformanceCase } from '../conformanceCase.ts';
import { opCases } from '../conformanceOps.ts';
import { createTensors, evaluate } from './evaluate.ts';
import type { Tensor } from './tensor.ts';

/** Tensors by value name: feeds and states filled, the rest to be computed. */
function prepare(one: ConformanceCase) {
  const tensors = createTensors(one.graph);
  const find = (id: number | undefined): Tensor => tensors[id!]!;
  for (const id of [...one.graph.feeds, ...one.graph.states.map((s) => s.value)]) {
    const { data } = find(id);
    data.set(conformanceValues(one, one.graph.values[id]!.name, data.length));
  }
  const output = (name: string) =>
    one.graph.outputs.some((o) => o.name === name)
      ? find(one.graph.outputs.find((o) => o.name === name)!.value)
      : undefined;
  const input = (name: string) => find(one.graph.values.find((v) => v.name === name)?.id);
  return { tensors, input, output, run: () => evaluate(one.graph, tensors) };
}

/** Σ over the results with a given gradient of dy · y: its derivatives are what the case's gradients are. */
function weightedSum({ feeds, values }: Graph, prepared: ReturnType<typeof prepare>): number {
  prepared.run();
  let sum = 0;
  for (const id of feeds) {
    const { name } = values[id]!;
    if (!name.startsWith('dy')) continue;
    const y = prepared.output(`y${name.slice(2)}`)!.data;
    prepared.input(name).data.forEach((dy, i) => {
      sum += dy * y[i]!;
    });
  }
  return sum;
}

const step = 1e-5;

for (const one of opCases) {
  const { outputs } = one.graph;
  const gradients = outputs.filter(({ name }) => name.startsWith('gradient'));
  if (gradients.length === 0) continue;
  test(`the gradient is the slope between two close points: ${one.name}`, () => {
    const prepared = prepare(one);
    prepared.run();
    const analytic = gradients.map(({ name }) => prepared.output(name)!.data.slice());
    gradients.forEach(({ name }, k) => {
      const { data } = prepared.input(`input${name.slice('gradient'.length)}`);
      const scale = analytic[k]!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      // Twelve elements of each tensor, spread over it.
      const every = Math.max(1, Math.floor(data.length / 12));
      for (let i = 0; i < data.length; i += every) {
        const kept = data[i]!;
        data[i] = kept + step;
        const above = weightedSum(one.graph, prepared);
        data[i] = kept - step;
        const below = weightedSum(one.graph, prepared);
        data[i] = kept;
        const error = Math.abs((above - below) / (2 * step) - analytic[k]![i]!) / scale;
        // Rounding of sums in doubles over the step (1e-11) and the step squared (1e-10) stay below.
        assert.ok(error < 1e-7, `${name}[${i}]: off by ${error} of the largest`);
      }
    });
  });
}

test('every op with a gradient is among the cases', () => {
  const covered = new Set(
    opCases
      .filter(({ graph }) => graph.outputs.some(({ name }) => name.startsWith('gradient')))
      .map(({ graph }) => graph.nodes[0]!.op),
  );
  const differentiable = Object.values(ops).filter((op) => op.grad);
  assert.deepEqual([...covered].sort(), differentiable.map((op) => op.name).sort());
});
