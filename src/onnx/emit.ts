// What each op of an inference graph is in ONNX (operator set 17): one function an op. An op that is
// missing here cannot be exported, and says so.
import { inputError } from '../errors.ts';
import type { Shape } from '../graph/graph.ts';
import type { BatchNormAttrs } from '../ops/batchNorm.ts';
import type { FusedConvAttrs } from '../ops/conv2d.ts';
import type { OpName } from '../ops/index.ts';
import type { NormalizeAttrs } from '../ops/normalizeImage.ts';
import type { ScaleAttrs } from '../ops/upsampleNearest.ts';
import { float, float32s, int, ints, type OnnxBuilder, string } from './builder.ts';
import { elementTypes } from './proto.ts';

/** One node of our graph, and where its result goes. */
export interface EmitSite<A> {
  readonly g: OnnxBuilder;
  readonly name: string;
  readonly attrs: A;
  /** Names of the ONNX tensors that are its inputs. */
  readonly inputs: readonly string[];
  readonly inputShapes: readonly Shape[];
  /** The name that its result must have. */
  readonly output: string;
}

/** The ops that graphs which only look forward are made of. */
export type InferenceOp = Extract<
  OpName,
  'normalizeImage' | 'conv2d' | 'batchNormInference' | 'relu' | 'add' | 'upsampleNearest'
>;

/** Conv, then Add for the residual, then Relu. */
function conv2d({ g, name, attrs, inputs, inputShapes, output }: EmitSite<FusedConvAttrs>): void {
  const [x, w, b, residual] = inputs as [string, string, string?, string?];
  const kernel = inputShapes[1]![2]!;
  const { stride, padding } = attrs;
  const attributes = {
    kernel_shape: ints(kernel, kernel),
    strides: ints(stride, stride),
    pads: ints(padding, padding, padding, padding),
  };
  const chain: Stage[] = [{ op: 'Conv', inputs: b === undefined ? [w] : [w, b], attributes }];
  if (attrs.residual) chain.push({ op: 'Add', inputs: [residual!] });
  if (attrs.relu) chain.push({ op: 'Relu', inputs: [] });
  emitChain(g, name, x, chain, output);
}

function add({ g, name, attrs, inputs: [a, b], output }: EmitSite<{ relu: boolean }>): void {
  const chain: Stage[] = [{ op: 'Add', inputs: [b!] }];
  if (attrs.relu) chain.push({ op: 'Relu', inputs: [] });
  emitChain(g, name, a!, chain, output);
}

function relu({ g, name, inputs, output }: EmitSite<object>): void {
  g.node('Relu', inputs, { name, output });
}

/** Nearest with floor and asymmetric coordinates: y[i] = x[⌊i/scale⌋]. */
function upsampleNearest({ g, name, attrs, inputs, output }: EmitSite<ScaleAttrs>): void {
  const { scale } = attrs;
  const scales = g.constant(`${name}.scales`, 'float32', [4], float32s(1, 1, scale, scale));
  g.node('Resize', [inputs[0]!, '', scales], {
    name,
    output,
    attributes: {
      mode: string('nearest'),
      coordinate_transformation_mode: string('asymmetric'),
      nearest_mode: string('floor'),
    },
  });
}

/** Only where a batch norm could not be folded into a convolution. */
function batchNormInference({ g, name, attrs, inputs, output }: EmitSite<BatchNormAttrs>): void {
  const [x, ...parameters] = inputs as [string, ...string[]];
  const attributes = { epsilon: float(attrs.epsilon) };
  const chain: Stage[] = [{ op: 'BatchNormalization', inputs: parameters, attributes }];
  if (attrs.relu) chain.push({ op: 'Relu', inputs: [] });
  emitChain(g, name, x, chain, output);
}

/** [N, H, W, 3] uint8 → [N, 3, H, W] float32, rounded after each operation as the op is. */
function normalizeImage({ g, name, attrs, inputs, output }: EmitSite<NormalizeAttrs>): void {
  const perChannel = (what: string, values: readonly number[]) =>
    g.constant(`${name}.${what}`, 'float32', [1, values.length, 1, 1], float32s(...values));
  const step = g.constant(`${name}.step`, 'float32', [], float32s(1 / 255));
  const chain: Stage[] = [
    { op: 'Transpose', inputs: [], attributes: { perm: ints(0, 3, 1, 2) } },
    { op: 'Cast', inputs: [], attributes: { to: int(elementTypes.float32) } },
    { op: 'Mul', inputs: [step] },
    { op: 'Sub', inputs: [perChannel('mean', attrs.mean)] },
    { op: 'Div', inputs: [perChannel('std', attrs.std)] },
  ];
  emitChain(g, name, inputs[0]!, chain, output);
}

interface Stage {
  readonly op: string;
  /** The inputs after the first, which is the result of the stage before. */
  readonly inputs: readonly string[];
  readonly attributes?: Parameters<OnnxBuilder['node']>[2]['attributes'];
}

/** Nodes one after the other, named `name.op`; the last one's result is `output`. */
function emitChain(
  g: OnnxBuilder,
  name: string,
  x: string,
  chain: readonly Stage[],
  output: string,
): void {
  chain.reduce((value, { op, inputs, attributes = {} }, i) => {
    const stage = `${name}.${op.toLowerCase()}`;
    const result = i === chain.length - 1 ? output : stage;
    return g.node(op, [value, ...inputs], { name: stage, output: result, attributes });
  }, x);
}

// biome-ignore lint/suspicious/noExplicitAny: each op has attributes of its own type.
type Emit = (site: EmitSite<any>) => void;

export const emitters = {
  normalizeImage,
  conv2d,
  batchNormInference,
  relu,
  add,
  upsampleNearest,
} satisfies Record<InferenceOp, Emit>;

/** Adds the ONNX nodes of one op. */
export function emit(op: string, site: EmitSite<unknown>): void {
  if (!Object.hasOwn(emitters, op)) {
    throw inputError(
      `onnx: '${site.name}' is a ${op}, which is not part of inference. Export an inference graph; known are ${Object.keys(emitters).join(', ')}.`,
    );
  }
  const known: Readonly<Record<string, Emit>> = emitters;
  known[op]!(site);
}
