// npm run bench:precision [seeds]: the demo's network trained for 300 steps with direct convolutions,
// with searched ones (Winograd) and with bfloat16; loss after 200 steps and AP at the end of each. Several
// seeds tell the effect of the arithmetic from that of chance. Data as `hrpose demo` makes them.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../src/packageRoot.ts';

const seeds = Number(process.argv[2] ?? 2);
const data = join(packageRoot, 'output/demo/data');
if (!existsSync(data)) {
  process.stderr.write(`error: expected the demo's data at ${data}. Run 'npm run demo' first.\n`);
  process.exit(3);
}

/** Learning rate 0.001, a tenth of it in the third and last epoch: 296 steps, then 148 more settle. */
const settings = [
  'epoch=3',
  'snapshot_epoch=3',
  'LearningRate.schedulers.0.milestones=[2]',
  `TrainDataset.dataset_dir=${data}`,
  `EvalDataset.dataset_dir=${data}`,
];
const ways = [
  { name: 'fp32, direct', flags: ['--search', 'off'] },
  { name: 'fp32, searched', flags: ['--search', 'cached'] },
  { name: 'bf16', flags: ['--amp', 'bf16'] },
];

interface Entry {
  readonly event: string;
  readonly step: number;
  readonly loss?: number;
  readonly AP?: number;
}

function run(flags: readonly string[], seed: number) {
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-precision-'));
  try {
    const args = ['train', '-c', join(packageRoot, 'configs/demo.yml'), '--eval', ...flags];
    const rest = ['--seed', String(seed), '-o', ...settings, `save_dir=${folder}`];
    execFileSync(process.execPath, [join(packageRoot, 'bin/hrpose.js'), ...args, ...rest], {
      stdio: 'ignore',
      cwd: packageRoot,
    });
    const entries = readFileSync(join(folder, 'demo', 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Entry);
    const at200 = entries.find(({ event, step }) => event === 'train' && step > 200)!;
    return { loss: at200.loss!, ap: entries.findLast(({ event }) => event === 'eval')!.AP! };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const { name, flags } of ways) {
  const runs = Array.from({ length: seeds }, (_, seed) => run(flags, seed));
  const losses = runs.map(({ loss }) => loss.toExponential(3)).join(', ');
  const aps = runs.map(({ ap }) => ap.toFixed(3)).join(', ');
  process.stdout.write(`${name.padEnd(16)} loss after 200 steps ${losses}; AP ${aps}\n`);
}
