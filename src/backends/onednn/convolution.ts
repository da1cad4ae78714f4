// The three convolution kernels: forward, gradient by the input, gradient by the weight. Algorithm
// and layout of each come from the search; weights lie as the forward convolution wants them.
import { environmentError } from '../../errors.ts';
import { elementCount, type Shape, type Value } from '../../graph/graph.ts';
import type { ConvAttrs } from '../../ops/conv2d.ts';
import {
  arg,
  type ConvShape,
  type DataType,
  type MemoryDesc,
  type PostOp,
  type PrimitiveDesc,
} from './dnnl2.ts';
import type { Kernel, Lowering, Tensor } from './lower.ts';
import type { ConvChoice, TrialTensor } from './search.ts';

/** What the kernels know of a convolution, whatever its direction. */
interface Conv {
  readonly x: Value;
  readonly weightShape: Shape;
  readonly bias: boolean;
  readonly y: Value;
  readonly attrs: ConvAttrs;
}

/** Pictures have so few channels that blocks would be mostly padding; oneDNN reads them plain. */
const isPicture = ({ shape }: Value) => shape[1]! < 8;

/** Element types, where they are not the program's. */
interface Storage {
  readonly x?: DataType;
  readonly weights?: DataType;
  readonly y?: DataType;
}

function shapeOf(
  low: Lowering,
  { x, weightShape, bias, y, attrs }: Conv,
  { algorithm, layout }: ConvChoice,
  { x: xType, weights = low.storage, y: yType }: Storage = {},
): ConvShape {
  const lay = (value: Value, type?: DataType) =>
    low.activation(value, isPicture(value) ? 'nchw' : layout, type);
  return {
    x: lay(x, xType),
    w: low.dnnl.desc(weights, weightShape, 'any'),
    b: bias ? low.dnnl.desc('float32', [weightShape[0]!], 'x') : undefined,
    y: lay(y, yType),
    stride: attrs.stride,
    padding: attrs.padding,
    algorithm,
  };
}

const direct: ConvChoice = { algorithm: 'direct', layout: 'blocked' };

function candidates({ x, weightShape, attrs }: Conv): readonly ConvChoice[] {
  const [, , height, width] = weightShape;
  const small = height === 3 && width === 3 && attrs.stride === 1;
  return [
    direct,
    ...(small ? [{ algorithm: 'winograd', layout: 'blocked' } as const] : []),
    ...(isPicture(x) ? [] : [{ algorithm: 'direct', layout: 'channelsLast' } as const]),
  ];
}

/** A convolution as text: what its time depends on. */
function keyOf(low: Lowering, direction: string, { x, weightShape, bias, y, attrs }: Conv) {
  const sizes = `${x.shape.join('×')} * ${weightShape.join('×')} → ${y.shape.join('×')}`;
  const how = `stride ${attrs.stride} padding ${attrs.padding}${bias ? ' bias' : ''}`;
  return `${direction} ${low.storage}: ${sizes}, ${how}`;
}

/** Two operations for every product, in each of the three directions: of weights [M, C, k, k] and y [N, M, H', W']. */
export const convFlops = (w: Shape, y: Shape): number =>
  2 * elementCount(w) * (elementCount(y) / y[1]!);

function expectFound(pd: PrimitiveDesc | undefined, what: string): PrimitiveDesc {
  if (pd) return pd;
  throw environmentError(
    `oneDNN: no implementation of ${what} on this CPU. Run 'hrpose doctor' to see its features.`,
  );
}

/** Layout of weights in which training keeps them: that of the direct forward convolution, in float32. */
function masterWeights(low: Lowering, conv: Conv): MemoryDesc {
  const key = `${conv.x.shape} ${conv.weightShape} ${conv.y.shape} ${conv.attrs.stride}`;
  const known = low.masterLayouts.get(key);
  if (known) return known;
  const float = { x: 'float32', weights: 'float32', y: 'float32' } as const;
  const pd = expectFound(
    low.dnnl.convForward(shapeOf(low, conv, direct, float), true),
    'convolution',
  );
  const desc = pd.desc('weights');
  pd.destroy();
  low.masterLayouts.set(key, desc);
  return desc;
}

