import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import { checkGraph } from '../graph/check.ts';
import { printGraph } from '../graph/print.ts';
import { hrnetConfig } from '../models/hrnetConfigs.ts';
import { trainingGraph } from '../models/poseGraphs.ts';
import { tinyTraining } from '../models/tinyTraining.testing.ts';
import { compileTraining } from './compile.ts';
import { lifetimes } from './lifetimes.ts';
import { planMemory } from './planMemory.ts';

const normalize = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

const graphOf = (width: number, size: { width: number; height: number }) =>
  trainingGraph(hrnetConfig('hrnet', width, 17), {
    batch: 4,
    inputSize: size,
    normalize,
    target: {
      codec: 'standard',
      sigma: 2,
      heatmapSize: { width: size.width / 4, height: size.height / 4 },
    },
    loss: { lossScale: 0.5, useTargetWeight: true },
    bnMomentum: 0.9,
    accumulate: false,
  });

function peakBytes(lean: boolean): number {
  const graph = compileTraining(graphOf(32, { width: 288, height: 384 }), { lean });
  const states = new Set(graph.states.map(({ next }) => next));
  return planMemory(lifetimes(graph).filter(({ value }) => !states.has(value))).lowerBound;
}

test('what HRNet-W32 keeps for the backward part is little more than half with recomputation', () => {
  const ratio = peakBytes(true) / peakBytes(false);
  // The convolutions' results alone are half of it.
  assert.ok(ratio > 0.48 && ratio < 0.56, `ratio ${ratio}`);
});

test('results are made again right before the first gradient that reads them, once', () => {
  const graph = compileTraining(graphOf(32, { width: 64, height: 64 }), { lean: true });
  checkGraph(graph, 'recompute');
  const text = printGraph(graph);
  const copies = [...text.matchAll(/(\S+)\.again\b/g)].map(([, name]) => name);
  assert.ok(copies.length > 200, 'a few hundred results are made again');
  const made = graph.nodes.filter(({ name }) => name.endsWith('.again')).map(({ name }) => name);
  assert.equal(new Set(made).size, made.length, 'none twice');
  const loss = graph.nodes.findIndex(({ op }) => op === 'heatmapMse');
  const early = graph.nodes.slice(0, loss).filter(({ name }) => name.endsWith('.again'));
  assert.deepEqual(early, [], 'none in the forward part');
});

test('training steps end in the same bytes with and without recomputation', async () => {
  const backend = createDnnlBackend({ threads: 1 });
  const kept = tinyTraining(backend);
  const lean = tinyTraining(backend, { batch: 2, side: 64, lean: true });
  try {
    for (let step = 0; step < 3; step++)
      assert.equal(await lean.step(1e-3), await kept.step(1e-3), `loss of step ${step}`);
    for (const name of kept.states.shapes().keys())
      assert.deepEqual(await lean.states.read(name), await kept.states.read(name), name);
  } finally {
    lean.close();
    kept.close();
    backend.close();
  }
});
