// Kernels of a training step, each in our backend and as TensorFlow.js has it. Ours are programs of so many
// repetitions, recorded beforehand and handed over in one submission, as in a step; TensorFlow.js'
// share of JavaScript a call counts, as it does in its steps.
import type { Backend, Program } from '../../src/backends/backend.ts';
import { type ConvDims, type ConvKind, sizesOf } from '../../src/backends/webgpu/conv/dims.ts';
import { type Builder, createBuilder } from '../../src/graph/builder.ts';
import { elementCount, type Shape, type Value } from '../../src/graph/graph.ts';
import { type HrnetConfig, hrnetState, isRunningStatistic } from '../../src/models/hrnetConfigs.ts';
import { beta1Power, beta2Power, gradientOf, updateGraph } from '../../src/models/poseGraphs.ts';
import { batchNormGrad, batchNormTrain } from '../../src/ops/batchNorm.ts';
import { conv2d, conv2dGradInput, conv2dGradWeight } from '../../src/ops/conv2d.ts';
import { add, reluGrad } from '../../src/ops/elementwise.ts';
import { sumBlocks, upsampleNearest } from '../../src/ops/upsampleNearest.ts';
import { asOurs, asTheirs, type Kind } from './layout.ts';
import type { Race, Side } from './race.ts';
import { submitAll, type Tensor, type TensorFlow } from './tensorFlow.ts';

interface Kernel {
  readonly what: string;
  /** Shapes as ours, [N, C, H, W] and [M, C, k, k]. */
  readonly inputs: readonly { readonly shape: Shape; readonly kind: Kind }[];
  /** Of each result. */
  readonly kinds: readonly Kind[];
  ours(g: Builder, inputs: readonly Value[]): readonly Value[];
  theirs(inputs: readonly Tensor[]): readonly Tensor[];
}

export interface Engines {
  readonly backend: Backend;
  readonly tf: TensorFlow;
}

const random = (count: number) => Float32Array.from({ length: count }, () => 2 * Math.random() - 1);

function kernelRace({ backend, tf }: Engines, kernel: Kernel): Race {
  return {
    what: kernel.what,
    open() {
      const values = kernel.inputs.map(({ shape }) => random(elementCount(shape)));
      return {
        ours: ourSide(backend, kernel, values),
        theirs: theirSide(tf, kernel, values),
      };
    },
  };
}

function ourSide(
  backend: Backend,
  { inputs, ours }: Kernel,
  values: readonly Float32Array[],
): Side {
  const states = backend.createStates();
  const programs: Program[] = [];
  function prepare(count: number, handOut = false): Program {
    const g = createBuilder();
    const given = inputs.map(({ shape }, i) => g.state(`input${i}`, 'parameter', shape));
    for (let i = 0; i < count; i++) {
      const results = ours(g, given);
      if (handOut) for (const [j, value] of results.entries()) g.output(`result${j}`, value);
    }
    const program = backend.prepare(g.finish(), { states });
    programs.push(program);
    return program;
  }
  const byCount = new Map([[1, prepare(1)]]);
  for (const [i, value] of values.entries()) states.write(`input${i}`, value);
  return {
    async run(count) {
      const program = byCount.get(count) ?? prepare(count);
      byCount.set(count, program);
      await program.run({});
    },
    results: async () => Object.values(await prepare(1, true).run({})),
    close() {
      for (const program of programs) program.close();
      states.close();
    },
  };
}

function theirSide(
  tf: TensorFlow,
  { inputs, kinds, theirs }: Kernel,
  values: readonly Float32Array[],
): Side {
  const tensors = inputs.map(({ shape, kind }, i) =>
    tf.tidy(() => asTheirs(tf, values[i]!, shape, kind)),
  );
  const dispose = (made: readonly Tensor[]) => {
    for (const tensor of made) tensor.dispose();
  };
  return {
    run(count) {
      for (let i = 0; i < count; i++) dispose(tf.tidy(() => theirs(tensors)));
      submitAll(tf);
    },
    async results() {
      const made = tf.tidy(() => theirs(tensors).map((y, i) => asOurs(tf, y, kinds[i]!)));
      const read = await Promise.all(made.map((tensor) => tensor.data()));
      dispose(made);
      return read;
    },
    close: () => dispose(tensors),
  };
}