/** How the weights lie, or will: training needs one layout for all directions, inference takes any. */
const weightsLie = (low: Lowering, conv: Conv, w: Value): MemoryDesc | undefined =>
  low.training ? low.tensor(w, masterWeights(low, conv)).desc : low.known(w)?.desc;

const tensor = (index: number, desc: MemoryDesc, lies?: MemoryDesc): TrialTensor => ({
  index,
  desc,
  lies,
  written: false,
});
const written = (index: number, desc: MemoryDesc, lies?: MemoryDesc): TrialTensor => ({
  ...tensor(index, desc, lies),
  written: true,
});

/** One direction of a convolution, with what the search and the kernel need to know of it. */
interface Job {
  readonly label: string;
  /** What its time depends on. */
  readonly key: string;
  readonly conv: Conv;
  readonly shapeFor: (choice: ConvChoice) => ConvShape;
  readonly describe: (choice: ConvChoice) => PrimitiveDesc | undefined;
  /** What it touches; `natural` is how activations lie where nothing is reordered. */
  readonly tensors: (pd: PrimitiveDesc, shape: ConvShape, natural: ConvShape) => TrialTensor[];
}

/** Lets the search choose; the shape and the descriptor of what it chose. */
function settle(low: Lowering, { label, key, conv, shapeFor, describe, tensors }: Job) {
  const natural = shapeFor(direct);
  const choice = low.search.choose({
    key,
    candidates: candidates(conv),
    trial(one) {
      const pd = describe(one);
      return pd && { pd, tensors: tensors(pd, shapeFor(one), natural) };
    },
  });
  return { shape: shapeFor(choice), pd: expectFound(describe(choice), label) };
}

/** Floats in a row of weights that are read in order; Winograd's are 36 or 16 numbers for 16 × 16 channels. */
const rowFloats = 1024;

/**
 * Winograd's kernel for tiles of 4 × 4 leaps through its weights, faster than they can come from memory. Read in
 * order before, they wait for it in the last cache: with 128 channels on 24 × 18 0.15 ms instead of 0.24.
 */
function readAhead(low: Lowering, { desc, buffer }: Tensor, label: string): void {
  const rows = Math.floor(low.dnnl.bytes(desc) / 4 / rowFloats);
  const inOrder = low.dnnl.desc('float32', [1, 1, rows, rowFloats], 'nchw');
  const maxima = low.scratch(low.dnnl.desc('float32', [1, 1, rows, 1], 'nchw'));
  const pd = low.dnnl.rowMaxima(inOrder, maxima.desc);
  const args = [
    [arg.src, { desc: inOrder, buffer }],
    [arg.dst, maxima],
  ] as const;
  low.primitive('readWeights', label, pd, args, [maxima]);
}

/** A residual is summed in the place where it lies: the result overwrites it. */
export const conv2d: Kernel = ({ node, attrs, inputs: [x, w, b, residual], outputs: [y] }, low) => {
  const conv: Conv = { x: x!, weightShape: w!.shape, bias: b !== undefined, y: y!, attrs };
  const sum: PostOp[] = residual ? [{ kind: 'sum', scale: 1 }] : [];
  const postOps: PostOp[] = attrs.relu ? [...sum, { kind: 'relu' }] : sum;
  const ends: Storage = low.atEdge(y!) ? { y: 'float32' } : {};
  const shapeFor = (choice: ConvChoice) => shapeOf(low, conv, choice, ends);
  // Inference may transform weights once for good; what others read must stay a plain tensor.
  const forGood = !low.training && low.hasToItself(w!);
  const weights = weightsLie(low, conv, w!);
  const { shape, pd } = settle(low, {
    label: node.name,
    key: `${keyOf(low, forGood ? 'inference' : 'forward', conv)}${residual ? ' sum' : ''}${attrs.relu ? ' relu' : ''}`,
    conv,
    shapeFor,
    describe: (choice) => low.dnnl.convForward(shapeFor(choice), !forGood, postOps),
    tensors: (found, wanted, natural) => [
      tensor(arg.src, wanted.x, natural.x),
      tensor(arg.weights, found.desc('weights'), weights),
      ...(wanted.b ? [tensor(arg.bias, wanted.b)] : []),
      written(arg.dst, wanted.y, natural.y),
    ],
  });
  const out = residual ? low.overwritable(residual, shape.y) : low.out(y!, shape.y);
  if (residual) low.left(y!, out);
  const transformed = low.in(w!, pd.desc('weights'));
  if (forGood && pd.implementation().startsWith('jit_wino_4x3')) {
    readAhead(low, transformed, `${node.name}.weight`);
  }
  const args = [
    [arg.src, low.in(x!, shape.x)],
    [arg.weights, transformed],
    [arg.bias, b && low.tensor(b)],
    [arg.dst, out],
  ] as const;
  low.primitive('conv2d', node.name, pd, args, [out], convFlops(w!.shape, y!.shape));
};

