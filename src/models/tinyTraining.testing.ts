// A whole training run of a tiny HRNet, the same on every backend: weights, pictures and keypoints
// from the golden hash. Used by tests only.
import type { Backend, Feeds } from '../backends/backend.ts';
import { compileTraining } from '../passes/compile.ts';
import { goldenRandom, goldenState } from './golden.testing.ts';
import { hrnetConfig, hrnetState, isRunningStatistic } from './hrnetConfigs.ts';
import { beta1Power, beta2Power, trainingGraph, updateGraph } from './poseGraphs.ts';

export const tinyConfig = hrnetConfig('hrnet-small', 8, 5);

export interface TinySize {
  readonly batch: number;
  /** Width and height of the input, px. */
  readonly side: number;
  /** Make cheap results again in the backward part. */
  readonly lean?: boolean;
}

const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, l2: 0, accumulate: false };

export const tinyParameters = new Map(
  [...hrnetState(tinyConfig)].filter(([name]) => !isRunningStatistic(name)),
);

const tinyGraph = ({ batch, side, lean = false }: TinySize) =>
  compileTraining(
    trainingGraph(tinyConfig, {
      batch,
      inputSize: { width: side, height: side },
      normalize: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
      target: {
        codec: 'standard',
        heatmapSize: { width: side / 4, height: side / 4 },
        sigma: 2,
      },
      loss: { lossScale: 0.5, useTargetWeight: true },
      bnMomentum: 0.9,
      accumulate: false,
    }),
    { lean },
  );

/** Pictures of noise with five keypoints each, every fourth of them not labelled. */
function tinyFeeds({ batch, side }: TinySize): Feeds {
  const random = (p: number, n: number) => Array.from({ length: n }, (_, i) => goldenRandom(p, i));
  const keypoints = batch * tinyConfig.keypoints;
  return {
    images: Uint8Array.from(random(1, batch * side ** 2 * 3), (r) => 127.5 + 127.5 * r),
    keypoints: Float32Array.from(random(2, keypoints * 2), (r) => side / 2 + (side / 2 - 1) * r),
    visible: Float32Array.from({ length: keypoints }, (_, i) => (i % 4 === 3 ? 0 : 1)),
    lossWeight: Float32Array.of(1),
  };
}

/** Training and update, as a backend prepares them. */
export const tinyGraphs = (size: TinySize) => [tinyGraph(size), updateGraph(tinyParameters, adam)];

/** The network with its update, and one call that makes a step and returns the loss before it. */
export function tinyTraining(backend: Backend, size: TinySize = { batch: 2, side: 64 }) {
  const program = backend.prepare(tinyGraph(size));
  const { states } = program;
  const update = backend.prepare(updateGraph(tinyParameters, adam), { states });
  for (const [name, values] of goldenState(tinyConfig)) states.write(name, values);
  states.write(beta1Power, Float32Array.of(adam.beta1));
  states.write(beta2Power, Float32Array.of(adam.beta2));
  const feeds = tinyFeeds(size);
  return {
    states,
    async step(learningRate: number): Promise<number> {
      const [outputs] = await backend.runInTurn([
        { program, feeds },
        { program: update, feeds: { learningRate: Float32Array.of(learningRate) } },
      ]);
      return outputs!.loss![0]!;
    },
    close() {
      update.close();
      program.close();
    },
  };
}
