// npm run bench:roofline -- [--batch 64] [--size 384x288] [--width 32] [--job train|infer]: what bounds each kernel
// of a step on some devices, and how many pictures a second that allows. Takes the dispatches that the backend
// would run and needs no device itself. Estimates: a limit of the hardware, not a measurement.
import { parseArgs } from 'node:util';
import { type ConvDims, type ConvKind, sizesOf } from '../src/backends/webgpu/conv/dims.ts';
import { convTiles, type Tile, tileName } from '../src/backends/webgpu/conv/tile.ts';
import type { Dispatch } from '../src/backends/webgpu/kernel.ts';
import { loweredDispatches } from '../src/backends/webgpu/lowered.testing.ts';
import {
  type Bound,
  computedFlops,
  type DeviceRates,
  type Limit,
  limitOf,
  tileIntensity,
  type Work,
  workgroupBytesOf,
} from '../src/backends/webgpu/roofline.ts';
import { hrnetConfig, hrnetState, isRunningStatistic } from '../src/models/hrnetConfigs.ts';
import { inferenceGraph, trainingGraph, updateGraph } from '../src/models/poseGraphs.ts';
import { usualTraining } from '../src/models/usualTraining.ts';
import { compileInference, compileTraining } from '../src/passes/compile.ts';

interface Device extends DeviceRates {
  readonly name: string;
  /** FLOP/s of units that multiply matrices of halves and add in float32, beside the rest. */
  readonly matrixFlops?: number;
}

// docs/gpu.md says where these come from and which are assumed.
const launch = 2.5e-6;
const devices: readonly Device[] = [
  {
    name: 'A100 80 GB SXM',
    ...{ flops: 19.5e12, memory: 2.04e12, workgroupMemory: 19.5e12, launch, matrixFlops: 312e12 },
  },
  {
    name: 'H100 80 GB SXM',
    ...{ flops: 67e12, memory: 3.35e12, workgroupMemory: 33e12, launch, matrixFlops: 989e12 },
  },
  {
    name: 'RTX 4090',
    ...{ flops: 82.6e12, memory: 1.01e12, workgroupMemory: 41e12, launch, matrixFlops: 165e12 },
  },
  {
    name: 'M3 Max, 40 cores',
    ...{ flops: 14.3e12, memory: 0.4e12, workgroupMemory: 7.2e12, launch },
  },
  {
    name: 'BI-V100',
    ...{ flops: 37e12, memory: 1.2e12, workgroupMemory: 18.5e12, launch, matrixFlops: 147e12 },
  },
];

/** What such devices offer at the least. */
const features = {
  subgroups: true,
  software: false,
  maxWorkgroupMemory: 32768,
  maxInvocations: 256,
};

const { values: flags } = parseArgs({
  options: {
    batch: { type: 'string', default: '64' },
    size: { type: 'string', default: '384x288' },
    width: { type: 'string', default: '32' },
    job: { type: 'string', default: 'train' },
  },
});
const [height, width] = flags.size.split('x').map(Number) as [number, number];
const batch = Number(flags.batch);
const config = hrnetConfig('hrnet', Number(flags.width), 17);
const options = usualTraining({ width, height }, batch);

function graphs() {
  if (flags.job === 'infer') return [compileInference(inferenceGraph(config, options)).graph];
  const parameters = new Map([...hrnetState(config)].filter(([name]) => !isRunningStatistic(name)));
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, l2: 0, accumulate: false };
  return [compileTraining(trainingGraph(config, options)), updateGraph(parameters, adam)];
}

interface Cut {
  readonly kind: ConvKind;
  readonly dims: ConvDims;
  readonly tile: Tile;
}

interface Kernel extends Work {
  /** As in the table of hrpose bench. */
  readonly name: string;
  readonly cut: Cut | undefined;
}

const opOf: Readonly<Record<ConvKind, string>> = {
  forward: 'conv2d',
  gradInput: 'conv2dGradInput',
  gradWeight: 'conv2dGradWeight',
};

function kernelsOf(activations: 'f32' | 'f16'): Kernel[] {
  const cuts = new Map<string, Cut>();
  const keyOf = (op: string, text: string) => `${op} ${text}`;
  const chooseTile = (kind: ConvKind, dims: ConvDims): Tile => {
    const tile = convTiles(kind, dims, features)[0]!;
    const text = `${sizesOf(dims)} tile ${tileName(tile)}`;
    cuts.set(keyOf(opOf[kind], text), { kind, dims, tile });
    return tile;
  };
  const dispatches = loweredDispatches(graphs(), {
    most: 2 ** 31 - 256,
    features,
    chooseTile,
    activations,
  });
  return dispatches.map(({ op, shader: { label }, flops, bytes }: Dispatch): Kernel => {
    const text = /\d+×\d+ s\d .* tile .*$/.exec(label)?.[0] ?? '';
    const cut = cuts.get(keyOf(op, text));
    const name = label.replace(/ [×\d].*/, '');
    if (!cut) return { name, flops, bytes, workgroupBytes: 0, cut };
    const computed = computedFlops(cut.kind, cut.dims, cut.tile);
    const workgroupBytes = (computed / 2) * workgroupBytesOf(cut.tile);
    return { name, flops: computed, bytes, workgroupBytes, cut };
  });
}

const sum = <T>(items: readonly T[], of: (item: T) => number) =>
  items.reduce((total, item) => total + of(item), 0);

/** Matrix units take over the products and read their operands from workgroup memory in larger pieces. */
const onMatrixUnits = ({ cut, ...work }: Kernel, { flops, matrixFlops }: Device): Work =>
  cut && matrixFlops
    ? { ...work, flops: (work.flops * flops) / matrixFlops, workgroupBytes: 0 }
    : work;

