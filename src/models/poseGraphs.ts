// The graphs that training and scoring run: pictures to heatmaps; pictures and keypoints to loss
// and gradients; gradients to new parameters.
import type { Size } from '../data/record.ts';
import { inputError } from '../errors.ts';
import { createBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/graph.ts';
import { accumulate, adamUpdate, zerosLike } from '../ops/adamUpdate.ts';
import { gaussianHeatmaps, type HeatmapAttrs } from '../ops/gaussianHeatmaps.ts';
import { heatmapMse, type LossAttrs } from '../ops/heatmapMse.ts';
import { type NormalizeAttrs, normalizeImage } from '../ops/normalizeImage.ts';
import { zeroOnOverflow } from '../ops/zeroOnOverflow.ts';
import { autodiff } from '../passes/autodiff.ts';
import { fuseRelu } from '../passes/fuse.ts';
import { hrnet } from './hrnet.ts';
import type { HrnetConfig } from './hrnetConfigs.ts';

export interface InferenceOptions {
  readonly batch: number;
  readonly inputSize: Size;
  readonly normalize: NormalizeAttrs;
}

export interface TrainingOptions extends InferenceOptions {
  readonly target: Omit<HeatmapAttrs, 'inputSize'>;
  readonly loss: LossAttrs;
  readonly bnMomentum: number;
  /** Add to the gradients that are there (several micro-batches an update) instead of replacing them. */
  readonly accumulate: boolean;
}

export interface UpdateOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly l2: number;
  /** Leave the gradients at zero for the next sum. */
  readonly accumulate: boolean;
  /** The gradients are scaled: see updateGraph. */
  readonly scaled?: boolean;
}

/** Names of the states that go with a parameter. */
export const gradientOf = (parameter: string) => `${parameter}#gradient`;
export const moment1Of = (parameter: string) => `${parameter}#moment1`;
export const moment2Of = (parameter: string) => `${parameter}#moment2`;
export const beta1Power = 'beta1Power';
export const beta2Power = 'beta2Power';

function pictureFeed(
  g: ReturnType<typeof createBuilder>,
  { batch, inputSize, normalize }: InferenceOptions,
) {
  const { width, height } = inputSize;
  if (width % 32 !== 0 || height % 32 !== 0 || width < 32 || height < 32) {
    throw inputError(
      `network: expected input sides that are multiples of 32, got ${width}×${height}. Change trainsize.`,
    );
  }
  const images = g.feed('images', 'uint8', [batch, height, width, 3]);
  return g.add(normalizeImage, [images], normalize)[0]!;
}

/** images [N, H, W, 3] uint8 → heatmaps [N, K, H/4, W/4], by the running statistics. */
export function inferenceGraph(config: HrnetConfig, options: InferenceOptions): Graph {
  const g = createBuilder();
  g.output('heatmaps', hrnet(g, config, pictureFeed(g, options), { kind: 'inference' }));
  return fuseRelu(g.finish());
}

/**
 * images [N, H, W, 3] uint8, keypoints [N, K, 2] in input pixels, visible [N, K], lossWeight [1] (share
 * of this micro-batch in the update, 1 when alone) → loss [1]; replaces gradients and running statistics.
 */
export function trainingGraph(config: HrnetConfig, options: TrainingOptions): Graph {
  const g = createBuilder();
  const { batch, inputSize, target, loss } = options;
  const x = pictureFeed(g, options);
  const keypoints = g.feed('keypoints', 'float32', [batch, config.keypoints, 2]);
  const visible = g.feed('visible', 'float32', [batch, config.keypoints]);
  const prediction = hrnet(g, config, x, { kind: 'train', momentum: options.bnMomentum });
  const [heatmaps, weight] = g.add(gaussianHeatmaps, [keypoints, visible], {
    ...target,
    inputSize,
  });
  g.output('loss', g.add(heatmapMse, [prediction, heatmaps!, weight!], loss)[0]!);
  return withGradientStates(fuseRelu(g.finish()), options.accumulate);
}

/** The forward graph and its gradients, each written to the state `gradientOf(parameter)`. */
export function withGradientStates(forward: Graph, sum: boolean): Graph {
  const { graph, gradients } = autodiff(forward, 'loss', 'lossWeight');
  const g = createBuilder(graph);
  for (const [parameter, id] of gradients) {
    const gradient = g.value(id);
    const name = gradientOf(parameter);
    const state = g.state(name, 'gradient', gradient.shape, parameter);
    g.updateState(
      name,
      sum ? g.add(accumulate, [state, gradient], {}, `${name}.sum`)[0]! : gradient,
    );
  }
  return g.finish();
}

/**
 * learningRate [1] → new parameters and moments from the gradients that are there. Where they are scaled: also takes
 * gradientFactor [1], one over the scale, and gives usedFactor [1], which is 0 where a gradient was not finite and
 * parameters and moments stayed as they were.
 */
export function updateGraph(
  parameters: ReadonlyMap<string, readonly number[]>,
  options: UpdateOptions,
): Graph {
  const { accumulate: sum, scaled = false, ...rates } = options;
  const g = createBuilder();
  const entries = [...parameters];
  const learningRate = g.feed('learningRate', 'float32', [1]);
  const powers = [beta1Power, beta2Power].map((name) => g.state(name, 'scalar', [1]));
  const p = entries.map(([name, shape]) => g.state(name, 'parameter', shape));
  const d = entries.map(([name, shape]) => g.state(gradientOf(name), 'gradient', shape, name));
  const m = entries.map(([name, shape]) => g.state(moment1Of(name), 'moment1', shape, name));
  const v = entries.map(([name, shape]) => g.state(moment2Of(name), 'moment2', shape, name));
  const count = entries.length;
  const factor = scaled ? [g.feed('gradientFactor', 'float32', [1])] : [];
  const used = factor.flatMap((f) => g.add(zeroOnOverflow, [f, ...d], {}, 'overflow'));
  for (const value of used) g.output('usedFactor', value);
  const next = g.add(adamUpdate, [learningRate, ...powers, ...p, ...d, ...m, ...v, ...used], {
    ...rates,
    count,
  });
  g.updateState(beta1Power, next[0]!);
  g.updateState(beta2Power, next[1]!);
  entries.forEach(([name], i) => {
    g.updateState(name, next[2 + i]!);
    g.updateState(moment1Of(name), next[2 + count + i]!);
    g.updateState(moment2Of(name), next[2 + 2 * count + i]!);
    if (sum) g.updateState(gradientOf(name), g.add(zerosLike, [d[i]!], {}, `${name}.zero`)[0]!);
  });
  return g.finish();
}
