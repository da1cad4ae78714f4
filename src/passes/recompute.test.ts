import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDnnlBackend, fastBfloat16 } from '../backends/onednn/index.ts';
import { checkGraph } from '../graph/check.ts';
import { printGraph } from '../graph/print.ts';
import { hrnetConfig } from '../models/hrnetConfigs.ts';
import { trainingGraph } from '../models/poseGraphs.ts';
import { tinyTraining } from '../models/tinyTraining.testing.ts';
import { compileTraining } from './compile.ts';
import { peakMemory } from './peakMemory.ts';
import { recompute } from './recompute.ts';

const normalize = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

const graphOf = (
  width: number,
  size: { width: number; height: number },
  variant: 'hrnet' | 'hrnet-small' = 'hrnet',
) =>
  trainingGraph(hrnetConfig(variant, width, 17), {
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

test('what HRNet-W32 keeps for the backward part is little more than half with recomputation', () => {
  const graph = graphOf(32, { width: 288, height: 384 });
  const [kept, lean] = [false, true].map((lean) => peakMemory(compileTraining(graph, { lean })));
  const ratio = lean!.bytes / kept!.bytes;
  // The convolutions' results alone are half of it.
  assert.ok(ratio > 0.48 && ratio < 0.54, `ratio ${ratio}`);
  const [op] = lean!.live.keys();
  assert.equal(op, 'conv2d');
});

test('no network takes more memory with recomputation than without', () => {
  const small = { width: 64, height: 64 };
  for (const graph of [
    graphOf(48, { width: 192, height: 256 }),
    graphOf(8, small),
    graphOf(18, small, 'hrnet-small'),
  ]) {
    const kept = peakMemory(graph).bytes;
    assert.ok(peakMemory(recompute(graph)).bytes < kept);
  }
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

for (const precision of ['fp32', 'bf16'] as const) {
  test(`${precision}: steps end in the same bytes with and without recomputation`, async (t) => {
    if (precision === 'bf16' && !fastBfloat16()) return t.skip('this CPU has no bfloat16');
    const backend = createDnnlBackend({ threads: 1, precision });
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
}
