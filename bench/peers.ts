// npm run bench:peers [rounds]: this project, PyTorch and ONNX Runtime in turn, each in a process of
// its own, on the same machine in the same minutes. Prints medians over the rounds and ratios.
// PyTorch comes from apt (python3-torch); onnxruntime-node is installed into a temporary folder with
// scripts off. A peer that cannot be had is left out with a line that says so. Needs an idle machine.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../src/packageRoot.ts';
import { median } from '../src/train/median.ts';

interface Row {
  readonly images_per_second: number;
  readonly peak_rss_mb: number;
}
type Measure = () => Row;

interface Case {
  readonly title: string;
  readonly ours: Measure;
  readonly peer: string;
  readonly theirs: Measure;
  /** What was asked of the ratio of speeds. */
  readonly aim: number;
}

const rounds = Number(process.argv[2] ?? 3);
const only = process.argv[3] ?? '';
const script = join(
  process.env.HRPOSE_SHARED ?? join(packageRoot, '../shared'),
  'peers/hrnet_torch.py',
);
const folder = join(tmpdir(), 'hrpose-bench-peers');
const ortVersion = '1.30';

function lastLine(command: string, args: readonly string[]): Row {
  const text = execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    cwd: folder,
  });
  return JSON.parse(text.trim().split('\n').at(-1)!) as Row;
}

const ours =
  (job: string, batch: number, ...flags: string[]): Measure =>
  () =>
    lastLine(process.execPath, [
      join(packageRoot, 'bin/hrpose.js'),
      ...['bench', job, '--batch', String(batch), '--steps', '9', '--json', ...flags],
    ]);

const python = (...args: string[]) => lastLine('/usr/bin/python3', [script, ...args]);
const torch =
  (job: string, batch: number, dtype = 'f32'): Measure =>
  () => {
    const args = ['--layout', 'nhwc', '--batch', String(batch), '--steps', '9', '--dtype', dtype];
    const row = python(job, ...args);
    // The script counts in MiB.
    return { ...row, peak_rss_mb: (row.peak_rss_mb * 2 ** 20) / 1e6 };
  };

/** A process that times one session; the model is the peer's own export. */
const ortProgram = `
import ort from 'onnxruntime-node';
const [file, size, threads] = process.argv.slice(2);
const batch = Number(size);
const session = await ort.InferenceSession.create(file, {
  intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: 'all',
});
const data = Float32Array.from({ length: batch * 3 * 384 * 288 }, Math.random);
const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', data, [batch, 3, 384, 288]) };
const times = [];
for (let i = 0; i < 11; i++) {
  const start = performance.now();
  await session.run(feeds);
  times.push(performance.now() - start);
}
const sorted = times.slice(2).sort((a, b) => a - b);
console.log(JSON.stringify({
  images_per_second: (1000 * batch) / sorted[4],
  peak_rss_mb: (1024 * process.resourceUsage().maxRSS) / 1e6,
}));
`;

const ort =
  (batch: number): Measure =>
  () =>
    lastLine(process.execPath, [join(folder, 'ort.mjs'), `w32-${batch}.onnx`, String(batch), '2']);

function hasTorch(): boolean {
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import torch'], { stdio: 'ignore' });
    return existsSync(script);
  } catch {
    return false;
  }
}

/** Installs ONNX Runtime and makes its models; false where that cannot be. */
function prepareOrt(): boolean {
  try {
    if (!existsSync(join(folder, 'node_modules/onnxruntime-node'))) {
      writeFileSync(join(folder, 'package.json'), '{"private":true}');
      const install = ['i', '--ignore-scripts', '--no-audit', `onnxruntime-node@${ortVersion}`];
      execFileSync('npm', install, { cwd: folder, stdio: 'ignore' });
    }
    writeFileSync(join(folder, 'ort.mjs'), ortProgram);
    for (const batch of [1, 4]) {
      const file = join(folder, `w32-${batch}.onnx`);
      const args = [script, 'onnx', '--out', file, '--batch', String(batch)];
      if (!existsSync(file)) execFileSync('/usr/bin/python3', args, { stdio: 'ignore' });
    }
    return true;
  } catch (error) {
    process.stderr.write(`note: no ONNX Runtime: ${(error as Error).message.split('\n')[0]}\n`);
    return false;
  }
}

function describe({ title, ours: a, peer, theirs: b, aim }: Case): string {
  const rows = Array.from({ length: rounds }, () => [a(), b()] as const);
  const [speedA, speedB] = [0, 1].map((i) => median(rows.map((r) => r[i]!.images_per_second)));
  const [mbA, mbB] = [0, 1].map((i) => Math.max(...rows.map((r) => r[i]!.peak_rss_mb)));
  const ratio = speedA! / speedB!;
  return (
    `${title}: ${speedA!.toFixed(2)} images/s, ${peer} ${speedB!.toFixed(2)}: ${ratio.toFixed(2)}× ` +
    `(aim ${aim}×); peak ${mbA!.toFixed(0)} MB, ${peer} ${mbB!.toFixed(0)} MB: ${(mbA! / mbB!).toFixed(2)}×\n`
  );
}

mkdirSync(folder, { recursive: true });
if (loadavg()[0]! > 0.5) {
  process.stderr.write(`note: load ${loadavg()[0]!.toFixed(2)}: something else ran just now.\n`);
}
const torchFound = hasTorch();
if (!torchFound)
  process.stderr.write(
    `note: no PyTorch: expected python3-torch (apt-get install python3-torch) and ${script} (HRPOSE_SHARED).\n`,
  );
const cases: Case[] = [];
if (torchFound) {
  const peer = 'PyTorch';
  cases.push(
    {
      title: 'train fp32 batch 4',
      ours: ours('train', 4),
      peer,
      theirs: torch('train', 4),
      aim: 1.9,
    },
    {
      title: 'train fp32 batch 4, recompute',
      ours: ours('train', 4, '--recompute'),
      peer,
      theirs: torch('train', 4),
      aim: 1.9,
    },
    {
      title: 'train bf16 batch 4',
      ours: ours('train', 4, '--amp', 'bf16'),
      peer,
      theirs: torch('train', 4, 'bf16'),
      aim: 1.7,
    },
  );
}
if (torchFound && prepareOrt()) {
  const peer = 'ONNX Runtime fp32';
  const beside = { peer, theirs: ort(4) };
  cases.push(
    { title: 'infer fp32 batch 4', ours: ours('infer', 4), ...beside, aim: 1.35 },
    { title: 'infer fp32 batch 1', ours: ours('infer', 1), peer, theirs: ort(1), aim: 1.35 },
    { title: 'infer bf16 batch 4', ours: ours('infer', 4, '--amp', 'bf16'), ...beside, aim: 2.2 },
    { title: 'infer int8 batch 4', ours: ours('infer', 4, '--int8'), ...beside, aim: 3 },
  );
}
for (const one of cases.filter(({ title }) => title.includes(only))) {
  process.stdout.write(describe(one));
}
