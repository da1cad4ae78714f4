// npm run bench:gpu-conv -- [--batch 4] [--size 384x288] [--width 32] [--kind forward] [--only 32→32] [--amp f16] [--save]:
// every tile for every distinct convolution of HRNet on the adapter that is there, on floats or on halves.
// Results are compared first, then timed by the device's own clock; prints ms and GFLOP/s of the best tile and
// of the best guess, and what the whole network's convolutions take with each. --save keeps the best for the backend.
import { parseArgs } from 'node:util';
import {
  type ConvDims,
  type ConvKind,
  flopsOf,
  sizesOf,
} from '../src/backends/webgpu/conv/dims.ts';
import { tileName } from '../src/backends/webgpu/conv/tile.ts';
import { openNodeGpu } from '../src/backends/webgpu/nodeDevice.ts';
import { saveTiles } from '../src/backends/webgpu/nodeTiles.ts';
import {
  rateOf,
  searchTile,
  type TileSearch,
  type TileTime,
  tileKey,
} from '../src/backends/webgpu/tileSearch.ts';
import { hrnetConfig } from '../src/models/hrnetConfigs.ts';
import { hrnetLayers } from './hrnetLayers.ts';

const { values: flags } = parseArgs({
  options: {
    batch: { type: 'string', default: '4' },
    size: { type: 'string', default: '384x288' },
    width: { type: 'string', default: '32' },
    kind: { type: 'string', multiple: true, default: ['forward', 'gradInput', 'gradWeight'] },
    only: { type: 'string', default: '' },
    amp: { type: 'string', default: 'fp32' },
    save: { type: 'boolean', default: false },
  },
});
const [height, width] = flags.size.split('x').map(Number) as [number, number];
const config = hrnetConfig('hrnet', Number(flags.width), 17);
const activations = flags.amp === 'f16' ? 'f16' : 'f32';

const gpu = await openNodeGpu();
const { name } = gpu.adapter;
process.stdout.write(
  `${name}; HRNet-W${config.width}, ${flags.size}, batch ${flags.batch}, activations ${activations}; ${
    gpu.hasTimestamps ? "the device's clock" : 'waiting for each command'
  }\n`,
);
const layers = hrnetLayers(config, { batch: Number(flags.batch), height, width }).filter(
  ({ dims }) => sizesOf(dims).includes(flags.only),
);
try {
  for (const kind of flags.kind as ConvKind[]) {
    const found = await searchKind(kind);
    if (flags.save) saveTiles(name, found);
  }
} finally {
  gpu.close();
}

async function searchKind(kind: ConvKind): Promise<Record<string, TileTime>> {
  const best: Record<string, TileTime> = {};
  const sums = { flops: 0, best: 0, guess: 0 };
  process.stdout.write(`\n${kind}\n`);
  for (const { dims, count, first } of layers) {
    if (first && kind === 'gradInput') continue;
    const search = await searchTile(gpu, kind, dims, activations);
    const { times, guess } = search;
    best[tileKey(kind, dims, activations)] = times[0]!;
    sums.flops += count * flopsOf(dims);
    sums.best += count * times[0]!.milliseconds;
    sums.guess += count * guess.milliseconds;
    process.stdout.write(`${row(dims, count, search)}\n`);
  }
  const rate = (milliseconds: number) => (sums.flops / milliseconds / 1e6).toPrecision(3);
  process.stdout.write(
    `all ${(sums.flops / 1e9).toFixed(1)} GFLOP: best tiles ${sums.best.toFixed(1)} ms, ${rate(sums.best)} GFLOP/s; best guesses ${sums.guess.toFixed(1)} ms, ${rate(sums.guess)} GFLOP/s\n`,
  );
  return best;
}

function row(dims: ConvDims, count: number, { times, guess, wrong }: TileSearch): string {
  const cell = ({ tile, milliseconds }: TileTime) =>
    `${milliseconds.toFixed(3).padStart(9)} ms ${rateOf(dims, milliseconds).toPrecision(3).padStart(6)} GFLOP/s  ${tileName(tile).padEnd(18)}`;
  const faults = wrong.map((tile) => `  WRONG RESULT: ${tileName(tile)}`).join('');
  return `${String(count).padStart(4)} × ${sizesOf(dims).padEnd(26)} best ${cell(times[0]!)} guess ${cell(guess)}${faults}`;
}
