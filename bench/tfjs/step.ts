// A whole training step of one network, here and in TensorFlow.js: from the same weights on the same batch, so
// that the losses show that it is the same step. Up go pixels and keypoints, back comes the loss.
import type { Backend } from '../../src/backends/backend.ts';
import { philox } from '../../src/data/philox.ts';
import type { Size } from '../../src/data/record.ts';
import { drawnWeights } from '../../src/models/drawWeights.ts';
import type { HrnetConfig } from '../../src/models/hrnetConfigs.ts';
import { usualTraining } from '../../src/models/usualTraining.ts';
import { Trainer, type TrainingBatch } from '../../src/train/trainer.ts';
import { tensorFlowHrnet } from './network.ts';
import { type Outcome, outcome } from './race.ts';
import { submitAll, type TensorFlow } from './tensorFlow.ts';

export interface StepOutcome extends Outcome {
  /** Of every step, the first from the same weights. */
  readonly losses: readonly { readonly ours: number; readonly theirs: number }[];
  /** TensorFlow.js' calls of kernels in a step; it has all of them for WebGPU, or would have thrown. */
  readonly theirKernels: number;
}

export interface StepOptions {
  readonly config: HrnetConfig;
  readonly inputSize: Size;
  readonly batch: number;
  readonly rounds: number;
}

const rate = 5e-4;
const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, l2: 0 };
/** Of the first loss, relative: the same numbers in another order. Later ones drift apart. */
const tolerance = 1e-4;

export async function raceSteps(
  { device, backend, tf }: { device: GPUDevice; backend: Backend; tf: TensorFlow },
  { config, inputSize, batch, rounds }: StepOptions,
): Promise<StepOutcome> {
  const training = usualTraining(inputSize, batch);
  const data = drawnBatch(config, inputSize, batch);
  const trainer = new Trainer(backend, { config, ...training, adam, recompute: false }, batch);
  const weights = drawnWeights(config, 0);
  trainer.setWeights(weights);
  const network = tensorFlowHrnet(tf, config, training, { ...adam, rate }, weights);
  const sides = {
    async ours() {
      const { loss } = await trainer.step(data, 1, rate);
      return loss;
    },
    async theirs() {
      const loss = network.step(data);
      submitAll(tf);
      const [value] = await loss.data();
      loss.dispose();
      return value!;
    },
  };
  const times: Record<keyof typeof sides, number[]> = { ours: [], theirs: [] };
  async function step(side: keyof typeof sides): Promise<number> {
    const start = performance.now();
    const loss = await sides[side]();
    await device.queue.onSubmittedWorkDone();
    times[side].push(performance.now() - start);
    return loss;
  }
  try {
    const losses = [];
    // The first step of each compiles and is left out.
    for (let round = 0; round <= rounds; round++)
      losses.push({ ours: await step('ours'), theirs: await step('theirs') });
    const [{ ours, theirs }] = losses as [(typeof losses)[0]];
    if (!(Math.abs(ours - theirs) <= tolerance * theirs))
      throw new Error(`step: the first losses differ: ${ours} and ${theirs}`);
    const { kernels } = await tf.profile(() => network.step(data).dispose());
    return {
      ...outcome(times.ours.slice(1), times.theirs.slice(1)),
      losses,
      theirKernels: kernels.length,
    };
  } finally {
    trainer.close();
    network.close();
  }
}

function drawnBatch(
  { keypoints }: HrnetConfig,
  { width, height }: Size,
  size: number,
): TrainingBatch {
  const rng = philox(0, 0, 0, 'bench');
  const draw = (count: number, below: (i: number) => number) =>
    Array.from({ length: count }, (_, i) => rng.integer(below(i)));
  return {
    size,
    images: Uint8Array.from(draw(size * height * width * 3, () => 256)),
    keypoints: Float32Array.from(draw(size * keypoints * 2, (i) => (i % 2 === 0 ? width : height))),
    visible: new Float32Array(size * keypoints).fill(1),
  };
}
