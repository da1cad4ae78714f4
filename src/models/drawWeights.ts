// Weights to train from nothing (spec 1.4).
import { philox } from '../data/philox.ts';
import { elementCount } from '../graph/graph.ts';
import { type HrnetConfig, headName, hrnetState } from './hrnetConfigs.ts';

/** Official name → values, in logical order. */
export type Weights = Map<string, Float32Array>;

const backboneDeviation = 0.01;
const headDeviation = 0.001;

/**
 * Convolutions from Normal(0, 0.01), the head's from Normal(0, 0.001), biases 0; batch norm weight 1,
 * bias 0, running mean 0, running variance 1. Values are valid until the next tensor is asked for: all
 * are drawn in the same memory.
 */
export function* drawWeights(config: HrnetConfig, seed: number): Generator<[string, Float32Array]> {
  const state = hrnetState(config);
  const memory = new Float32Array(Math.max(...Array.from(state.values(), elementCount)));
  let index = 0;
  for (const [name, shape] of state) {
    const values = memory.subarray(0, elementCount(shape)).fill(0);
    if (shape.length === 4) {
      const rng = philox(seed, 0, index, 'initial weights');
      const deviation = name.startsWith(headName) ? headDeviation : backboneDeviation;
      for (let i = 0; i < values.length; i++) values[i] = deviation * rng.normal();
    } else if (/\.(weight|running_var)$/.test(name)) {
      values.fill(1);
    }
    index++;
    yield [name, values];
  }
}

/** All of them at once. */
export const drawnWeights = (config: HrnetConfig, seed: number): Weights =>
  new Map(Array.from(drawWeights(config, seed), ([name, values]) => [name, values.slice()]));
