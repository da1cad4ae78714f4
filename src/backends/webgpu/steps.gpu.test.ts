import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createBuilder } from '../../graph/builder.ts';
import type { Graph } from '../../graph/graph.ts';
import { updateGraph, withGradientStates } from '../../models/poseGraphs.ts';
import { batchNormTrain } from '../../ops/batchNorm.ts';
import { conv2d } from '../../ops/conv2d.ts';
import { heatmapMse } from '../../ops/heatmapMse.ts';
import { fuseRelu } from '../../passes/fuse.ts';
import { createGpuBackend } from './index.ts';
import { openNodeGpu } from './nodeDevice.ts';

const gpu = await openNodeGpu();
after(() => gpu.close());

const parameters = new Map([
  ['first', [8, 4, 3, 3]],
  ['gamma', [8]],
  ['beta', [8]],
  ['last', [4, 8, 1, 1]],
]);

/** Two convolutions and a batch norm; without a target the heatmaps, else the loss. */
function network(batch: number, withLoss: boolean): Graph {
  const g = createBuilder();
  const shape = [batch, 4, 16, 16];
  const x = g.feed('x', 'float32', shape);
  const [first, gamma, beta, last] = [...parameters].map(([name, s]) =>
    g.state(name, 'parameter', s),
  );
  const [a] = g.add(conv2d, [x, first!], { stride: 1, padding: 1 });
  const [b] = g.add(batchNormTrain, [a!, gamma!, beta!], { epsilon: 1e-5, relu: false });
  const [y] = g.add(conv2d, [b!, last!], { stride: 1, padding: 0 });
  if (!withLoss) {
    g.output('heatmaps', y!);
    return g.finish();
  }
  const target = g.feed('target', 'float32', shape);
  const weight = g.feed('weight', 'float32', [batch, 4]);
  const attrs = { lossScale: 0.5, useTargetWeight: true };
  g.output('loss', g.add(heatmapMse, [y!, target, weight], attrs)[0]!);
  return withGradientStates(fuseRelu(g.finish()), false);
}

const wave = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i));

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** MB of the process and of what JavaScript still refers to. */
function memory() {
  collectGarbage();
  const { rss, heapUsed } = process.memoryUsage();
  return { process: rss / 1e6, heap: heapUsed / 1e6 };
}

test('500 steps of training, with scoring now and then, leave buffers and memory as they are', async () => {
  const backend = createGpuBackend(gpu);
  const states = backend.createStates();
  const training = backend.prepare(network(2, true), { states });
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, l2: 0, accumulate: false };
  const update = backend.prepare(updateGraph(parameters, { ...adam, scaled: false }), { states });
  for (const [name, shape] of parameters)
    states.write(name, wave(shape.reduce((a, b) => a * b, 1)));
  for (const power of ['beta1Power', 'beta2Power']) states.write(power, Float32Array.of(0.9));
  const x = wave(2 * 4 * 16 * 16);
  const target = x.map((value) => 0.5 * value);
  const feeds = { x, target, weight: new Float32Array(8).fill(1), lossWeight: Float32Array.of(1) };

  const step = async (i: number): Promise<number> => {
    const { loss } = await training.run(feeds);
    await update.run({ learningRate: Float32Array.of(1e-3) });
    if (i % 25 === 0) {
      // As scoring does: a program of its own, with the weights of now.
      const scoring = backend.prepare(network(1, false));
      for (const name of parameters.keys()) scoring.states.write(name, await states.read(name));
      await scoring.run({ x: x.subarray(0, x.length / 2) });
      scoring.close();
    }
    return loss![0]!;
  };

  const first = await step(0);
  let settled: ReturnType<typeof memory> | undefined;
  const buffers = gpu.liveBuffers;
  for (let i = 1; i < 500; i++) {
    await step(i);
    assert.equal(gpu.liveBuffers, buffers);
    if (i === 150) settled = memory();
  }
  assert.ok((await step(500)) < 0.5 * first);
  const end = memory();
  const grown = { process: end.process - settled!.process, heap: end.heap - settled!.heap };
  // A promise that each wait for the device left behind was 1.2 MB of the heap; the process breathes by 10 MB.
  assert.ok(grown.heap < 0.3 && grown.process < 20, JSON.stringify(grown));
  update.close();
  training.close();
  states.close();
  assert.equal(gpu.liveBuffers, 0);
});
