// npm run bench:tfjs -- [--batch 4] [--size 384x288] [--rounds 5] [--kind forward] [--guess]: the convolutions
// of HRNet-W32, each in turn here and in TensorFlow.js' WebGPU backend, on one device, with the same numbers
// and results compared. Wall clock from the first call to the device's word that all is done, of as
// many runs as fill a few ms: TensorFlow.js' share of JavaScript a call counts, as it does in life; ours is
// recorded beforehand, as it is in life. Layers whose channels are no multiple of 4 are left out (the
// first and the last). TensorFlow.js comes from npm into a temporary folder, with scripts off.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { globals } from 'webgpu';
import {
  type ConvDims,
  type ConvKind,
  flopsOf,
  sizesOf,
} from '../src/backends/webgpu/conv/dims.ts';
import { type ConvArray, convTrial, floatsOf } from '../src/backends/webgpu/conv/trial.ts';
import { bufferUsage, mapModeRead } from '../src/backends/webgpu/device.ts';
import { openNodeGpu } from '../src/backends/webgpu/nodeDevice.ts';
import { readTiles } from '../src/backends/webgpu/nodeTiles.ts';
import { chooseTile } from '../src/backends/webgpu/tileSearch.ts';
import { hrnetConfig } from '../src/models/hrnetConfigs.ts';
import { median } from '../src/train/median.ts';
import { hrnetLayers } from './hrnetLayers.ts';

const version = '4.22.0';
const { values: flags } = parseArgs({
  options: {
    batch: { type: 'string', default: '4' },
    size: { type: 'string', default: '384x288' },
    rounds: { type: 'string', default: '5' },
    kind: { type: 'string', multiple: true, default: ['forward', 'gradInput', 'gradWeight'] },
    guess: { type: 'boolean', default: false },
  },
});
const [height, width] = flags.size.split('x').map(Number) as [number, number];
const rounds = Number(flags.rounds);
/** A timed run lasts at least this long, so that the way to the device does not count. */
const leastMilliseconds = 5;
/** Largest difference over the largest magnitude: float32 sums in another order. */
const tolerance = 1e-4;

const gpu = await openNodeGpu();
const { device } = gpu;
const tf = loadTensorFlow();
const measured = flags.guess ? {} : readTiles(gpu.adapter.name);

/** What is used of TensorFlow.js; its own types need a browser's. */
interface TensorFlow {
  tensor(values: Float32Array, shape: readonly number[]): Tensor;
  engine(): {
    runKernel(name: string, inputs: Record<string, Tensor>, attrs: object): Tensor;
  };
  env(): { set(flag: string, value: unknown): void };
  registerBackend(name: string, make: () => unknown): void;
  setBackend(name: string): Promise<boolean>;
  backend(): Record<
    'ensureCommandEncoderReady' | 'endComputePassEncoder' | 'submitQueue',
    () => void
  >;
}
interface Tensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

function loadTensorFlow(): TensorFlow {
  const folder = join(tmpdir(), 'hrpose-bench-tfjs');
  if (!existsSync(join(folder, 'node_modules/@tensorflow/tfjs-backend-webgpu'))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    const packages = ['core', 'backend-webgpu'].map(
      (name) => `@tensorflow/tfjs-${name}@${version}`,
    );
    const install = ['i', '--ignore-scripts', '--no-audit', '--no-fund', ...packages];
    execFileSync('npm', install, { cwd: folder, stdio: 'ignore' });
  }
  Object.assign(globalThis, globals);
  const require = createRequire(join(folder, 'package.json'));
  const core = require('@tensorflow/tfjs-core') as TensorFlow;
  const { WebGPUBackend } = require('@tensorflow/tfjs-backend-webgpu');
  // It works where a browser's name is; at its loading it would have opened a device of its own.
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: {} }, configurable: true });
  core.registerBackend('webgpu', () => new WebGPUBackend(device, device.adapterInfo));
  // Small tensors would go to the CPU.
  core.env().set('WEBGPU_CPU_FORWARD', false);
  return core;
}

/** One side of the comparison: `run` hands the device so many convolutions; `result` reads the last. */
interface Side {
  run(count: number): void;
  result(): Promise<Float32Array>;
  close(): void;
}

type Arrays = Readonly<Record<'x' | 'w' | 'dy', Float32Array>>;

const random = (count: number) => Float32Array.from({ length: count }, () => 2 * Math.random() - 1);

function theirs(kind: ConvKind, d: ConvDims, arrays: Arrays): Side {
  const xShape = [d.n, d.h, d.w, d.cin];
  const wShape = [d.kh, d.kw, d.cin, d.cout];
  const x = tf.tensor(arrays.x, xShape);
  const filter = tf.tensor(arrays.w, wShape);
  const dy = tf.tensor(arrays.dy, [d.n, d.outH, d.outW, d.cout]);
  const { stride, padding: p } = d;
  const pad = [
    [0, 0],
    [p, p],
    [p, p],
    [0, 0],
  ];
  const attrs = { strides: [stride, stride], pad, dataFormat: 'NHWC', dilations: [1, 1] };
  const calls = {
    forward: ['Conv2D', { x, filter }, attrs],
    gradInput: ['Conv2DBackpropInput', { dy, filter }, { ...attrs, inputShape: xShape }],
    gradWeight: ['Conv2DBackpropFilter', { x, dy }, { ...attrs, filterShape: wShape }],
  } as const;
  const [name, inputs, more] = calls[kind];
  const once = () => tf.engine().runKernel(name, inputs, more);
  return {
    run(count) {
      for (let i = 0; i < count; i++) once().dispose();
      const backend = tf.backend();
      backend.ensureCommandEncoderReady();
      backend.endComputePassEncoder();
      backend.submitQueue();
    },
    async result() {
      const y = once();
      const values = await y.data();
      y.dispose();
      return values;
    },
    close: () => [x, filter, dy].forEach((tensor) => void tensor.dispose()),
  };
}

