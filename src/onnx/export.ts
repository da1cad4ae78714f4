// A compiled inference graph → an ONNX model: the input, the network op by op, in half precision on
// request, and on request the decoder behind it.
import { halfToNumber } from '../formats/tensor.ts';
import type { Graph, Shape, Value } from '../graph/graph.ts';
import type { StateValues } from '../passes/foldBatchNorm.ts';
import { createOnnxBuilder, type OnnxBuilder } from './builder.ts';
import { type DecodeRules, emitDecode } from './decode.ts';
import { emit } from './emit.ts';
import { toHalf } from './half.ts';
import type { Dimension, OnnxModel } from './proto.ts';
import { cast, roundingBuilder, roundToHalf } from './rounding.ts';

/** Of the weights and of the arithmetic; inputs and outputs are the same either way. */
export type ExportPrecision = 'fp32' | 'fp16';

/**
 * rounded: fp32 with every weight and every result rounded to half. It shows on any runtime what fp16
 * comes to, also where fp16 is computed in float32, as ONNX Runtime does on most CPUs.
 */
export type ExportArithmetic = ExportPrecision | 'rounded';

/** uint8: crops [N, H, W, 3], normalised inside; float: [N, 3, H, W], normalised outside. */
export type ExportInput = 'uint8' | 'float';

export interface ExportOptions {
  readonly input: ExportInput;
  readonly arithmetic: ExportArithmetic;
  /** Leave the batch open under the name 'N'; else it is that of the graph. */
  readonly dynamicBatch: boolean;
  readonly decode: DecodeRules | undefined;
  readonly metadata: ReadonlyMap<string, string>;
  /** Of this program. */
  readonly version: string;
}

/** The newest that every runtime of the last years knows. */
const opset = 17;

/**
 * graph: images [N, H, W, 3] uint8 → heatmaps [N, K, H/4, W/4], as compileInference returns it; states:
 * what its `fold` made. The model gives `keypoints` and `scores` where it decodes, then `heatmaps`.
 */
export function exportOnnx(graph: Graph, states: StateValues, options: ExportOptions): OnnxModel {
  const { dynamicBatch, decode, metadata, version } = options;
  const open = ([n, ...rest]: readonly number[]): Dimension[] => [dynamicBatch ? 'N' : n!, ...rest];
  const { input, heatmaps } = endsOf(graph, options.input);
  const g = createOnnxBuilder(['images']);
  emitNetwork(g, graph, states, options);
  const [n, k, h, w] = heatmaps.shape as [number, number, number, number];
  if (decode) emitDecode(g, 'heatmaps', [k, h, w], decode);
  const output = (name: string, ...shape: number[]) =>
    ({ name, type: 'float32', shape: open(shape) }) as const;
  return {
    opset,
    producer: { name: 'hrpose', version },
    name: 'hrnet',
    nodes: g.nodes,
    initializers: g.initializers,
    inputs: [{ name: 'images', type: input.dtype, shape: open(input.shape) }],
    outputs: [
      ...(decode ? [output('keypoints', n, k, 2), output('scores', n, k)] : []),
      output('heatmaps', n, k, h, w),
    ],
    metadata,
  };
}

interface Ends {
  /** What the model takes: the feed, or what it is normalised to. */
  readonly input: Value;
  readonly normalized: Value;
  readonly heatmaps: Value;
}

function endsOf(graph: Graph, kind: ExportInput): Ends {
  const normalize = graph.nodes.find((node) => node.op === 'normalizeImage');
  const [feed, ...moreFeeds] = graph.feeds;
  const [result, ...moreResults] = graph.outputs;
  if (!normalize || normalize.inputs[0] !== feed || !result) {
    throw new Error('onnx: expected a graph from pictures to heatmaps');
  }
  if (moreFeeds.length > 0 || moreResults.length > 0) {
    throw new Error('onnx: expected a graph with one feed and one output');
  }
  const normalized = graph.values[normalize.outputs[0]!]!;
  const input = kind === 'uint8' ? graph.values[feed!]! : normalized;
  return { input, normalized, heatmaps: graph.values[result.value]! };
}

/** From the input 'images' to the tensor 'heatmaps'. */
function emitNetwork(
  g: OnnxBuilder,
  graph: Graph,
  states: StateValues,
  { input: kind, arithmetic }: ExportOptions,
): void {
  const { input, normalized, heatmaps } = endsOf(graph, kind);
  const names = new Map([[input.id, 'images']]);
  for (const { name, value } of graph.states) {
    const { shape } = graph.values[value]!;
    names.set(value, addWeights(g, name, shape, states.get(name)!, arithmetic));
  }
  const network = arithmetic === 'rounded' ? roundingBuilder(g) : g;
  for (const node of graph.nodes) {
    const [result] = node.outputs as [number];
    const isLast = result === heatmaps.id && arithmetic !== 'fp16';
    const output = isLast ? 'heatmaps' : graph.values[result]!.name;
    // What is normalised outside has its name already.
    if (!names.has(result)) {
      emit(node.op, {
        g: node.op === 'normalizeImage' ? g : network,
        name: node.name,
        attrs: node.attrs,
        inputs: node.inputs.map((id) => names.get(id)!),
        inputShapes: node.inputs.map((id) => graph.values[id]!.shape),
        output,
      });
      names.set(result, output);
    }
    if (result === normalized.id) names.set(result, enter(g, names.get(result)!, arithmetic));
  }
  if (arithmetic === 'fp16') cast(g, names.get(heatmaps.id)!, 'float32', 'heatmaps');
}

/** From normalised float32 to what the network computes in. */
function enter(g: OnnxBuilder, images: string, arithmetic: ExportArithmetic): string {
  switch (arithmetic) {
    case 'fp32':
      return images;
    case 'fp16':
      return cast(g, images, 'float16', 'images.half');
    case 'rounded':
      return roundToHalf(g, images, 'images.rounded');
    default:
      throw new Error(`onnx: arithmetic ${arithmetic satisfies never}`);
  }
}

function addWeights(
  g: OnnxBuilder,
  name: string,
  shape: Shape,
  values: Float32Array,
  arithmetic: ExportArithmetic,
): string {
  if (arithmetic === 'fp32') return g.constant(name, 'float32', shape, values);
  const halves = toHalf(name, values);
  return arithmetic === 'fp16'
    ? g.constant(name, 'float16', shape, halves)
    : g.constant(name, 'float32', shape, Float32Array.from(halves, halfToNumber));
}