export function convolution(engines: Engines, direction: ConvKind, d: ConvDims): Race {
  const { stride, padding } = d;
  const x = { shape: [d.n, d.cin, d.h, d.w], kind: 'activation' } as const;
  const w = { shape: [d.cout, d.cin, d.kh, d.kw], kind: 'weight' } as const;
  const dy = { shape: [d.n, d.cout, d.outH, d.outW], kind: 'activation' } as const;
  const ours = { stride, padding };
  const pad = [
    [0, 0],
    [padding, padding],
    [padding, padding],
    [0, 0],
  ];
  const theirs = { strides: [stride, stride], pad, dataFormat: 'NHWC', dilations: [1, 1] };
  const call = (name: string, inputs: Readonly<Record<string, Tensor>>, attrs: object) => [
    engines.tf.engine().runKernel(name, inputs, { ...theirs, ...attrs }),
  ];
  const kernels: Readonly<Record<ConvKind, Omit<Kernel, 'what'>>> = {
    forward: {
      inputs: [x, w],
      kinds: ['activation'],
      ours: (g, inputs) => g.add(conv2d, inputs, ours),
      theirs: ([x, filter]) => call('Conv2D', { x: x!, filter: filter! }, {}),
    },
    gradInput: {
      inputs: [dy, w],
      kinds: ['activation'],
      ours: (g, inputs) => g.add(conv2dGradInput, inputs, { ...ours, inputShape: x.shape }),
      theirs: ([dy, filter]) =>
        call(
          'Conv2DBackpropInput',
          { dy: dy!, filter: filter! },
          { inputShape: [d.n, d.h, d.w, d.cin] },
        ),
    },
    gradWeight: {
      inputs: [x, dy],
      kinds: ['weight'],
      ours: (g, inputs) =>
        g.add(conv2dGradWeight, inputs, { ...ours, weightShape: w.shape, bias: false }),
      theirs: ([x, dy]) =>
        call(
          'Conv2DBackpropFilter',
          { x: x!, dy: dy! },
          { filterShape: [d.kh, d.kw, d.cin, d.cout] },
        ),
    },
  };
  const what = `conv ${direction} ${sizesOf(d)}`;
  return kernelRace(engines, { what, ...kernels[direction] });
}

const epsilon = 1e-5;

/** With its ReLU, forward and backward. */
export function batchNorm(engines: Engines, shape: Shape): Race {
  const { tf } = engines;
  const activation = { shape, kind: 'activation' } as const;
  const vector = { shape: [shape[1]!], kind: 'vector' } as const;
  const normal = (...[x, gamma, beta]: Tensor[]) => {
    const { mean, variance } = tf.moments(x!, [0, 1, 2]);
    return tf.relu(tf.batchNorm(x!, mean, variance, beta!, gamma!, epsilon));
  };
  return kernelRace(engines, {
    what: `batch norm, ReLU and back ${shape.join('×')}`,
    inputs: [activation, vector, vector, activation],
    kinds: ['activation', 'activation', 'vector', 'vector'],
    ours(g, [x, gamma, beta, dy]) {
      const attrs = { epsilon, relu: true };
      const [y, mean, variance] = g.add(batchNormTrain, [x!, gamma!, beta!], attrs);
      const inputs = [x!, gamma!, beta!, mean!, variance!, y!, dy!];
      return [y!, ...g.add(batchNormGrad, inputs, attrs)];
    },
    theirs([x, gamma, beta, dy]) {
      const { value, grads } = tf.valueAndGrads(normal)([x!, gamma!, beta!], dy!);
      return [value, ...grads];
    },
  });
}

