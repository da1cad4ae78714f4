// Small graphs in which values are read more than once or states are replaced while they are read:
// where a backend that computes in place or keeps several layouts of a tensor could go wrong.
import { type Builder, createBuilder } from '../graph/builder.ts';
import type { Shape, Value } from '../graph/graph.ts';
import { accumulate, adamUpdate, zerosLike } from '../ops/adamUpdate.ts';
import { batchNormGrad, batchNormTrain, movingAverage } from '../ops/batchNorm.ts';
import { conv2d, conv2dGradInput } from '../ops/conv2d.ts';
import { add, relu, reluGrad } from '../ops/elementwise.ts';
import { upsampleNearest } from '../ops/upsampleNearest.ts';
import { zeroOnOverflow } from '../ops/zeroOnOverflow.ts';
import { type ConformanceCase, type Filling, usualTolerance } from './conformanceCase.ts';

function graphCase(
  name: string,
  build: (g: Builder) => void,
  filling: Readonly<Record<string, Filling>> = {},
  tolerance = usualTolerance,
): ConformanceCase {
  const g = createBuilder();
  build(g);
  return { name, graph: g.finish(), filling, tolerance };
}

const size: Shape = [2, 17, 5, 7];
const geometry = { stride: 1, padding: 1 };
const feed = (g: Builder, name = 'x') => g.feed(name, 'float32', size);
const weight = (g: Builder) => g.state('w', 'parameter', [17, 17, 3, 3]);
const bias = (g: Builder) => g.state('b', 'parameter', [17]);
const convolve = (g: Builder, x: Value) => g.add(conv2d, [x, weight(g)], geometry)[0]!;
const rectify = (g: Builder, x: Value) => g.add(relu, [x], {})[0]!;
const sum = (g: Builder, a: Value, b: Value, then = false) =>
  g.add(add, [a, b], { relu: then })[0]!;
const withResidual = (g: Builder, x: Value, residual: Value) => {
  const inputs = [x, weight(g), bias(g), residual];
  return g.add(conv2d, inputs, { ...geometry, residual: true, relu: true })[0]!;
};

const readTwice: readonly ConformanceCase[] = [
  graphCase('a sum whose first term is read again', (g) => {
    const a = convolve(g, feed(g));
    const first = sum(g, a, feed(g, 'other'));
    g.output('y', sum(g, first, a));
  }),
  graphCase('a value added to itself', (g) => {
    const a = convolve(g, feed(g));
    g.output('y', sum(g, a, a, true));
  }),
  graphCase('a ReLU of a value that is read again', (g) => {
    const a = convolve(g, feed(g));
    g.output('y', sum(g, rectify(g, a), a));
  }),
  graphCase('a ReLU of a feed, and the feed', (g) => {
    const x = feed(g);
    g.output('y', sum(g, rectify(g, x), x));
    g.output('x again', x);
  }),
  graphCase('two outputs of which one is a term of the other', (g) => {
    const a = convolve(g, feed(g));
    const y = rectify(g, sum(g, a, feed(g, 'other')));
    g.output('a', a);
    g.output('y', y);
    g.output('y again', y);
  }),
  graphCase('a gradient that two ReLUs read', (g) => {
    const x = feed(g);
    const dy = convolve(g, feed(g, 'dy'));
    const masks = [rectify(g, x), rectify(g, convolve(g, x))];
    const [first, second] = masks.map((y) => g.add(reluGrad, [y, dy], {})[0]!);
    g.output('y', sum(g, first!, second!));
  }),
  graphCase('a weight read by a convolution and by its gradient', (g) => {
    const y = convolve(g, feed(g));
    const attrs = { ...geometry, inputShape: size };
    g.output('dx', g.add(conv2dGradInput, [y, weight(g)], attrs)[0]!);
  }),
  graphCase('a weight that is also an output', (g) => {
    g.output('y', convolve(g, feed(g)));
    g.output('w', weight(g));
  }),
  graphCase('branches of three resolutions that meet', (g) => {
    const up = (scale: number, height: number, width: number) => {
      const x = g.feed(`by ${scale}`, 'float32', [1, 17, height, width]);
      return g.add(upsampleNearest, [x], { scale })[0]!;
    };
    g.output('y', sum(g, sum(g, up(8, 1, 2), up(4, 2, 4)), up(2, 4, 8), true));
  }),
];

