// The golden network of spec A.1: weights, input and target from a hash, so that its numbers can be
// repeated anywhere. Used by tests only.
import { createBuilder } from '../graph/builder.ts';
import { elementCount, type Graph, type Shape } from '../graph/graph.ts';
import { heatmapMse } from '../ops/heatmapMse.ts';
import { fuseRelu } from '../passes/fuse.ts';
import { compact, substitute } from '../passes/rebuild.ts';
import { encodeBatch } from '../pose/encodeBatch.ts';
import { hrnet, type NormMode } from './hrnet.ts';
import { type HrnetConfig, hrnetState } from './hrnetConfigs.ts';

/** r in [−1, 1) for element i of tensor p. */
export function goldenRandom(p: number, i: number): number {
  let u = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(p + 1, 0x85ebca6b);
  u = Math.imul(u ^ (u >>> 16), 0x7feb352d);
  u = Math.imul(u ^ (u >>> 15), 0x846ca68b);
  u = (u ^ (u >>> 16)) >>> 0;
  return (u / 2 ** 32) * 2 - 1;
}

const fill = (shape: Shape, p: number, value: (r: number) => number) =>
  Float32Array.from({ length: elementCount(shape) }, (_, i) => value(goldenRandom(p, i)));

/** Values of every state, by official name. Running variances are 1 + 0.5 r, biases and means 0.1 r. */
export function goldenState(config: HrnetConfig): Map<string, Float32Array> {
  const state = new Map<string, Float32Array>();
  let p = 0;
  for (const [name, shape] of hrnetState(config)) {
    const value = (r: number) => {
      if (name.startsWith('final_layer')) return 0.1 * r;
      if (shape.length === 4) return 0.5 * r * Math.sqrt(3 / (shape[1]! * shape[2]! * shape[3]!));
      if (name.endsWith('.weight')) return 1 + 0.1 * r;
      if (name.endsWith('.running_var')) return 1 + 0.5 * r;
      return 0.1 * r;
    };
    state.set(name, fill(shape, p, value));
    p++;
  }
  return state;
}

export const goldenSize = { batch: 2, width: 64, height: 96 } as const;

export const goldenInput = () =>
  fill([goldenSize.batch, 3, goldenSize.height, goldenSize.width], 100000, (r) => 2 * r);

/** Target heatmaps [2, 17, 24, 16] and weights [2, 17]. */
export function goldenTarget() {
  const keypoints = new Float32Array(2 * 17 * 2);
  const visible = new Float32Array(2 * 17);
  for (let j = 0; j < 17; j++) {
    keypoints.set([(5 * j) % 16, (7 * j) % 24], j * 2);
    keypoints.set([(3 * j + 4) % 16, (11 * j + 2) % 24], (17 + j) * 2);
    visible[j] = j % 5 === 4 ? 0 : 1;
    visible[17 + j] = j % 3 === 2 ? 0 : 1;
  }
  const heatmapSize = { width: 16, height: 24 };
  const target = new Float32Array(2 * 17 * 24 * 16);
  const weight = new Float32Array(2 * 17);
  // Keypoints are given in cells, so that input and heatmap have one size here.
  const attrs = { codec: 'standard', inputSize: heatmapSize, heatmapSize, sigma: 2 } as const;
  encodeBatch(keypoints, visible, 17, attrs, target, weight);
  return { target, weight };
}

/** x [N, 3, H, W], target, weight → heatmaps and loss. */
export function floatGraph(
  config: HrnetConfig,
  mode: NormMode,
  { batch, width, height }: { batch: number; width: number; height: number },
): Graph {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [batch, 3, height, width]);
  const maps = [batch, config.keypoints, height / 4, width / 4];
  const target = g.feed('target', 'float32', maps);
  const weight = g.feed('weight', 'float32', [batch, config.keypoints]);
  const heatmaps = hrnet(g, config, x, mode);
  g.output('heatmaps', heatmaps);
  const loss = { lossScale: 0.5, useTargetWeight: true };
  g.output('loss', g.add(heatmapMse, [heatmaps, target, weight], loss)[0]!);
  return fuseRelu(g.finish());
}

/**
 * The graph with every ReLU left out. Rounding cannot turn a sign there, so that implementations agree
 * in the gradients as closely as their arithmetic is right.
 */
export function withoutRelu(graph: Graph): Graph {
  const replacement = new Map(
    graph.nodes.filter((n) => n.op === 'relu').map((n) => [n.outputs[0]!, n.inputs[0]!]),
  );
  const nodes = graph.nodes
    .filter((n) => n.op !== 'relu')
    .map((n) => (n.attrs.relu ? { ...n, attrs: { ...n.attrs, relu: false } } : n));
  return compact(substitute({ ...graph, nodes }, replacement));
}
