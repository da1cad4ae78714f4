// Networks as ONNX models, run by ONNX Runtime and held against the reference backend.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReferenceBackend } from '../backends/reference/index.ts';
import { createBuilder } from '../graph/builder.ts';
import { tinyModel } from '../infer/tinyModel.testing.ts';
import { goldenRandom } from '../models/golden.testing.ts';
import { hrnetConfig, hrnetVariants } from '../models/hrnetConfigs.ts';
import { inferenceGraph } from '../models/poseGraphs.ts';
import { batchNormInference } from '../ops/batchNorm.ts';
import { conv2d } from '../ops/conv2d.ts';
import { add, relu } from '../ops/elementwise.ts';
import { normalizeImage } from '../ops/normalizeImage.ts';
import { upsampleNearest } from '../ops/upsampleNearest.ts';
import { compileInference } from '../passes/compile.ts';
import { heatmapCodecs } from '../pose/codec/index.ts';
import { normalizeImages } from '../pose/normalize.ts';
import { HeatmapNetwork } from '../train/heatmapNetwork.ts';
import { emitters } from './emit.ts';
import { type ExportOptions, exportOnnx } from './export.ts';
import { checkerMissing, checkModel, exportTiny, runModel } from './onnx.testing.ts';
import { printOnnx } from './print.ts';

const { inputSize, normalize, config } = tinyModel;
const { width, height } = inputSize;
const batch = 2;
const images = Uint8Array.from(
  { length: batch * height * width * 3 },
  (_, i) => 127.5 + 127.5 * goldenRandom(5, i),
);
const normalized = new Float32Array(images.length);
normalizeImages(images, batch, height, width, normalize.mean, normalize.std, normalized);
const feeds = {
  float: { images: { type: 'float32', dims: [batch, 3, height, width], data: normalized } },
  uint8: { images: { type: 'uint8', dims: [batch, height, width, 3], data: images } },
} as const;

const reference = (async () => {
  const network = new HeatmapNetwork(createReferenceBackend(), {
    config,
    inputSize,
    normalize,
    batch,
  });
  network.setWeights(tinyModel.weights);
  const heatmaps = Float32Array.from(await network.heatmaps(images, batch));
  network.close();
  return { heatmaps, shape: network.heatmapShape(batch) };
})();

/** Largest difference relative to the largest value. */
function difference(made: Float32Array, wanted: Float32Array): number {
  assert.equal(made.length, wanted.length);
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - made[i]!)), 0) / largest;
}

/** A network of five nodes with everything that can occur in one, in its widest form. */
function smallestGraph() {
  const g = createBuilder();
  const images = g.feed('images', 'uint8', [1, 8, 8, 3]);
  const [x] = g.add(normalizeImage, [images], { mean: [0, 0, 0], std: [1, 1, 1] }, 'normalize');
  const perChannel = ['gamma', 'beta', 'mean', 'variance'].map((name) =>
    g.state(`norm.${name}`, 'parameter', [3]),
  );
  const attrs = { epsilon: 1e-5, relu: true };
  const [y] = g.add(batchNormInference, [x!, ...perChannel], attrs, 'norm');
  const weight = g.state('conv.weight', 'parameter', [3, 3, 3, 3]);
  const bias = g.state('conv.bias', 'parameter', [3]);
  const [z] = g.add(conv2d, [y!, weight, bias], { stride: 2, padding: 1 }, 'conv');
  const [up] = g.add(upsampleNearest, [z!], { scale: 2 }, 'up');
  const fused = { stride: 1, padding: 1, relu: true, residual: true };
  const again = g.state('again.weight', 'parameter', [3, 3, 3, 3]);
  const [sum] = g.add(conv2d, [up!, again, bias, y!], fused, 'again');
  const [positive] = g.add(relu, [sum!], {}, 'relu');
  g.output('heatmaps', g.add(add, [positive!, up!], { relu: true }, 'sum')[0]!);
  return g.finish();
}

function smallestModel(options: Partial<ExportOptions>) {
  const graph = smallestGraph();
  const states = new Map(
    graph.states.map(({ name, value }) => {
      const count = graph.values[value]!.shape.reduce((a, b) => a * b, 1);
      return [name, new Float32Array(count).fill(0.5)] as const;
    }),
  );
  const rest = { input: 'uint8', dynamicBatch: true, decode: undefined } as const;
  const usual = { ...rest, arithmetic: 'fp32', metadata: new Map(), version: '0' } as const;
  return exportOnnx(graph, states, { ...usual, ...options });
}