/** The gradients of a convolution need to know how the forward one would be done. */
function withForward<T>(
  low: Lowering,
  conv: Conv,
  choice: ConvChoice,
  use: (forward: PrimitiveDesc) => T,
): T | undefined {
  const forward = low.dnnl.convForward(shapeOf(low, conv, choice), true);
  if (!forward) return undefined;
  try {
    return use(forward);
  } finally {
    forward.destroy();
  }
}

export const conv2dGradInput: Kernel = ({ node, attrs, inputs: [dy, w], outputs: [dx] }, low) => {
  const conv: Conv = { x: dx!, weightShape: w!.shape, bias: false, y: dy!, attrs };
  const shapeFor = (choice: ConvChoice) => shapeOf(low, conv, choice);
  const weights = weightsLie(low, conv, w!);
  const { shape, pd } = settle(low, {
    label: node.name,
    key: keyOf(low, 'gradInput', conv),
    conv,
    shapeFor,
    describe: (choice) =>
      withForward(low, conv, choice, (forward) =>
        low.dnnl.convBackwardData(shapeFor(choice), forward),
      ),
    tensors: (found, wanted, natural) => [
      tensor(arg.diffDst, wanted.y, natural.y),
      tensor(arg.weights, found.desc('weights'), weights),
      written(arg.diffSrc, wanted.x, natural.x),
    ],
  });
  const out = low.out(dx!, shape.x);
  const args = [
    [arg.diffDst, low.in(dy!, shape.y)],
    [arg.weights, low.in(w!, pd.desc('weights'))],
    [arg.diffSrc, out],
  ] as const;
  low.primitive('conv2dGradInput', node.name, pd, args, [out], convFlops(w!.shape, dy!.shape));
};

export const conv2dGradWeight: Kernel = (
  { node, attrs, inputs: [x, dy], outputs: [dw, db] },
  low,
) => {
  const conv: Conv = { x: x!, weightShape: dw!.shape, bias: db !== undefined, y: dy!, attrs };
  // Gradients of weights are float32, whatever the activations are.
  const shapeFor = (choice: ConvChoice) => shapeOf(low, conv, choice, { weights: 'float32' });
  const weights = masterWeights(low, conv);
  const { shape, pd } = settle(low, {
    label: node.name,
    key: keyOf(low, 'gradWeight', conv),
    conv,
    shapeFor,
    describe: (choice) =>
      withForward(low, conv, choice, (forward) =>
        low.dnnl.convBackwardWeights(shapeFor(choice), forward),
      ),
    tensors: (found, wanted, natural) => [
      tensor(arg.src, wanted.x, natural.x),
      tensor(arg.diffDst, wanted.y, natural.y),
      written(arg.diffWeights, found.desc('diffWeights'), weights),
      ...(wanted.b ? [written(arg.diffBias, wanted.b)] : []),
    ],
  });
  const outW = low.out(dw!, pd.desc('diffWeights'));
  const outB = db && low.out(db, low.plain(db));
  const args = [
    [arg.src, low.in(x!, shape.x)],
    [arg.diffDst, low.in(dy!, shape.y)],
    [arg.diffWeights, outW],
    [arg.diffBias, outB],
  ] as const;
  const writes = outB ? [outW, outB] : [outW];
  low.primitive('conv2dGradWeight', node.name, pd, args, writes, convFlops(dw!.shape, dy!.shape));
};
