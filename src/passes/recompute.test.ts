import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDnnlBackend, fastBfloat16 } from '../backends/onednn/index.ts';
import { createBuilder } from '../graph/builder.ts';
import { checkGraph } from '../graph/check.ts';
import type { Value } from '../graph/graph.ts';
import { printGraph } from '../graph/print.ts';
import { hrnetConfig } from '../models/hrnetConfigs.ts';
import { trainingGraph } from '../models/poseGraphs.ts';
import { tinyTraining } from '../models/tinyTraining.testing.ts';
import { usualTraining } from '../models/usualTraining.ts';
import { batchNormTrain } from '../ops/batchNorm.ts';
import { conv2d } from '../ops/conv2d.ts';
import { heatmapMse } from '../ops/heatmapMse.ts';
import { autodiff } from './autodiff.ts';
import { compileTraining } from './compile.ts';
import { peakMemory } from './peakMemory.ts';
import { recompute } from './recompute.ts';

const graphOf = (
  width: number,
  size: { width: number; height: number },
  variant: 'hrnet' | 'hrnet-small' = 'hrnet',
) => trainingGraph(hrnetConfig(variant, width, 17), usualTraining(size, 4));

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

test('batch norm is made again from the statistics of the batch, as text', () => {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [1, 4, 2, 2]);
  const w = g.state('w', 'parameter', [4, 4, 1, 1]);
  const scale = g.state('scale', 'parameter', [4]);
  const shift = g.state('shift', 'parameter', [4]);
  const unit = (input: Value, name: string) => {
    const [y] = g.add(conv2d, [input, w], { stride: 1, padding: 0 }, name);
    return g.add(
      batchNormTrain,
      [y!, scale, shift],
      { epsilon: 1e-5, relu: true },
      `${name}.bn`,
    )[0]!;
  };
  const y = unit(unit(x, 'a'), 'b');
  const [target, weight] = [
    g.feed('target', 'float32', y.shape),
    g.feed('weight', 'float32', [1, 4]),
  ];
  g.output(
    'loss',
    g.add(heatmapMse, [y, target, weight], { lossScale: 1, useTargetWeight: true })[0]!,
  );
  const { graph } = autodiff(g.finish(), 'loss', 'seed');
  const lines = printGraph(recompute(graph)).split('\n');
  const first = lines.findIndex((line) => line.includes('= heatmapMse('));
  assert.equal(
    lines.slice(first).join('\n'),
    `%14[1] = heatmapMse(%9, %12, %13) {lossScale=1, useTargetWeight=true} 'heatmapMse'
%29[1, 4, 2, 2] = batchNormInference(%8, %2, %3, %10, %11) {epsilon=0.00001, relu=true} 'b.bn.again'
%16[1, 4, 2, 2] = heatmapMseGrad(%29, %12, %13, %15) {lossScale=1, useTargetWeight=true} 'heatmapMse.grad'
%17[1, 4, 2, 2], %18[4], %19[4] = batchNormGrad(%8, %2, %3, %10, %11, %29, %16) {epsilon=0.00001, relu=true} 'b.bn.grad'
%20[1, 4, 2, 2] = conv2dGradInput(%17, %1) {stride=1, padding=0, inputShape=[1,4,2,2]} 'b.dx'
%30[1, 4, 2, 2] = batchNormInference(%4, %2, %3, %6, %7) {epsilon=0.00001, relu=true} 'a.bn.again'
%21[4, 4, 1, 1] = conv2dGradWeight(%30, %17) {stride=1, padding=0, weightShape=[4,4,1,1], bias=false} 'b.dw'
%22[1, 4, 2, 2], %23[4], %24[4] = batchNormGrad(%4, %2, %3, %6, %7, %30, %20) {epsilon=0.00001, relu=true} 'a.bn.grad'
%25[4] = add(%18, %23) {relu=false} 'scale.sum'
%26[4] = add(%19, %24) {relu=false} 'shift.sum'
%27[4, 4, 1, 1] = conv2dGradWeight(%0, %22) {stride=1, padding=0, weightShape=[4,4,1,1], bias=false} 'a.dw'
%28[4, 4, 1, 1] = add(%21, %27) {relu=false} 'w.sum'
output 'loss' %14
`,
  );
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
