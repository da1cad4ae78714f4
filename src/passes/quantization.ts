// Post-training quantisation of inference graphs: which values are stored in 8 bits and in what
// steps, and the weights in whole numbers of steps. Symmetric: zero is exact, there are no zero points.
import type { Graph, Node, ValueId } from '../graph/graph.ts';

export interface Quantization {
  /** Largest magnitude of each activation over the calibration data, by value name. */
  readonly ranges: ReadonlyMap<string, number>;
  /** Of each convolution's weights, by state name: one step an output channel, [M]. */
  readonly weightSteps: ReadonlyMap<string, Float32Array>;
}

/** How a value is stored: q = round(x / step), in −127…127 or 0…255. */
export interface Step {
  readonly step: number;
  readonly signed: boolean;
}

const largest = (signed: boolean) => (signed ? 127 : 255);

/** Values that 8 bits hold: what convolutions, sums and upsampling hand on to each other. */
export function quantizedValues(graph: Graph): ReadonlyMap<ValueId, { readonly signed: boolean }> {
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  const found = new Map<ValueId, { signed: boolean }>();
  for (const { op, attrs, inputs, outputs } of graph.nodes) {
    const [y] = outputs as [ValueId];
    if (!read.has(y)) continue; // The heatmaps themselves stay float32.
    if (op === 'conv2d') found.set(y, { signed: !attrs.relu });
    else if (op === 'add') {
      const signed = !attrs.relu && inputs.some((id) => found.get(id)?.signed ?? true);
      found.set(y, { signed });
    } else if (op === 'upsampleNearest') found.set(y, found.get(inputs[0]!)!);
  }
  return found;
}

/** The step of every value that is stored in 8 bits. Upsampling repeats numbers: it keeps its input's. */
export function activationSteps(
  graph: Graph,
  ranges: Quantization['ranges'],
): ReadonlyMap<ValueId, Step> {
  const steps = new Map<ValueId, Step>();
  const values = quantizedValues(graph);
  for (const { op, inputs, outputs } of graph.nodes) {
    const [y] = outputs as [ValueId];
    const value = values.get(y);
    if (!value) continue;
    const { name } = graph.values[y]!;
    const range = ranges.get(name);
    if (range === undefined) throw new Error(`quantization: no range for '${name}'`);
    // A value that was zero throughout has any step.
    const step = range > 0 ? range / largest(value.signed) : 1;
    steps.set(y, op === 'upsampleNearest' ? steps.get(inputs[0]!)! : { ...value, step });
  }
  return steps;
}

/** Convolutions whose input is stored in 8 bits, with the names of their weight and bias. */
function quantizedConvolutions(graph: Graph, quantized: (id: ValueId) => boolean) {
  const stateName = new Map(graph.states.map(({ name, value }) => [value, name]));
  return graph.nodes
    .filter(({ op, inputs }) => op === 'conv2d' && quantized(inputs[0]!))
    .map((node: Node) => ({
      x: node.inputs[0]!,
      weight: stateName.get(node.inputs[1]!)!,
      bias: stateName.get(node.inputs[2]!),
    }));
}

/** Steps of the weights: the largest magnitude of each output channel becomes 127. */
export function weightStepsOf(
  graph: Graph,
  weights: ReadonlyMap<string, Float32Array>,
): Map<string, Float32Array> {
  const values = quantizedValues(graph);
  const shapes = new Map(graph.states.map((s) => [s.name, graph.values[s.value]!.shape]));
  return new Map(
    quantizedConvolutions(graph, (id) => values.has(id)).map(({ weight }) => {
      const w = weights.get(weight)!;
      const channels = shapes.get(weight)![0]!;
      const size = w.length / channels;
      const steps = Float32Array.from({ length: channels }, (_, m) => {
        const row = w.subarray(m * size, (m + 1) * size);
        return row.reduce((most, v) => Math.max(most, Math.abs(v)), 0) / largest(true) || 1;
      });
      return [weight, steps] as const;
    }),
  );
}

/**
 * Folded weights as the quantised program takes them: weights as whole numbers of their channel's step,
 * biases in units of the products, x's step times the weight's.
 */
export function quantizeWeights(
  graph: Graph,
  { ranges, weightSteps }: Quantization,
  weights: ReadonlyMap<string, Float32Array>,
): Map<string, Float32Array> {
  const result = new Map(weights);
  const steps = activationSteps(graph, ranges);
  for (const { x, weight, bias } of quantizedConvolutions(graph, (id) => steps.has(id))) {
    const w = weights.get(weight)!;
    const wSteps = weightSteps.get(weight)!;
    const size = w.length / wSteps.length;
    result.set(
      weight,
      w.map((v, i) => Math.max(-127, Math.min(127, Math.round(v / wSteps[Math.floor(i / size)]!)))),
    );
    if (bias === undefined) continue;
    const xStep = steps.get(x)!.step;
    result.set(
      bias,
      weights.get(bias)!.map((v, m) => v / (xStep * wSteps[m]!)),
    );
  }
  return result;
}
