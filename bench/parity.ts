// npm run bench:parity: the same network, input and loss here and in PyTorch (float32 and float64),
// compared in the eval output and in every gradient tensor. Needs python3-torch and, beside the
// repository, shared/peers/hrnet_torch.py (or HRPOSE_SHARED). Arguments: [width ...], 32 48 by default.
//
// A ReLU passes or stops its gradient by the sign of a sum that rounding may turn. Two float32
// implementations can therefore not agree closely in train mode. With every ReLU left out, on both
// sides, what remains is the arithmetic of the gradients: convolutions, batch norms, sums, upsampling.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDnnlBackend } from '../src/backends/onednn/index.ts';
import { environmentError } from '../src/errors.ts';
import type { Graph } from '../src/graph/graph.ts';
import { floatGraph, withoutRelu } from '../src/models/golden.testing.ts';
import type { NormMode } from '../src/models/hrnet.ts';
import { type HrnetConfig, hrnetConfig, hrnetState } from '../src/models/hrnetConfigs.ts';
import { gradientOf, withGradientStates } from '../src/models/poseGraphs.ts';
import { compileInference, compileTraining } from '../src/passes/compile.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const shared = process.env.HRPOSE_SHARED ?? join(root, '..', 'shared');
const peer = join(shared, 'peers', 'hrnet_torch.py');
const python = '/usr/bin/python3';
const size = { batch: 2, height: 384, width: 288 };

type Tensors = ReadonlyMap<string, Float32Array | Float64Array>;

function runPython(...args: string[]): void {
  const { status, stderr, error } = spawnSync(python, args, { encoding: 'utf8' });
  if (status === 0) return;
  throw environmentError(
    `parity: ${python} ${args[0]} failed. Install python3-torch. ${error?.message ?? stderr}`,
  );
}

function readFloats(file: string): Float32Array {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).slice();
}

function readDoubles(file: string): Float64Array {
  const bytes = Uint8Array.from(readFileSync(file));
  return new Float64Array(bytes.buffer);
}

const readAll = (folder: string, names: Iterable<string>): Map<string, Float64Array> =>
  new Map([...names].map((name) => [name, readDoubles(join(folder, 'grads', `${name}.bin`))]));

/** ‖a − b‖ / ‖b‖ */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

const rootMeanSquare = (x: ArrayLike<number>) => {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! ** 2;
  return Math.sqrt(sum / x.length);
};

/** Relative L2 of every tensor: worst with its name, median, and how many are above a limit. */
function report(title: string, a: Tensors, b: Tensors, names: readonly string[]): void {
  const rows = names
    .map((name) => [distance(a.get(name)!, b.get(name)!), name] as const)
    .sort((x, y) => y[0] - x[0]);
  const median = rows[rows.length >> 1]![0].toExponential(2);
  const [worst, where] = rows[0]!;
  const above = rows.filter(([d]) => d > 1e-3).length;
  process.stdout.write(
    `    ${title}: worst ${worst.toExponential(2)} (${where}), median ${median}, above 1e-3: ${above} of ${rows.length}\n`,
  );
}

type Variant = 'relu' | 'linear';

function networkGraph(config: HrnetConfig, mode: NormMode, variant: Variant): Graph {
  const graph = floatGraph(config, mode, size);
  return variant === 'relu' ? graph : withoutRelu(graph);
}

/** Our eval output and gradients for the weights and golden input in a folder. */
async function ours(config: HrnetConfig, folder: string, variant: Variant) {
  const state = new Map(
    [...hrnetState(config).keys()].map((name) => [
      name,
      readFloats(join(folder, `f32-${variant}`, 'state', `${name}.bin`)),
    ]),
  );
  const golden = (name: string) => readFloats(join(folder, 'golden', `${name}.bin`));
  const feeds = { x: golden('x'), target: golden('target'), weight: golden('weight') };
  const backend = createDnnlBackend();
  const inference = compileInference(networkGraph(config, { kind: 'inference' }, variant));
  const forward = backend.prepare(inference.graph);
  for (const [name, values] of inference.fold(state)) forward.states.write(name, values);
  const { heatmaps } = await forward.run(feeds);
  forward.close();

  const mode = { kind: 'train', momentum: 0.9 } as const;
  const graph = compileTraining(withGradientStates(networkGraph(config, mode, variant), false));
  const training = backend.prepare(graph);
  for (const [name, values] of state) training.states.write(name, values);
  await training.run({ ...feeds, lossWeight: Float32Array.of(1) });
  const gradients = new Map<string, Float32Array>();
  for (const name of state.keys()) {
    if (!training.states.shapes().has(gradientOf(name))) continue;
    gradients.set(name, await training.states.read(gradientOf(name)));
  }
  training.close();
  backend.close();
  return { heatmaps: heatmaps!, gradients };
}

async function compare(config: HrnetConfig, folder: string, variant: Variant): Promise<void> {
  const script = join(root, 'bench', 'parity.py');
  for (const dtype of ['f32', 'f64']) runPython(script, peer, folder, dtype, variant);
  const mine = await ours(config, folder, variant);
  const names = [...mine.gradients.keys()];
  const single = readAll(join(folder, `f32-${variant}`), names);
  const double = readAll(join(folder, `f64-${variant}`), names);
  const evalOutput = readDoubles(join(folder, `f32-${variant}`, 'eval.bin'));
  const largest = evalOutput.reduce((most, y) => Math.max(most, Math.abs(y)), 0);
  const off = evalOutput.reduce((most, y, i) => Math.max(most, Math.abs(y - mine.heatmaps[i]!)), 0);
  process.stdout.write(`  ${variant === 'relu' ? 'as it is' : 'without its ReLUs'}\n`);
  process.stdout.write(
    `    eval output, ours against PyTorch float32: ${(off / largest).toExponential(2)} of max |y|\n`,
  );
  // What is zero but for rounding (a bias before a 1×1 convolution and a batch norm) has no relative error.
  const scales = names.map((name) => rootMeanSquare(double.get(name)!)).sort((a, b) => a - b);
  const floor = 1e-9 * scales[scales.length >> 1]!;
  const alive = names.filter((name) => rootMeanSquare(double.get(name)!) > floor);
  process.stdout.write(
    `    gradients: ${names.length}, zero but for rounding: ${names.length - alive.length}\n`,
  );
  report('ours against PyTorch float32', mine.gradients, single, alive);
  report('PyTorch float32 against float64', single, double, alive);
  report('ours against PyTorch float64', mine.gradients, double, alive);
}

if (!existsSync(peer)) {
  throw environmentError(`parity: expected ${peer}. Set HRPOSE_SHARED to the folder it lies in.`);
}
const given = process.argv.slice(2).map(Number);
for (const width of given.length > 0 ? given : [32, 48]) {
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-parity-'));
  try {
    process.stdout.write(`HRNet-W${width}, batch ${size.batch}, ${size.height}×${size.width}\n`);
    writeFileSync(join(folder, 'size.txt'), `${size.batch} ${size.height} ${size.width}`);
    const options = { width, batch: size.batch, size: `${size.height}x${size.width}` };
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const files = ['--out', join(folder, 'net.pth'), '--golden', join(folder, 'golden')];
    runPython(peer, 'save', ...files, ...flags);
    for (const variant of ['relu', 'linear'] as const) {
      await compare(hrnetConfig('hrnet', width, 17), folder, variant);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
