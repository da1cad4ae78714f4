// Inference in 8 bits: convolutions, sums and upsampling on channels-last uint8 and int8 (the
// layout that the CPU's dot-product instructions are written for), accumulated in int32. The first
// convolution reads pictures of 3 channels in float32; the heatmaps come out in float32.
import { environmentError } from '../../errors.ts';
import type { Value } from '../../graph/graph.ts';
import type { FusedConvAttrs } from '../../ops/conv2d.ts';
import { convFlops, conv2d as floatConv2d } from './convolution.ts';
import { arg, type MemoryDesc, type PostOp } from './dnnl2.ts';
import { kernels } from './kernels.ts';
import type { Kernel, Lowering, Tensor } from './lower.ts';

/** Step of a value in 8 bits, or 1 where it is float32. */
const stepOf = (low: Lowering, value: Value) => low.steps8.get(value.id)?.step ?? 1;

function descOf(low: Lowering, value: Value): MemoryDesc {
  const step = low.steps8.get(value.id);
  const type = step ? (step.signed ? 'int8' : 'uint8') : 'float32';
  return low.dnnl.desc(type, value.shape, 'nhwc');
}

/** A value in 8 bits; what a float32 convolution left is rounded to its steps first. */
function rounded(low: Lowering, value: Value): Tensor {
  const desc = descOf(low, value);
  const lies = low.tensor(value);
  return low.dnnl.equal(lies.desc, desc) ? lies : low.in(value, desc, 1 / stepOf(low, value));
}

/** y = Σ w·x + b in int32, times x's step and the weight's over y's; then the residual and the ReLU. */
const conv2d: Kernel = (site, low) => {
  const { node, attrs, inputs, outputs } = site;
  const [x, w, b, residual] = inputs as Value[];
  const [y] = outputs as [Value];
  if (!low.steps8.has(x!.id)) return floatConv2d(site, low);
  const { stride, padding, relu } = attrs as FusedConvAttrs;
  const desc = descOf(low, y);
  const factor = stepOf(low, x!) / stepOf(low, y);
  const weightSteps = low.weightSteps.get(low.stateName(w!))!;
  const sum: PostOp[] = residual
    ? [
        {
          kind: 'sum',
          scale: stepOf(low, residual) / stepOf(low, y),
          type: low.steps8.get(residual.id)!.signed ? 'int8' : 'uint8',
        },
      ]
    : [];
  const shape = {
    x: descOf(low, x!),
    w: low.dnnl.desc('int8', w!.shape, 'any'),
    b: b && low.dnnl.desc('float32', b.shape, 'x'),
    y: desc,
    stride,
    padding,
    algorithm: 'direct',
  } as const;
  const pd = low.dnnl.convForward(shape, false, relu ? [...sum, { kind: 'relu' }] : sum, {
    outputScales: weightSteps.map((step) => step * factor),
  });
  if (!pd) {
    throw environmentError(
      `oneDNN: no 8-bit convolution for '${node.name}' on this CPU. Leave out --int8.`,
    );
  }
  // The sum is formed where the residual lies; signed and unsigned bytes take the same room.
  const over = residual && low.overwritable(residual, descOf(low, residual));
  const out = over ? { desc, buffer: over.buffer } : low.out(y, desc);
  if (over) low.left(y, out);
  const args = [
    [arg.src, rounded(low, x!)],
    [arg.weights, low.in(w!, pd.desc('weights'))],
    [arg.bias, b && low.tensor(b)],
    [arg.dst, out],
  ] as const;
  low.primitive('conv2d', node.name, pd, args, [out], convFlops(w!.shape, y.shape));
};

const add: Kernel = ({ node, attrs, inputs, outputs }, low) => {
  const [a, b] = inputs as [Value, Value];
  const [y] = outputs as [Value];
  const [first, second] = [rounded(low, a), rounded(low, b)];
  const desc = descOf(low, y);
  const postOps: PostOp[] = attrs.relu ? [{ kind: 'relu' }] : [];
  const pd = low.dnnl.binary('add', first.desc, second.desc, desc, postOps, {
    argScales: [
      [arg.src, stepOf(low, a) / stepOf(low, y)],
      [arg.src1, stepOf(low, b) / stepOf(low, y)],
    ],
  });
  const out = low.out(y, desc);
  const args = [
    [arg.src, first],
    [arg.src1, second],
    [arg.dst, out],
  ] as const;
  low.primitive('add', node.name, pd, args, [out]);
};

const upsampleNearest: Kernel = ({ node, inputs, outputs }, low) => {
  const [x] = inputs as [Value];
  const [y] = outputs as [Value];
  const source = rounded(low, x);
  const desc = descOf(low, y);
  const pd = low.dnnl.resample(source.desc, desc);
  const out = low.out(y, desc);
  const args = [
    [arg.src, source],
    [arg.dst, out],
  ] as const;
  low.primitive('upsampleNearest', node.name, pd, args, [out]);
};

export const int8Kernels = { ...kernels, conv2d, add, upsampleNearest };