/** The end of a block, forward and backward. */
export function addRelu(engines: Engines, shape: Shape): Race {
  const { tf } = engines;
  const activation = { shape, kind: 'activation' } as const;
  return kernelRace(engines, {
    what: `sum, ReLU and back ${shape.join('×')}`,
    inputs: [activation, activation, activation],
    kinds: ['activation', 'activation'],
    ours(g, [a, b, dy]) {
      const [y] = g.add(add, [a!, b!], { relu: true });
      return [y!, ...g.add(reluGrad, [y!, dy!], {})];
    },
    theirs([a, b, dy]) {
      const sum = (...[a, b]: Tensor[]) => tf.relu(tf.add(a!, b!));
      const { value, grads } = tf.valueAndGrads(sum)([a!, b!], dy!);
      // The gradient of both inputs is one tensor.
      return [value, grads[0]!];
    },
  });
}

/** Forward and backward; `shape` is the large one. */
export function upsample(engines: Engines, [n, c, h, w]: Shape, scale: number): Race {
  const { tf } = engines;
  const large = [n!, c!, h!, w!];
  const small = [n!, c!, h! / scale, w! / scale];
  return kernelRace(engines, {
    what: `upsampling ×${scale} and back ${small.join('×')}`,
    inputs: [
      { shape: small, kind: 'activation' },
      { shape: large, kind: 'activation' },
    ],
    kinds: ['activation', 'activation'],
    ours: (g, [x, dy]) => [
      ...g.add(upsampleNearest, [x!], { scale }),
      ...g.add(sumBlocks, [dy!], { scale }),
    ],
    theirs([x, dy]) {
      const larger = (...[x]: Tensor[]) => tf.image.resizeNearestNeighbor(x!, [h!, w!]);
      const { value, grads } = tf.valueAndGrads(larger)([x!], dy!);
      return [value, ...grads];
    },
  });
}

/** One update of all parameters of a network. */
export function adam({ backend, tf }: Engines, config: HrnetConfig, name: string): Race {
  const rate = 0.1;
  const rates = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
  const shapes = new Map([...hrnetState(config)].filter(([name]) => !isRunningStatistic(name)));
  const draw = () =>
    new Map([...shapes].map(([name, shape]) => [name, random(elementCount(shape))]));
  return {
    what: `Adam, all of ${name}`,
    open() {
      const [parameters, gradients] = [draw(), draw()];
      const program = backend.prepare(updateGraph(shapes, { ...rates, l2: 0, accumulate: false }));
      const { states } = program;
      states.write(beta1Power, Float32Array.of(rates.beta1));
      states.write(beta2Power, Float32Array.of(rates.beta2));
      for (const [name, values] of parameters) states.write(name, values);
      for (const [name, values] of gradients) states.write(gradientOf(name), values);
      const learningRate = Float32Array.of(rate);
      const ours: Side = {
        async run(count) {
          for (let i = 0; i < count; i++) await program.run({ learningRate });
        },
        results: () => Promise.all([...shapes.keys()].map((name) => states.read(name))),
        close: () => program.close(),
      };
      const flat = (values: Float32Array) => tf.tensor(values, [values.length]);
      const variables = [...parameters].map(([name, values]) =>
        tf.tidy(() => tf.variable(flat(values), true, `adam ${name}`)),
      );
      const given = Object.fromEntries(
        [...gradients].map(([name, values]) => [`adam ${name}`, flat(values)]),
      );
      const optimizer = tf.train.adam(rate, rates.beta1, rates.beta2, rates.epsilon);
      const theirs: Side = {
        run(count) {
          for (let i = 0; i < count; i++) optimizer.applyGradients(given);
          submitAll(tf);
        },
        results: () => Promise.all(variables.map((variable) => variable.data())),
        close() {
          optimizer.dispose();
          for (const tensor of [...variables, ...Object.values(given)]) tensor.dispose();
        },
      };
      return { ours, theirs };
    },
  };
}
