// A whole training run of a tiny HRNet, the same on every backend: weights, pictures and keypoints
// from the golden hash. Used by tests only.
import type { Backend, Feeds } from '../backends/backend.ts';
import { compileTraining } from '../passes/compile.ts';
import { goldenRandom, goldenState } from './golden.testing.ts';
import { hrnetConfig, hrnetState, isRunningStatistic } from './hrnetConfigs.ts';
import { beta1Power, beta2Power, trainingGraph, updateGraph } from './poseGraphs.ts';

const batch = 2;
export const tinyConfig = hrnetConfig('hrnet-small', 8, 5);
const inputSize = { width: 64, height: 64 };
const heatmapSize = { width: 16, height: 16 };
const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, l2: 0, accumulate: false };

export const tinyParameters = new Map(
  [...hrnetState(tinyConfig)].filter(([name]) => !isRunningStatistic(name)),
);

const tinyGraph = () =>
  compileTraining(
    trainingGraph(tinyConfig, {
      batch,
      inputSize,
      normalize: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
      target: { codec: 'standard', heatmapSize, sigma: 2 },
      loss: { lossScale: 0.5, useTargetWeight: true },
      bnMomentum: 0.9,
      accumulate: false,
    }),
  );

/** Two pictures of noise with five keypoints each, two of them not labelled. */
function tinyFeeds(): Feeds {
  const random = (p: number, n: number) => Array.from({ length: n }, (_, i) => goldenRandom(p, i));
  const keypoints = batch * tinyConfig.keypoints;
  return {
    images: Uint8Array.from(random(1, batch * 64 * 64 * 3), (r) => 127.5 + 127.5 * r),
    keypoints: Float32Array.from(random(2, keypoints * 2), (r) => 32 + 31 * r),
    visible: Float32Array.from({ length: keypoints }, (_, i) => (i % 4 === 3 ? 0 : 1)),
    lossWeight: Float32Array.of(1),
  };
}

/** The network with its update, and one call that makes a step and returns the loss before it. */
export function tinyTraining(backend: Backend) {
  const program = backend.prepare(tinyGraph());
  const { states } = program;
  const update = backend.prepare(updateGraph(tinyParameters, adam), { states });
  for (const [name, values] of goldenState(tinyConfig)) states.write(name, values);
  states.write(beta1Power, Float32Array.of(adam.beta1));
  states.write(beta2Power, Float32Array.of(adam.beta2));
  const feeds = tinyFeeds();
  return {
    states,
    async step(learningRate: number): Promise<number> {
      const { loss } = await program.run(feeds);
      await update.run({ learningRate: Float32Array.of(learningRate) });
      return loss![0]!;
    },
    close() {
      update.close();
      program.close();
    },
  };
}