async function ours(kind: ConvKind, d: ConvDims, arrays: Arrays): Promise<Side> {
  const tile = chooseTile(kind, d, gpu.features, measured);
  const trial = convTrial(kind, d, tile, gpu.features);
  const { storage, copySource, copyDestination, mapRead } = bufferUsage;
  const buffers = new Map<ConvArray, GPUBuffer>();
  for (const name of new Set(trial.calls.flatMap(({ arrays }) => arrays))) {
    const floats = name === 'scratch' ? trial.scratchFloats : floatsOf(d, name);
    const buffer = gpu.createBuffer(name, floats * 4, storage | copySource | copyDestination);
    if (name in arrays)
      device.queue.writeBuffer(buffer, 0, arrays[name as 'x'] as Float32Array<ArrayBuffer>);
    buffers.set(name, buffer);
  }
  const commands = await Promise.all(
    trial.calls.map(async ({ shader, arrays }) => {
      const { pipeline, layout } = await gpu.pipeline(shader);
      const entries = arrays.map((name, binding) => ({
        binding,
        resource: { buffer: buffers.get(name)! },
      }));
      return { shader, pipeline, bindGroup: device.createBindGroup({ layout, entries }) };
    }),
  );
  return {
    run(count) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (let i = 0; i < count; i++) {
        for (const { shader, pipeline, bindGroup } of commands) {
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, bindGroup);
          pass.dispatchWorkgroups(...shader.workgroups);
        }
      }
      pass.end();
      device.queue.submit([encoder.finish()]);
    },
    async result() {
      const source = buffers.get(trial.result)!;
      const staging = gpu.createBuffer('result', source.size, mapRead | copyDestination);
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(mapModeRead);
      const values = new Float32Array(staging.getMappedRange().slice(0));
      gpu.free(staging);
      return values;
    },
    close: () => [...buffers.values()].forEach((buffer) => void gpu.free(buffer)),
  };
}

async function milliseconds(side: Side, count: number): Promise<number> {
  const start = performance.now();
  side.run(count);
  await device.queue.onSubmittedWorkDone();
  return (performance.now() - start) / count;
}

function expectEqual(a: Float32Array, b: Float32Array, what: string): void {
  const magnitude = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const off = a.findIndex((value, i) => !(Math.abs(value - b[i]!) <= tolerance * magnitude));
  if (off >= 0 || a.length !== b.length)
    throw new Error(`${what}: the results differ: ${a[off]} and ${b[off]} at ${off}`);
}

/** Medians of alternating rounds, ms a convolution. */
async function compare(kind: ConvKind, d: ConvDims): Promise<readonly [number, number]> {
  const arrays = {
    x: random(floatsOf(d, 'x')),
    w: random(floatsOf(d, 'w')),
    dy: random(floatsOf(d, 'dy')),
  };
  const sides = [await ours(kind, d, arrays), theirs(kind, d, arrays)] as const;
  try {
    const first = [];
    for (const side of sides) {
      await milliseconds(side, 1);
      first.push(await milliseconds(side, 1));
    }
    expectEqual(await sides[0].result(), await sides[1].result(), `${kind} ${sizesOf(d)}`);
    const count = Math.max(1, Math.ceil(leastMilliseconds / Math.min(...first)));
    const times: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++)
      for (const side of [0, 1] as const) times[side].push(await milliseconds(sides[side], count));
    return [median(times[0]), median(times[1])];
  } finally {
    for (const side of sides) side.close();
  }
}

async function compareAll(kind: ConvKind): Promise<void> {
  process.stdout.write(`\n${kind}\n`);
  const sums = { flops: 0, ours: 0, theirs: 0 };
  for (const { dims, count } of layers) {
    const [a, b] = await compare(kind, dims);
    sums.flops += count * flopsOf(dims);
    sums.ours += count * a;
    sums.theirs += count * b;
    process.stdout.write(
      `${String(count).padStart(4)} × ${sizesOf(dims).padEnd(26)} ${a.toFixed(3).padStart(9)} ms, TensorFlow.js ${b.toFixed(3).padStart(9)} ms: ${(b / a).toFixed(2)}×\n`,
    );
  }
  process.stdout.write(
    `all ${(sums.flops / 1e9).toFixed(1)} GFLOP: ${sums.ours.toFixed(1)} ms, TensorFlow.js ${sums.theirs.toFixed(1)} ms: ${(sums.theirs / sums.ours).toFixed(2)}×\n`,
  );
}

await tf.setBackend('webgpu');
const layers = hrnetLayers(hrnetConfig('hrnet', 32, 17), {
  batch: Number(flags.batch),
  height,
  width,
}).filter(({ dims }) => dims.cin % 4 === 0 && dims.cout % 4 === 0);
process.stdout.write(
  `${gpu.adapter.name}; TensorFlow.js ${version}; HRNet-W32, ${flags.size}, batch ${flags.batch}; tiles ${
    Object.keys(measured).length > 0 ? 'measured' : 'guessed'
  }\n`,
);
for (const kind of flags.kind as ConvKind[]) await compareAll(kind);
gpu.close();
process.exit(0);