const residuals: readonly ConformanceCase[] = [
  graphCase('a residual that is read for the last time', (g) => {
    g.output('y', withResidual(g, feed(g), convolve(g, feed(g, 'other'))));
  }),
  graphCase('a residual that is read again', (g) => {
    const residual = convolve(g, feed(g, 'other'));
    const y = withResidual(g, feed(g), residual);
    g.output('y', sum(g, y, residual));
  }),
  graphCase('a residual that is the input of its convolution', (g) => {
    const x = convolve(g, feed(g));
    g.output('y', withResidual(g, x, x));
  }),
  graphCase('a residual that is also an output', (g) => {
    const residual = convolve(g, feed(g));
    g.output('y', withResidual(g, feed(g, 'other'), residual));
    g.output('residual', residual);
  }),
  graphCase('residual blocks one after the other', (g) => {
    const start = convolve(g, feed(g));
    const block = (x: Value) => withResidual(g, rectify(g, convolve(g, x)), x);
    g.output('y', block(block(start)));
  }),
];

const scales = (g: Builder) =>
  ['gamma', 'beta'].map((name) => g.state(name, 'parameter', [17])) as [Value, Value];
const normalization = { epsilon: 1e-5, relu: false };
const normalize = (g: Builder, x: Value) =>
  g.add(batchNormTrain, [x, ...scales(g)], normalization) as [Value, Value, Value];
const gradInput = (g: Builder, dy: Value) =>
  g.add(conv2dGradInput, [dy, weight(g)], { ...geometry, inputShape: size })[0]!;

/** Where a pass can do the work of its neighbours, and where it must not. */
const joined: readonly ConformanceCase[] = [
  graphCase('the end of a residual block, forward and backward', (g) => {
    const x = convolve(g, feed(g));
    const [normal, ...statistics] = normalize(g, x);
    const y = sum(g, normal, feed(g, 'shortcut'), true);
    // The signs of another result: those of y near 0 depend on how its terms are rounded.
    const [arriving] = g.add(reluGrad, [feed(g, 'another y'), feed(g, 'dy')], {});
    const inputs = [x, ...scales(g), ...statistics, x, arriving!];
    const [dx, dgamma, dbeta] = g.add(batchNormGrad, inputs, normalization);
    g.output('y', y);
    g.output('dx', sum(g, gradInput(g, dx!), arriving!));
    g.output('dgamma', dgamma!);
    g.output('dbeta', dbeta!);
  }),
  graphCase('a sum of two batch norms', (g) => {
    const [first] = normalize(g, feed(g));
    const [second] = normalize(g, convolve(g, feed(g, 'other')));
    g.output('y', sum(g, first, second, true));
  }),
  graphCase('a batch norm that is an output beside the sum that it is a term of', (g) => {
    const [y] = normalize(g, feed(g));
    g.output('sum', sum(g, feed(g, 'other'), y, true));
    g.output('y', y);
  }),
  graphCase('a sum of two gradients of which one is read again', (g) => {
    const [first, second] = ['dy', 'other'].map((name) => gradInput(g, feed(g, name)));
    g.output('sum', sum(g, first!, second!));
    g.output('again', rectify(g, first!));
  }),
  graphCase('a weight that is replaced between a gradient of its and the sum with that', (g) => {
    const dx = gradInput(g, feed(g, 'dy'));
    const step = g.feed('step', 'float32', [17, 17, 3, 3]);
    g.updateState('w', sum(g, weight(g), step));
    g.output('sum', sum(g, dx, feed(g)));
  }),
  graphCase('the gradient of a ReLU that arrives at a batch norm with a ReLU of its own', (g) => {
    const x = feed(g);
    const rectified = { ...normalization, relu: true };
    const [y, ...statistics] = g.add(batchNormTrain, [x, ...scales(g)], rectified);
    const [arriving] = g.add(reluGrad, [feed(g, 'another y'), feed(g, 'dy')], {});
    const inputs = [x, ...scales(g), ...statistics, y!, arriving!];
    g.output('dx', g.add(batchNormGrad, inputs, rectified)[0]!);
  }),
  graphCase('the gradient of a ReLU that a batch norm reads as its input', (g) => {
    const [x] = g.add(reluGrad, [feed(g, 'another y'), feed(g, 'dy')], {});
    const [, ...statistics] = normalize(g, feed(g));
    const inputs = [x!, ...scales(g), ...statistics, x!, feed(g, 'other')];
    g.output('dx', g.add(batchNormGrad, inputs, normalization)[0]!);
  }),
  graphCase('the gradient of a ReLU that is read before and after a batch norm does', (g) => {
    const x = feed(g);
    const [, ...statistics] = normalize(g, x);
    const [arriving] = g.add(reluGrad, [feed(g, 'y'), feed(g, 'dy')], {});
    g.output('before', rectify(g, arriving!));
    const inputs = [x, ...scales(g), ...statistics, x, arriving!];
    g.output('dx', g.add(batchNormGrad, inputs, normalization)[0]!);
    g.output('after', sum(g, arriving!, x));
  }),
];