type Mode = 'f32' | 'f16' | 'f16, matrix units';

function limits(kernels: readonly Kernel[], device: Device, mode: Mode) {
  return kernels.map((kernel) => {
    const work = mode === 'f16, matrix units' ? onMatrixUnits(kernel, device) : kernel;
    return { ...limitOf(work, device), name: kernel.name };
  });
}

const print = (lines: readonly string[]) => process.stdout.write(`${lines.join('\n')}\n\n`);
const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
const three = (value: number) =>
  value < 0.0005 ? '0' : value < 99.95 ? value.toPrecision(3) : value.toFixed(0);

function byName<T extends { readonly name: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(item.name, [...(groups.get(item.name) ?? []), item]);
  return groups;
}

/** Share of a step below which a kernel is left out of the table. */
const least = 0.002;

const seconds = (limits: readonly Limit[]) => sum(limits, (limit) => limit.seconds);

/** What most of a group's time is bound by, and ms. */
function boundCell(group: readonly Limit[]): string {
  const times = new Map<Bound, number>();
  for (const limit of group) times.set(limit.bound, (times.get(limit.bound) ?? 0) + limit.seconds);
  const [bound] = [...times].sort((a, b) => b[1] - a[1])[0]!;
  return `${bound} ${three(seconds(group) * 1000)}`;
}

function printKernels(kernels: readonly Kernel[], halves: readonly Kernel[]): void {
  const inHalves = byName(halves);
  const each = devices.map((device) => byName(limits(kernels, device, 'f32')));
  const matters = (name: string) =>
    each.some(
      (groups) => seconds(groups.get(name)!) >= least * seconds([...groups.values()].flat()),
    );
  const rows = [...byName(kernels)]
    .filter(([name]) => matters(name))
    .sort(([a], [b]) => seconds(each[0]!.get(b)!) - seconds(each[0]!.get(a)!))
    .map(([name, group]) => {
      const bytes = sum(group, (k) => k.bytes);
      const flops = sum(group, (k) => k.flops);
      const half = sum(inHalves.get(name)!, (k) => k.bytes);
      return row([
        name,
        group.length,
        three(flops / 1e9),
        `${three(bytes / 1e9)} / ${three(half / 1e9)}`,
        three(flops / bytes),
        ...each.map((groups) => boundCell(groups.get(name)!)),
      ]);
    });
  const names = devices.map(({ name }) => `${name}, ms`);
  print([
    row(['kernel', 'dispatches', 'GFLOP', 'GB, in halves', 'FLOP a byte', ...names]),
    `|${' --- |'.repeat(5 + devices.length)}`,
    ...rows,
  ]);
}

function printTiles(kernels: readonly Kernel[]): void {
  const cut = kernels.flatMap((kernel) =>
    kernel.cut ? [{ ...kernel, name: tileName({ ...kernel.cut.tile, splits: 0 }) }] : [],
  );
  const all = sum(cut, (k) => k.flops);
  const rows = [...byName(cut)]
    .map(([name, group]) => ({ name, group, flops: sum(group, (k) => k.flops) }))
    .sort((a, b) => b.flops - a.flops)
    .map(({ name, group, flops }) => {
      const { tile } = group[0]!.cut!;
      const share = `${((100 * flops) / all).toFixed(1)} %`;
      const needs = three(workgroupBytesOf(tile));
      return row([name, group.length, share, three(tileIntensity(tile)), needs]);
    });
  print([
    row(['tile', 'dispatches', 'of all FLOPs', 'FLOP a byte fetched', 'bytes read a multiply-add']),
    `|${' --- |'.repeat(5)}`,
    ...rows,
  ]);
}

function printDevices(kernels: readonly Kernel[], halves: readonly Kernel[]): void {
  const modes: readonly (readonly [Mode, readonly Kernel[]])[] = [
    ['f32', kernels],
    ['f16', halves],
    ['f16, matrix units', halves],
  ];
  const rows = devices.flatMap((device) =>
    modes
      .filter(([mode]) => mode !== 'f16, matrix units' || device.matrixFlops)
      .map(([mode, work]) => {
        const all = limits(work, device, mode);
        const seconds = sum(all, (limit) => limit.seconds);
        const share = (bound: Bound) => {
          const part = sum(all, (limit) => (limit.bound === bound ? limit.seconds : 0));
          return `${((100 * part) / seconds).toFixed(0)} %`;
        };
        return row([
          device.name,
          mode,
          three(batch / seconds),
          three(seconds * 1000),
          share('arithmetic'),
          share('memory'),
          share('workgroup memory'),
          share('launch'),
        ]);
      }),
  );
  const names = ['arithmetic', 'memory', 'workgroup memory', 'launch'];
  print([
    row(['device', 'activations', 'images/s at most', 'ms', ...names]),
    `|${' --- |'.repeat(8)}`,
    ...rows,
  ]);
}

const kernels = kernelsOf('f32');
const halves = kernelsOf('f16');
print([
  `${flags.job}: HRNet-W${config.width}, ${flags.size}, batch ${batch}: ${kernels.length} dispatches, ${three(sum(kernels, (k) => k.flops) / 1e9)} GFLOP computed, ${three(sum(kernels, (k) => k.bytes) / 1e9)} GB read and written, ${three(sum(halves, (k) => k.bytes) / 1e9)} GB with activations in halves`,
]);
printKernels(kernels, halves);
printTiles(kernels);
printDevices(kernels, halves);
