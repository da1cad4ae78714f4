// npm run bench:weights: a network that PyTorch saved, in its new and its old file format, through
// `hrpose weights convert` to safetensors, to .pdparams and back to .pth. Every file must hold the same
// bits, load in Python, and give PyTorch's own output in our engine. Needs python3-torch and, beside the
// repository, shared/peers/hrnet_torch.py (or HRPOSE_SHARED). Arguments: [width ...], 32 48 by default.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDnnlBackend } from '../src/backends/onednn/index.ts';
import { environmentError, numericalError } from '../src/errors.ts';
import type { Weights } from '../src/models/drawWeights.ts';
import { floatGraph } from '../src/models/golden.testing.ts';
import { type HrnetConfig, hrnetConfig, hrnetState } from '../src/models/hrnetConfigs.ts';
import { matchWeights } from '../src/models/weights.ts';
import { compileInference } from '../src/passes/compile.ts';
import { readWeights } from '../src/train/initialWeights.ts';
import { readWeightFile } from '../src/train/weightFile.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const shared = process.env.HRPOSE_SHARED ?? join(root, '..', 'shared');
const peer = join(shared, 'peers', 'hrnet_torch.py');
const size = { batch: 1, height: 384, width: 288 };
/** Share of the largest output; float32 sums in another order. */
const tolerance = 1e-4;

function call(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  throw environmentError(
    `weightsParity: ${program} ${args[0]} failed. ${error?.message ?? stderr}`,
  );
}

function convert(folder: string, from: string, to: string): void {
  const files = [from, to].map((name) => join(folder, name));
  const text = call(process.execPath, join(root, 'bin/hrpose.js'), 'weights', 'convert', ...files);
  process.stdout.write(
    `    ${from} → ${text.replaceAll(`${folder}/`, '').replaceAll('\n', '\n    ')}\n`,
  );
}

function readFloats(file: string): Float32Array {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).slice();
}

/** Throws unless both files hold the same bits for every tensor of the network. */
function expectSameBits(config: HrnetConfig, file: string, original: string): void {
  const [a, b] = [file, original].map(
    (path) => matchWeights(hrnetState(config), readWeightFile(path).tensors, path).assign,
  );
  for (const name of hrnetState(config).keys()) {
    const [x, y] = [a!.get(name), b!.get(name)];
    if (x && y && x.dtype === y.dtype && Buffer.compare(x.data, y.data) === 0) continue;
    throw numericalError(`weightsParity: ${file}: '${name}' is not as in ${original}.`);
  }
}

/** Runs the network once for each file of weights. */
async function outputs(config: HrnetConfig, files: readonly string[], x: Float32Array) {
  const backend = createDnnlBackend();
  const { graph, fold } = compileInference(floatGraph(config, { kind: 'inference' }, size));
  const program = backend.prepare(graph);
  const maps = (size.height / 4) * (size.width / 4) * config.keypoints * size.batch;
  const feeds = {
    x,
    target: new Float32Array(maps),
    weight: new Float32Array(size.batch * config.keypoints),
  };
  const results: Float32Array[] = [];
  for (const file of files) {
    const weights: Weights = new Map();
    readWeights(config, file, 'nothing', weights);
    for (const [name, values] of fold(weights)) program.states.write(name, values);
    results.push((await program.run(feeds)).heatmaps!.slice());
  }
  program.close();
  backend.close();
  return results;
}

async function runChain(width: number, legacy: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-weights-parity-'));
  const config = hrnetConfig('hrnet', width, 17);
  try {
    process.stdout.write(`HRNet-W${width}, ${legacy ? 'format before 1.6' : 'zip format'}\n`);
    const golden = join(folder, 'golden');
    call(
      '/usr/bin/python3',
      ...[peer, 'save', '--out', join(folder, 'net.pth'), '--golden', golden],
      ...['--width', String(width), '--batch', String(size.batch)],
      ...['--size', `${size.height}x${size.width}`, ...(legacy ? ['--legacy'] : [])],
    );
    convert(folder, 'net.pth', 'net.safetensors');
    convert(folder, 'net.pth', 'net.pdparams');
    convert(folder, 'net.pdparams', 'back.pth');
    const names = ['net.pth', 'net.safetensors', 'net.pdparams', 'back.pth'];
    const files = names.map((name) => join(folder, name));
    for (const file of files) expectSameBits(config, file, files[0]!);
    process.stdout.write('    every tensor is the same to the bit in all four\n');
    const python = call('/usr/bin/python3', join(root, 'bench', 'weightsParity.py'), peer, folder);
    process.stdout.write(`    opened by Python: ${python}\n`);
    const expected = readFloats(join(golden, 'eval.bin'));
    const largest = expected.reduce((most, y) => Math.max(most, Math.abs(y)), 0);
    const made = await outputs(config, files, readFloats(join(golden, 'x.bin')));
    names.forEach((name, n) => {
      const off =
        expected.reduce((m, y, i) => Math.max(m, Math.abs(y - made[n]![i]!)), 0) / largest;
      process.stdout.write(
        `    output with ${name}: ${off.toExponential(2)} of max |y| from PyTorch's\n`,
      );
      if (!(off <= tolerance)) throw numericalError(`weightsParity: over ${tolerance}.`);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (!existsSync(peer)) {
  throw environmentError(`weightsParity: expected ${peer}. Set HRPOSE_SHARED to its folder.`);
}
const given = process.argv.slice(2).map(Number);
for (const width of given.length > 0 ? given : [32, 48]) {
  for (const legacy of [false, true]) await runChain(width, legacy);
}
