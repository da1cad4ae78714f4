// npm run bench:tfjs -- [--part step] [--part kernels] [--only '3×3 s2'] [--size 64x64] [--batch 2] [--rounds 5] [--guess] [--json]:
// a training step of a small HRNet-W32, then the kernels of HRNet-W32, each in turn here and in TensorFlow.js'
// WebGPU backend, on one device, with the same numbers and results compared. Without a GPU that is
// SwiftShader, which computes on the CPU. How the sides are timed is in tfjs/race.ts.
import { parseArgs } from 'node:util';
import type { ConvKind } from '../src/backends/webgpu/conv/dims.ts';
import { createGpuBackend } from '../src/backends/webgpu/index.ts';
import { hasGpuHardware, openNodeGpu } from '../src/backends/webgpu/nodeDevice.ts';
import { readTiles } from '../src/backends/webgpu/nodeTiles.ts';
import { tileChooser } from '../src/backends/webgpu/tileSearch.ts';
import { hrnetConfig } from '../src/models/hrnetConfigs.ts';
import { hrnetLayers } from './hrnetLayers.ts';
import { adam, addRelu, batchNorm, convolution, upsample } from './tfjs/kernels.ts';
import { type Outcome, type Race, race } from './tfjs/race.ts';
import { raceSteps } from './tfjs/step.ts';
import { loadTensorFlow, tensorFlowVersion } from './tfjs/tensorFlow.ts';

const { values: flags } = parseArgs({
  options: {
    part: { type: 'string', multiple: true, default: ['step', 'kernels'] },
    only: { type: 'string', default: '' },
    batch: { type: 'string', default: '2' },
    size: { type: 'string', default: '64x64' },
    rounds: { type: 'string', default: '5' },
    guess: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const [height, width] = flags.size.split('x').map(Number) as [number, number];
const [batch, rounds] = [Number(flags.batch), Number(flags.rounds)];
const say = (line: string) => void (flags.json || process.stdout.write(`${line}\n`));

if (!hasGpuHardware()) await installSwiftShader();
const gpu = await openNodeGpu();
const measured = flags.guess ? {} : readTiles(gpu.adapter.name);
const backend = createGpuBackend(gpu, { chooseTile: tileChooser(measured) });
const tf = await loadTensorFlow(gpu.device);
const engines = { device: gpu.device, backend, tf };

async function installSwiftShader(): Promise<void> {
  const { ensureReady } = await import(new URL('../scripts/setup.js', import.meta.url).href);
  ensureReady({ need: ['swiftshader'] });
}

interface Entry extends Race {
  /** In a step of the network, where it is counted. */
  readonly count?: number;
}

const wide = hrnetConfig('hrnet', 32, 17);

function convolutions(): Entry[] {
  const layers = hrnetLayers(wide, { batch, height, width });
  return (['forward', 'gradInput', 'gradWeight'] as const).flatMap((direction: ConvKind) =>
    layers
      .filter(({ first }) => !(first && direction === 'gradInput'))
      .map(({ dims, count }) => ({ ...convolution(engines, direction, dims), count })),
  );
}

/** The rest, at the sizes of the four branches, and of the bottlenecks before them. */
function others(): Entry[] {
  const branches = [0, 1, 2, 3].map((b) => {
    const stride = 4 * 2 ** b;
    return [batch, 32 * 2 ** b, height / stride, width / stride];
  });
  const shapes = [[batch, 256, height / 4, width / 4], ...branches];
  return [
    ...shapes.map((shape) => batchNorm(engines, shape)),
    ...shapes.map((shape) => addRelu(engines, shape)),
    ...[2, 4, 8].map((scale) => upsample(engines, branches[0]!, scale)),
    adam(engines, wide, 'HRNet-W32'),
  ];
}

type Row = Outcome & Pick<Entry, 'what' | 'count'>;

async function raceKernels(): Promise<Row[]> {
  const rows: Row[] = [];
  say(`\n${'ms, fastest of the rounds'.padEnd(49)}${'ours'.padStart(11)}${'theirs'.padStart(11)}`);
  for (const entry of [...convolutions(), ...others()]) {
    if (!entry.what.includes(flags.only)) continue;
    const { what, count } = entry;
    const row = { what, ...(count && { count }), ...(await race(gpu.device, entry, rounds)) };
    rows.push(row);
    say(kernelLine(row));
  }
  return rows;
}

const cell = (milliseconds: number) => milliseconds.toFixed(3).padStart(11);
const times = (ratio: number) => `${ratio.toFixed(2)} ×`.padStart(8);

const kernelLine = ({ what, count, ours, theirs, ratio }: Row) =>
  `${count ? `${count} ×`.padStart(4) : '    '} ${what.padEnd(44)}${cell(ours.fastest)}${cell(theirs.fastest)}${times(ratio)}${ratio < 1 ? '  slower' : ''}`;

function summary(rows: readonly Row[]): string {
  const of = (direction: string) => {
    const all = rows.filter(({ what }) => what.startsWith(`conv ${direction}`));
    const sum = (side: 'ours' | 'theirs') =>
      all.reduce((sum, row) => sum + row.count! * row[side].fastest, 0);
    return all.length === 0
      ? []
      : [
          `${`all of ${direction}`.padEnd(49)}${cell(sum('ours'))}${cell(sum('theirs'))}${times(sum('theirs') / sum('ours'))}`,
        ];
  };
  const slower = rows.filter(({ ratio }) => ratio < 1).length;
  return [
    ...['forward', 'gradInput', 'gradWeight'].flatMap(of),
    `slower on ${slower} of ${rows.length} kernels; lowest ratio ${Math.min(...rows.map(({ ratio }) => ratio)).toFixed(2)}`,
  ].join('\n');
}

const report: Record<string, unknown> = {
  adapter: gpu.adapter.name,
  tensorFlow: tensorFlowVersion,
  ...{ height, width, batch, rounds },
  tiles: Object.keys(measured).length > 0 ? 'measured' : 'guessed',
};
say(
  `${gpu.adapter.name}; TensorFlow.js ${tensorFlowVersion}; ${flags.size}, batch ${batch}; tiles ${report.tiles}`,
);
try {
  if (flags.part.includes('step')) {
    const config = hrnetConfig('hrnet-small', 32, 17);
    const step = await raceSteps(engines, { config, inputSize: { height, width }, batch, rounds });
    report.step = step;
    say(
      [
        '\na training step of the small HRNet-W32',
        ...step.losses.map(
          ({ ours, theirs }, i) => `loss ${i + 1}: ${ours}, TensorFlow.js ${theirs}`,
        ),
        `median ${step.ours.median.toFixed(0)} ms, TensorFlow.js ${step.theirs.median.toFixed(0)} ms: ${(step.theirs.median / step.ours.median).toFixed(2)} ×`,
        `(fastest ${step.ours.fastest.toFixed(0)} and ${step.theirs.fastest.toFixed(0)} ms; ${step.theirKernels} calls of kernels in TensorFlow.js, all on the device)`,
      ].join('\n'),
    );
  }
  if (flags.part.includes('kernels')) {
    const rows = await raceKernels();
    report.kernels = rows;
    if (rows.length > 0) say(`\n${summary(rows)}`);
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
} finally {
  gpu.close();
}
process.exit(0);