const replacedStates: readonly ConformanceCase[] = [
  graphCase('a state that is read again after it was replaced', (g) => {
    const total = g.state('total', 'gradient', size);
    g.updateState('total', g.add(accumulate, [total, feed(g)], {})[0]!);
    g.output('old', rectify(g, total));
  }),
  graphCase('a state that is replaced by an output', (g) => {
    const total = g.state('total', 'gradient', size);
    const next = g.add(accumulate, [total, feed(g)], {})[0]!;
    g.updateState('total', next);
    g.output('next', next);
  }),
  graphCase('a weight that is replaced after a convolution read it', (g) => {
    const y = convolve(g, feed(g));
    const step = g.feed('step', 'float32', [17, 17, 3, 3]);
    g.updateState('w', sum(g, weight(g), step));
    g.output('y', y);
  }),
  graphCase('a state that is cleared after it was read', (g) => {
    const total = g.state('total', 'gradient', size);
    g.output('old', rectify(g, total));
    g.updateState('total', g.add(zerosLike, [total], {})[0]!);
  }),
  graphCase(
    'running statistics that move in place',
    (g) => {
      const [gamma, beta] = ['gamma', 'beta'].map((name) => g.state(name, 'parameter', [17]));
      const attrs = { epsilon: 1e-5, relu: true };
      const [y, ...batch] = g.add(batchNormTrain, [feed(g), gamma!, beta!], attrs);
      ['mean', 'variance'].forEach((name, i) => {
        const running = g.state(name, 'statistic', [17]);
        const moved = g.add(movingAverage, [running, batch[i]!], { momentum: 0.9, scale: 1.1 });
        g.updateState(name, moved[0]!);
      });
      g.output('y', y!);
    },
    { variance: 'positive' },
  ),
];

/**
 * Adam over parameters of several shapes; the moments of a real run stay small against the rate.
 * @param gradients where they are looked through before: what they hold in the first run; then they are zeros
 */
function adamCase(l2: number, shapes: readonly Shape[], gradients?: Filling): ConformanceCase {
  const filling: Record<string, Filling> = { rate: 'half', power1: 'half', power2: 'half' };
  const build = (g: Builder) => {
    const rate = g.feed('rate', 'float32', [1]);
    const powers = ['power1', 'power2'].map((name) => g.state(name, 'scalar', [1]));
    const roles = ['parameter', 'gradient', 'moment1', 'moment2'] as const;
    const tensors = roles.map((role) =>
      shapes.map((shape, i) => {
        if (role === 'moment2') filling[`${role}${i}`] = 'positive';
        if (role === 'gradient' && gradients) filling[`${role}${i}`] = gradients;
        return g.state(
          `${role}${i}`,
          role,
          shape,
          role === 'parameter' ? undefined : `parameter${i}`,
        );
      }),
    );
    const count = shapes.length;
    const attrs = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, l2, count };
    const factor = gradients && g.feed('factor', 'float32', [1]);
    const guarded = factor ? g.add(zeroOnOverflow, [factor, ...tensors[1]!], {}) : [];
    const next = g.add(adamUpdate, [rate, ...powers, ...tensors.flat(), ...guarded], attrs);
    g.updateState('power1', next[0]!);
    g.updateState('power2', next[1]!);
    shapes.forEach((_, i) => {
      (['parameter', 'moment1', 'moment2'] as const).forEach((role, part) => {
        g.updateState(`${role}${i}`, next[2 + part * count + i]!);
      });
      if (gradients) g.updateState(`gradient${i}`, g.add(zerosLike, [tensors[1]![i]!], {})[0]!);
    });
    for (const used of guarded) g.output('factor used', used);
  };
  const looked = gradients ? `, gradients ${gradients}` : '';
  return graphCase(`adam over ${shapes.length} tensors, l2 ${l2}${looked}`, build, filling);
}

const severalShapes = [[17, 3, 3, 3], [17], [9, 16, 1, 1], [300, 300, 1, 1]];

const updates = [
  ...[0, 0.01].flatMap((l2) => [adamCase(l2, [[5]]), adamCase(l2, severalShapes)]),
  adamCase(0, [[5]], 'normal'),
  adamCase(0.01, severalShapes, 'normal'),
  adamCase(0.01, severalShapes, 'some infinite'),
  adamCase(0, severalShapes, 'some NaN'),
];

export const graphCases: readonly ConformanceCase[] = [
  ...readTwice,
  ...residuals,
  ...joined,
  ...replacedStates,
  ...updates,
];
