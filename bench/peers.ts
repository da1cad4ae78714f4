// npm run bench:peers: this project and PyTorch in turn, each in a process of its own, on the same
// machine in the same minutes. Prints medians over the rounds and their ratio.
// Needs python3-torch (apt-get install python3-torch); run it on an idle machine.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../src/packageRoot.ts';
import { median } from '../src/train/median.ts';

const rounds = Number(process.argv[2] ?? 3);
const peer = join(
  process.env.HRPOSE_SHARED ?? join(packageRoot, '../shared'),
  'peers/hrnet_torch.py',
);
const cases = [
  { job: 'train', batch: 4 },
  { job: 'infer', batch: 4 },
  { job: 'infer', batch: 1 },
] as const;

interface Row {
  readonly images_per_second: number;
  readonly peak_rss_mb: number;
}

function lastLine(command: string, args: readonly string[]): Row {
  const text = execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(text.trim().split('\n').at(-1)!) as Row;
}

const ours = (job: string, batch: number) =>
  lastLine(process.execPath, [
    join(packageRoot, 'bin/hrpose.js'),
    ...['bench', job, '--batch', String(batch), '--steps', '5', '--json'],
  ]);
const theirs = (job: string, batch: number) =>
  lastLine('/usr/bin/python3', [peer, job, '--batch', String(batch), '--steps', '5']);

if (!existsSync(peer)) {
  process.stderr.write(`error: expected the peer at ${peer}. Set HRPOSE_SHARED to its folder.\n`);
  process.exit(3);
}
if (loadavg()[0]! > 0.5) {
  process.stderr.write(`note: load ${loadavg()[0]!.toFixed(2)}: something else ran just now.\n`);
}
for (const { job, batch } of cases) {
  const rows = Array.from(
    { length: rounds },
    () => [ours(job, batch), theirs(job, batch)] as const,
  );
  const [a, b] = [0, 1].map((side) => median(rows.map((row) => row[side]!.images_per_second)));
  const [mbA, mbB] = [0, 1].map((side) => Math.max(...rows.map((row) => row[side]!.peak_rss_mb)));
  process.stdout.write(
    `${job} fp32 batch ${batch}: ${a!.toFixed(2)} images/s, PyTorch ${b!.toFixed(2)}: ${(a! / b!).toFixed(2)}×; ` +
      `peak ${mbA!.toFixed(0)} MB, PyTorch ${mbB!.toFixed(0)} MB: ${(mbA! / mbB!).toFixed(2)}×\n`,
  );
}
