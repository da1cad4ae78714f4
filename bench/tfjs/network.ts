// HRNet under training in TensorFlow.js, from the same list of units as models/hrnet.ts and under the same
// names: the way that one would write it there, with its own batch norm, gradients and Adam.

import { batchNormEpsilon } from '../../src/models/hrnet.ts';
import {
  type HrnetConfig,
  headName,
  hrnetState,
  hrnetUnits,
  isRunningStatistic,
  moduleOutputs,
  type Unit,
} from '../../src/models/hrnetConfigs.ts';
import type { TrainingOptions } from '../../src/models/poseGraphs.ts';
import { encodeBatch } from '../../src/pose/encodeBatch.ts';
import type { TrainingBatch } from '../../src/train/trainer.ts';
import { asTheirs } from './layout.ts';
import type { Tensor, TensorFlow } from './tensorFlow.ts';

export interface AdamOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly rate: number;
}

export interface TensorFlowHrnet {
  /** One step of Adam; the loss before it, on the device. */
  step(batch: TrainingBatch): Tensor;
  close(): void;
}

export function tensorFlowHrnet(
  tf: TensorFlow,
  config: HrnetConfig,
  training: TrainingOptions,
  { beta1, beta2, epsilon, rate }: AdamOptions,
  weights: ReadonlyMap<string, Float32Array>,
): TensorFlowHrnet {
  const units = new Map(hrnetUnits(config).map((unit) => [unit.name, unit]));
  const states = new Map(
    [...hrnetState(config)].map(([name, shape]) => {
      const kind = shape.length === 4 ? 'weight' : 'vector';
      const value = tf.tidy(() => asTheirs(tf, weights.get(name)!, shape, kind));
      return [name, tf.variable(value, !isRunningStatistic(name), name)];
    }),
  );
  const variables = [...states].flatMap(([name, v]) => (isRunningStatistic(name) ? [] : [v]));
  const adam = tf.train.adam(rate, beta1, beta2, epsilon);
  const state = (name: string) => states.get(name)!;

  /** running ← momentum · running + (1 − momentum) · scale · batch */
  function move(name: string, batch: Tensor, scale: number): void {
    const { bnMomentum } = training;
    const kept = tf.mul(state(name), bnMomentum);
    state(name).assign(tf.add(kept, tf.mul(batch, (1 - bnMomentum) * scale)));
  }

  function unit(name: string, x: Tensor): Tensor {
    const { bn, kernel, stride, relu }: Unit = units.get(name)!;
    const y = tf.conv2d(x, state(`${name}.weight`), stride, (kernel - 1) / 2);
    const { mean, variance } = tf.moments(y, [0, 1, 2]);
    const [n, h, w] = y.shape as readonly [number, number, number, number];
    const count = n * h * w;
    move(`${bn}.running_mean`, mean, 1);
    move(`${bn}.running_var`, variance, count > 1 ? count / (count - 1) : 1);
    const [gamma, beta] = [state(`${bn}.weight`), state(`${bn}.bias`)];
    const normal = tf.batchNorm(y, mean, variance, beta, gamma, batchNormEpsilon);
    return relu ? tf.relu(normal) : normal;
  }

  function bottleneck(block: string, x: Tensor): Tensor {
    const y = ['conv1', 'conv2', 'conv3'].reduce((v, conv) => unit(block + conv, v), x);
    const shortcut = `${block}downsample.0`;
    return tf.relu(tf.add(units.has(shortcut) ? unit(shortcut, x) : x, y));
  }

  const basic = (block: string, x: Tensor): Tensor =>
    tf.relu(tf.add(x, unit(`${block}conv2`, unit(`${block}conv1`, x))));

  /** Branch j brought to the width and resolution of branch i. */
  function fuseLayer(name: string, x: Tensor, i: number, j: number): Tensor {
    if (j === i) return x;
    if (j > i) {
      const y = unit(`${name}.0`, x);
      const [, h, w] = y.shape as readonly [number, number, number, number];
      return tf.image.resizeNearestNeighbor(y, [h << (j - i), w << (j - i)]);
    }
    let y = x;
    for (let k = 0; k < i - j; k++) y = unit(`${name}.${k}.0`, y);
    return y;
  }

  function module(name: string, inputs: readonly Tensor[], outputs: number): Tensor[] {
    const xs = inputs.map((x, b) => {
      let y = x;
      for (let k = 0; k < config.blocks; k++) y = basic(`${name}branches.${b}.${k}.`, y);
      return y;
    });
    return Array.from({ length: outputs }, (_, i) => {
      const terms = xs.map((x, j) => fuseLayer(`${name}fuse_layers.${i}.${j}`, x, i, j));
      return tf.relu(terms.reduce((a, b) => tf.add(a, b)));
    });
  }

  function heatmaps(x: Tensor): Tensor {
    let trunk = unit('conv2', unit('conv1', x));
    for (let i = 0; i < config.layer1Blocks; i++) trunk = bottleneck(`layer1.${i}.`, trunk);
    let branches = [unit('transition1.0.0', trunk), unit('transition1.1.0.0', trunk)];
    for (const stage of [2, 3, 4] as const) {
      if (stage > 2) {
        const added = stage - 1;
        branches.push(unit(`transition${added}.${added}.0.0`, branches.at(-1)!));
      }
      for (let m = 0; m < config.modules[stage - 2]; m++) {
        const outputs = moduleOutputs(config, stage, m);
        branches = module(`stage${stage}.${m}.`, branches, outputs);
      }
    }
    return tf.add(
      tf.conv2d(branches[0]!, state(`${headName}.weight`), 1, 0),
      state(`${headName}.bias`),
    );
  }

  const perChannel = (values: readonly number[]) => tf.tensor(Float32Array.from(values), [3]);
  const [pixelMean, pixelStd] = [
    perChannel(training.normalize.mean),
    perChannel(training.normalize.std),
  ];

  function input({ images }: TrainingBatch): Tensor {
    const { batch, inputSize } = training;
    const shape = [batch, inputSize.height, inputSize.width, 3];
    const pixels = tf.cast(tf.tensor(Int32Array.from(images), shape, 'int32'), 'float32');
    return tf.div(tf.sub(tf.div(pixels, 255), pixelMean), pixelStd);
  }

  /** Targets are encoded on the CPU and go up, which costs less here than in TensorFlow.js' operations. */
  function target({ keypoints, visible }: TrainingBatch): readonly [Tensor, Tensor] {
    const { batch, inputSize } = training;
    const { keypoints: k } = config;
    const { width, height } = training.target.heatmapSize;
    const maps = new Float32Array(batch * k * height * width);
    const weight = new Float32Array(batch * k);
    encodeBatch(keypoints, visible, k, { ...training.target, inputSize }, maps, weight);
    return [
      asTheirs(tf, maps, [batch, k, height, width], 'activation'),
      tf.tensor(weight, [batch, 1, 1, k]),
    ];
  }

  return {
    step: (batch) =>
      tf.tidy(() => {
        const x = input(batch);
        const [maps, weight] = target(batch);
        const loss = () =>
          tf.mul(
            tf.mean(tf.square(tf.mul(weight, tf.sub(heatmaps(x), maps)))),
            training.loss.lossScale,
          );
        const { value, grads } = tf.variableGrads(loss, variables);
        adam.applyGradients(grads);
        return value;
      }),
    close() {
      adam.dispose();
      for (const tensor of [...states.values(), pixelMean, pixelStd]) tensor.dispose();
    },
  };
}
