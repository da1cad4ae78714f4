// HRNet as a graph (spec 1.1, 1.2). Sizes come from hrnetConfigs.ts; state names are the official ones.
import type { Builder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import { batchNormInference, batchNormTrain, movingAverage } from '../ops/batchNorm.ts';
import { conv2d } from '../ops/conv2d.ts';
import { add, relu } from '../ops/elementwise.ts';
import { upsampleNearest } from '../ops/upsampleNearest.ts';
import {
  type HrnetConfig,
  headName,
  hrnetUnits,
  moduleOutputs,
  type Unit,
} from './hrnetConfigs.ts';

/** How batch norms normalise: by the batch, moving their running statistics, or by the latter. */
export type NormMode =
  | { readonly kind: 'train'; readonly momentum: number }
  | { readonly kind: 'inference' };

export const batchNormEpsilon = 1e-5;

interface Net {
  readonly g: Builder;
  readonly mode: NormMode;
  readonly units: ReadonlyMap<string, Unit>;
}

/**
 * The network from normalised pictures to heatmaps.
 *   x: [N, 3, H, W], H and W multiples of 32;  heatmaps: [N, K, H/4, W/4]
 */
export function hrnet(g: Builder, config: HrnetConfig, x: Value, mode: NormMode): Value {
  const net = { g, mode, units: new Map(hrnetUnits(config).map((u) => [u.name, u])) };
  let trunk = unit(net, 'conv2', unit(net, 'conv1', x));
  for (let i = 0; i < config.layer1Blocks; i++) trunk = bottleneck(net, `layer1.${i}.`, trunk);
  let branches = [unit(net, 'transition1.0.0', trunk), unit(net, 'transition1.1.0.0', trunk)];
  for (const stage of [2, 3, 4] as const) {
    if (stage > 2) {
      const added = stage - 1;
      branches.push(unit(net, `transition${added}.${added}.0.0`, branches.at(-1)!));
    }
    for (let m = 0; m < config.modules[stage - 2]; m++) {
      branches = module(
        net,
        config,
        `stage${stage}.${m}.`,
        branches,
        moduleOutputs(config, stage, m),
      );
    }
  }
  return head(g, config, branches[0]!);
}

/** Convolution → batch norm → ReLU where the unit has one. */
function unit({ g, mode, units }: Net, name: string, x: Value): Value {
  const u = units.get(name)!;
  const weight = g.state(`${name}.weight`, 'parameter', [u.cout, u.cin, u.kernel, u.kernel]);
  const attrs = { stride: u.stride, padding: (u.kernel - 1) / 2 };
  const y = normalize(g, mode, u, g.add(conv2d, [x, weight], attrs, name)[0]!);
  return u.relu ? g.add(relu, [y], {}, `${u.bn}.relu`)[0]! : y;
}

function normalize(g: Builder, mode: NormMode, { bn, cout }: Unit, x: Value): Value {
  const gamma = g.state(`${bn}.weight`, 'parameter', [cout]);
  const beta = g.state(`${bn}.bias`, 'parameter', [cout]);
  const runningMean = g.state(`${bn}.running_mean`, 'statistic', [cout]);
  const runningVar = g.state(`${bn}.running_var`, 'statistic', [cout]);
  const attrs = { epsilon: batchNormEpsilon, relu: false };
  if (mode.kind === 'inference') {
    return g.add(batchNormInference, [x, gamma, beta, runningMean, runningVar], attrs, bn)[0]!;
  }
  const [y, mean, variance] = g.add(batchNormTrain, [x, gamma, beta], attrs, bn);
  const [n, , height, width] = x.shape as [number, number, number, number];
  const count = n * height * width;
  const { momentum } = mode;
  const move = (name: string, running: Value, batch: Value, scale: number) =>
    g.updateState(
      name,
      g.add(movingAverage, [running, batch], { momentum, scale }, `${name}.next`)[0]!,
    );
  move(`${bn}.running_mean`, runningMean, mean!, 1);
  // The unbiased variance, as on the GPU of the reference (spec 1.3); one value has no variance.
  move(`${bn}.running_var`, runningVar, variance!, count > 1 ? count / (count - 1) : 1);
  return y!;
}

const addRelu = (g: Builder, a: Value, b: Value, name: string) =>
  g.add(relu, g.add(add, [a, b], { relu: false }, name), {}, `${name}.relu`)[0]!;

function bottleneck(net: Net, block: string, x: Value): Value {
  const y = ['conv1', 'conv2', 'conv3'].reduce((v, conv) => unit(net, block + conv, v), x);
  const shortcut = `${block}downsample.0`;
  return addRelu(net.g, net.units.has(shortcut) ? unit(net, shortcut, x) : x, y, `${block}sum`);
}

function basic(net: Net, block: string, x: Value): Value {
  const y = unit(net, `${block}conv2`, unit(net, `${block}conv1`, x));
  return addRelu(net.g, x, y, `${block}sum`);
}

/** Every branch through its blocks, then every output as the ReLU of the sum over all branches. */
function module(
  net: Net,
  config: HrnetConfig,
  name: string,
  inputs: Value[],
  outputs: number,
): Value[] {
  const xs = inputs.map((x, b) => {
    let y = x;
    for (let k = 0; k < config.blocks; k++) y = basic(net, `${name}branches.${b}.${k}.`, y);
    return y;
  });
  return Array.from({ length: outputs }, (_, i) => {
    const terms = xs.map((x, j) => fuseLayer(net, `${name}fuse_layers.${i}.${j}`, x, i, j));
    const [own] = terms.splice(i, 1);
    const sum = terms.reduce(
      (a, b, t) => net.g.add(add, [a, b], { relu: false }, `${name}fuse_layers.${i}.sum${t}`)[0]!,
      own!,
    );
    return net.g.add(relu, [sum], {}, `${name}fuse_layers.${i}.relu`)[0]!;
  });
}

/** Branch j brought to the width and resolution of branch i. */
function fuseLayer(net: Net, name: string, x: Value, i: number, j: number): Value {
  if (j === i) return x;
  if (j > i) {
    const y = unit(net, `${name}.0`, x);
    return net.g.add(upsampleNearest, [y], { scale: 2 ** (j - i) }, `${name}.upsample`)[0]!;
  }
  let y = x;
  for (let k = 0; k < i - j; k++) y = unit(net, `${name}.${k}.0`, y);
  return y;
}

function head(g: Builder, { width, keypoints }: HrnetConfig, x: Value): Value {
  const weight = g.state(`${headName}.weight`, 'parameter', [keypoints, width, 1, 1]);
  const bias = g.state(`${headName}.bias`, 'parameter', [keypoints]);
  return g.add(conv2d, [x, weight, bias], { stride: 1, padding: 0 }, headName)[0]!;
}
