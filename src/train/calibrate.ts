// Calibration for 8 bits: the network runs in float32 over some crops and the largest magnitude of
// every activation is noted.
import type { Backend } from '../backends/backend.ts';
import type { Graph } from '../graph/graph.ts';
import { inferenceGraph } from '../models/poseGraphs.ts';
import { compileInference } from '../passes/compile.ts';
import { type Quantization, quantizedValues, weightStepsOf } from '../passes/quantization.ts';
import type { HeatmapNetworkOptions } from './heatmapNetwork.ts';

/**
 * @param crops [H, W, 3] uint8 each, at least one
 * @param backend computes in float32 or bfloat16
 */
export async function calibrate(
  backend: Backend,
  options: Omit<HeatmapNetworkOptions, 'batch' | 'quantization'>,
  weights: ReadonlyMap<string, Float32Array>,
  crops: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Quantization> {
  const { graph, fold } = compileInference(
    inferenceGraph(options.config, { ...options, batch: 1 }),
  );
  const folded = fold(weights);
  const program = backend.prepare(withActivations(graph));
  const ranges = new Map<string, number>();
  try {
    for (const [name, values] of folded) program.states.write(name, values);
    for await (const images of crops) {
      for (const [name, values] of Object.entries(await program.run({ images }))) {
        ranges.set(name, Math.max(ranges.get(name) ?? 0, largestMagnitude(values)));
      }
    }
  } finally {
    program.close();
  }
  return { ranges, weightSteps: weightStepsOf(graph, folded) };
}

/** The graph with everything that will be stored in 8 bits handed out, by value name. */
function withActivations(graph: Graph): Graph {
  const outputs = [...quantizedValues(graph).keys()].map((value) => ({
    name: graph.values[value]!.name,
    value,
  }));
  return { ...graph, outputs: [...graph.outputs, ...outputs] };
}

function largestMagnitude(values: Float32Array): number {
  let most = 0;
  for (const value of values) {
    const magnitude = Math.abs(value);
    if (magnitude > most) most = magnitude;
  }
  return most;
}