test('the text of a small model shows every op in ONNX', () => {
  assert.equal(
    printOnnx(smallestModel({})),
    `opset 17
input images uint8 [N, 8, 8, 3]
constant norm.gamma float32 [3]
constant norm.beta float32 [3]
constant norm.mean float32 [3]
constant norm.variance float32 [3]
constant conv.weight float32 [3, 3, 3, 3]
constant conv.bias float32 [3]
constant again.weight float32 [3, 3, 3, 3]
constant normalize.step float32 []
constant normalize.mean float32 [1, 3, 1, 1]
constant normalize.std float32 [1, 3, 1, 1]
constant up.scales float32 [4]
normalize.transpose = Transpose(images) {perm=[0,3,1,2]} 'normalize.transpose'
normalize.cast = Cast(normalize.transpose) {to=1} 'normalize.cast'
normalize.mul = Mul(normalize.cast, normalize.step) 'normalize.mul'
normalize.sub = Sub(normalize.mul, normalize.mean) 'normalize.sub'
normalize = Div(normalize.sub, normalize.std) 'normalize.div'
norm.batchnormalization = BatchNormalization(normalize, norm.gamma, norm.beta, norm.mean, norm.variance) {epsilon=0.00001} 'norm.batchnormalization'
norm = Relu(norm.batchnormalization) 'norm.relu'
conv = Conv(norm, conv.weight, conv.bias) {kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]} 'conv.conv'
up = Resize(conv, -, up.scales) {mode=nearest, coordinate_transformation_mode=asymmetric, nearest_mode=floor} 'up'
again.conv = Conv(up, again.weight, conv.bias) {kernel_shape=[3,3], strides=[1,1], pads=[1,1,1,1]} 'again.conv'
again.add = Add(again.conv, norm) 'again.add'
again = Relu(again.add) 'again.relu'
relu = Relu(again) 'relu'
sum.add = Add(relu, up) 'sum.add'
heatmaps = Relu(sum.add) 'sum.relu'
output heatmaps float32 [N, 3, 8, 8]
`,
  );
});

test('with half precision the casts stand at the edges and the input stays what it was', () => {
  const text = printOnnx(smallestModel({ arithmetic: 'fp16', input: 'float' }));
  for (const line of [
    'input images float32 [N, 3, 8, 8]',
    'constant conv.weight float16 [3, 3, 3, 3]',
    "images.half = Cast(images) {to=10} 'images.half.cast'",
    "heatmaps = Cast(sum) {to=1} 'heatmaps.cast'",
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
  assert.equal(text.match(/= Cast/g)?.length, 2);
});

test('every op of every network that looks forward can be exported', () => {
  for (const variant of hrnetVariants) {
    const options = { batch: 1, inputSize: { width: 64, height: 64 }, normalize };
    const { graph } = compileInference(inferenceGraph(hrnetConfig(variant, 8, 17), options));
    for (const { op } of graph.nodes) assert.ok(Object.hasOwn(emitters, op), op);
  }
});

test('an op of training is refused by name', () => {
  const graph = smallestGraph();
  const nodes = graph.nodes.map((n) => (n.op === 'relu' ? { ...n, op: 'reluGrad' } : n));
  const options = { input: 'uint8', dynamicBatch: true, decode: undefined } as const;
  const rest = { arithmetic: 'fp32', metadata: new Map(), version: '0' } as const;
  const states = new Map(graph.states.map(({ name }) => [name, new Float32Array(81)] as const));
  assert.throws(
    () => exportOnnx({ ...graph, nodes, states: [] }, states, { ...options, ...rest }),
    { exitCode: 3, message: /'relu' is a reluGrad/ },
  );
});

for (const input of ['float', 'uint8'] as const) {
  for (const dynamicBatch of [false, true]) {
    const how = `${input} input and ${dynamicBatch ? 'an open' : 'a fixed'} batch`;
    test(`a network with ${how} computes what the reference does`, async () => {
      const { heatmaps } = await reference;
      const model = exportTiny({ input, dynamicBatch }, dynamicBatch ? 1 : batch);
      // Some 50 float32 convolutions in another order of sums; 1e-5 is what the backends are held to.
      assert.ok(difference((await runModel(model, feeds[input])).heatmaps!, heatmaps) < 1e-5);
    });
  }
}

test('a network in half precision computes nearly what the reference does', async () => {
  const { heatmaps } = await reference;
  const model = exportTiny({ arithmetic: 'fp16' }, batch);
  const off = difference((await runModel(model, feeds.float)).heatmaps!, heatmaps);
  // Each rounding to 11 bits is off by up to 5e-4.
  assert.ok(off > 1e-6 && off < 5e-3, `${off}`);
});

test('a network that decodes gives the keypoints of its own heatmaps', async () => {
  for (const darkKernel of [3, undefined]) {
    const decode = { darkKernel, pixelsPerCell: [4, 4] } as const;
    const { keypoints, scores, heatmaps } = await runModel(
      exportTiny({ input: 'uint8', decode }, batch),
      feeds.uint8,
    );
    const codec = heatmapCodecs[darkKernel === undefined ? 'standard' : 'dark'];
    const wanted = codec.decode(heatmaps!, (await reference).shape);
    assert.deepEqual(scores, wanted.scores);
    const off = wanted.xy.map((v, i) => Math.abs(4 * v - keypoints![i]!));
    assert.ok(Math.max(...off) < 0.05, `${Math.max(...off)} px`);
  }
});

test("the onnx package's checker accepts every kind of model", { skip: checkerMissing() }, () => {
  const decode = { darkKernel: 3, pixelsPerCell: [4, 4] } as const;
  checkModel(smallestModel({}));
  checkModel(exportTiny({ decode, input: 'uint8', dynamicBatch: true, arithmetic: 'fp16' }));
  checkModel(exportTiny({}, 3));
});
