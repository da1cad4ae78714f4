// Which HRNets there are, as data: the rows of the table, and every convolution + batch norm unit
// of a row in canonical order under its official PyTorch name (spec 1.2, 1.5). The network itself
// is built in hrnet.ts; other naming schemes are in weights.ts.
import type { Size } from '../data/record.ts';
import { usageError } from '../errors.ts';

export interface HrnetConfig {
  /** Channels C of the finest branch; the branches have C, 2C, 4C, 8C channels. */
  readonly width: number;
  /** Bottlenecks in layer1. */
  readonly layer1Blocks: number;
  /** Modules of stages 2, 3 and 4, which have 2, 3 and 4 branches. */
  readonly modules: readonly [number, number, number];
  /** Basic blocks in a branch of a module. */
  readonly blocks: number;
  /** Heatmaps that the head makes. */
  readonly keypoints: number;
}

const variants = {
  hrnet: { layer1Blocks: 4, modules: [1, 4, 3], blocks: 4 },
  'hrnet-small': { layer1Blocks: 2, modules: [1, 1, 1], blocks: 2 },
} as const satisfies Record<string, Omit<HrnetConfig, 'width' | 'keypoints'>>;

export type HrnetVariant = keyof typeof variants;
export const hrnetVariants = Object.keys(variants) as HrnetVariant[];

/** The row of `variant` with the given width and number of keypoints. */
export function hrnetConfig(variant: HrnetVariant, width: number, keypoints: number): HrnetConfig {
  if (!Object.hasOwn(variants, variant)) {
    throw usageError(
      `hrnetConfig: unknown variant '${variant}'. Choose one of ${hrnetVariants.join(', ')}.`,
    );
  }
  for (const [what, value] of Object.entries({ width, keypoints })) {
    if (!Number.isInteger(value) || value < 1 || value > 4096) {
      throw usageError(
        `hrnetConfig: expected ${what} to be a whole number from 1 to 4096, got ${value}.`,
      );
    }
  }
  return { ...variants[variant], width, keypoints };
}

/** Convolution kernel × kernel without bias, padding (kernel − 1)/2 → batch norm → ReLU if `relu`. */
export interface Unit {
  /** Official name of the convolution: its weight is `${name}.weight`, [cout, cin, kernel, kernel]. */
  readonly name: string;
  /** Official name of the batch norm: `${bn}.weight`, `.bias`, `.running_mean`, `.running_var`, [cout]. */
  readonly bn: string;
  readonly cin: number;
  readonly cout: number;
  readonly kernel: 1 | 3;
  readonly stride: 1 | 2;
  /** ReLU directly after the batch norm; false where a sum comes first. */
  readonly relu: boolean;
  /** Input pixels to one pixel of the unit's output. */
  readonly outputStride: number;
}

const sequential = (name: string) => ({ name: `${name}.0`, bn: `${name}.1` });
const numbered = (block: string, m: number) => ({
  name: `${block}conv${m}`,
  bn: `${block}bn${m}`,
});

/** Channels of branch b, 0-based. */
export const branchWidth = (config: HrnetConfig, b: number) => config.width * 2 ** b;
const branchStride = (b: number) => 4 * 2 ** b;

/** All units in canonical order (registration order of the official network); the head is apart. */
export function hrnetUnits(config: HrnetConfig): Unit[] {
  const units = [...stemUnits(), ...layer1Units(config)];
  for (const stage of [2, 3, 4] as const) {
    units.push(...transitionUnits(config, stage), ...stageUnits(config, stage));
  }
  return units;
}

function stemUnits(): Unit[] {
  const common = { cout: 64, kernel: 3, stride: 2, relu: true } as const;
  return [
    { ...numbered('', 1), cin: 3, ...common, outputStride: 2 },
    { ...numbered('', 2), cin: 64, ...common, outputStride: 4 },
  ];
}

function layer1Units({ layer1Blocks }: HrnetConfig): Unit[] {
  const common = { stride: 1, outputStride: 4 } as const;
  return Array.from({ length: layer1Blocks }, (_, i) => {
    const block = `layer1.${i}.`;
    const cin = i === 0 ? 64 : 256;
    const units: Unit[] = [
      { ...numbered(block, 1), cin, cout: 64, kernel: 1, relu: true, ...common },
      { ...numbered(block, 2), cin: 64, cout: 64, kernel: 3, relu: true, ...common },
      { ...numbered(block, 3), cin: 64, cout: 256, kernel: 1, relu: false, ...common },
    ];
    if (i === 0) {
      const shortcut = sequential(`${block}downsample`);
      units.push({ ...shortcut, cin, cout: 256, kernel: 1, relu: false, ...common });
    }
    return units;
  }).flat();
}

/** What makes the new branch before `stage`; transition 1 also narrows the finest branch. */
function transitionUnits(config: HrnetConfig, stage: 2 | 3 | 4): Unit[] {
  const name = `transition${stage - 1}`;
  const added = stage - 1;
  const widen: Unit = {
    ...sequential(`${name}.${added}.0`),
    cin: stage === 2 ? 256 : branchWidth(config, added - 1),
    cout: branchWidth(config, added),
    kernel: 3,
    stride: 2,
    relu: true,
    outputStride: branchStride(added),
  };
  if (stage !== 2) return [widen];
  const narrow = sequential(`${name}.0`);
  return [{ ...widen, ...narrow, cout: config.width, stride: 1, outputStride: 4 }, widen];
}

function stageUnits(config: HrnetConfig, stage: 2 | 3 | 4): Unit[] {
  const modules = config.modules[stage - 2];
  return Array.from({ length: modules }, (_, m) => {
    const module = `stage${stage}.${m}.`;
    const outputs = moduleOutputs(config, stage, m);
    return [
      ...branchUnits(config, module, stage),
      ...Array.from({ length: outputs }, (_, i) => fuseUnits(config, module, stage, i)).flat(),
    ];
  }).flat();
}

/** Branches that module m (0-based) of a stage hands on: only the finest at the very end. */
export const moduleOutputs = (config: HrnetConfig, stage: 2 | 3 | 4, m: number) =>
  stage === 4 && m === config.modules[2] - 1 ? 1 : stage;

function branchUnits(config: HrnetConfig, module: string, branches: number): Unit[] {
  const units: Unit[] = [];
  for (let b = 0; b < branches; b++) {
    const c = branchWidth(config, b);
    const common = {
      cin: c,
      cout: c,
      kernel: 3,
      stride: 1,
      outputStride: branchStride(b),
    } as const;
    for (let k = 0; k < config.blocks; k++) {
      const block = `${module}branches.${b}.${k}.`;
      units.push({ ...numbered(block, 1), ...common, relu: true });
      units.push({ ...numbered(block, 2), ...common, relu: false });
    }
  }
  return units;
}

/**
 * Fusion into output i from every branch j ≠ i: one 1×1 unit at branch j's resolution from a coarser
 * branch, i − j units of stride 2 from a finer one.
 */
function fuseUnits(config: HrnetConfig, module: string, branches: number, i: number): Unit[] {
  const units: Unit[] = [];
  for (let j = 0; j < branches; j++) {
    const from = `${module}fuse_layers.${i}.${j}`;
    const cin = branchWidth(config, j);
    const cout = branchWidth(config, i);
    if (j > i) {
      const common = { kernel: 1, stride: 1, relu: false, outputStride: branchStride(j) } as const;
      units.push({ ...sequential(from), cin, cout, ...common });
    }
    for (let k = 0; k < i - j; k++) {
      const last = k === i - j - 1;
      units.push({
        ...sequential(`${from}.${k}`),
        cin,
        cout: last ? cout : cin,
        kernel: 3,
        stride: 2,
        relu: !last,
        outputStride: branchStride(j + k + 1),
      });
    }
  }
  return units;
}

/** The 1×1 convolution with bias at the end: `final_layer.weight`, `final_layer.bias`. */
export const headName = 'final_layer';

/** Official name → shape of all parameters and running statistics, in canonical order. */
export function hrnetState(config: HrnetConfig): Map<string, readonly number[]> {
  const state = new Map<string, readonly number[]>();
  for (const { name, bn, cin, cout, kernel } of hrnetUnits(config)) {
    state.set(`${name}.weight`, [cout, cin, kernel, kernel]);
    for (const leaf of ['weight', 'bias', 'running_mean', 'running_var']) {
      state.set(`${bn}.${leaf}`, [cout]);
    }
  }
  state.set(`${headName}.weight`, [config.keypoints, config.width, 1, 1]);
  state.set(`${headName}.bias`, [config.keypoints]);
  return state;
}

/** Whether a state name belongs to a running statistic, which no optimizer touches. */
export const isRunningStatistic = (name: string) => /\.running_(mean|var)$/.test(name);

/** Multiply-adds of all convolutions for one picture. Sides must be multiples of 32. */
export function macs(config: HrnetConfig, { width, height }: Size): number {
  const pixels = (stride: number) => (width / stride) * (height / stride);
  return hrnetUnits(config).reduce(
    (sum, u) => sum + u.cin * u.cout * u.kernel ** 2 * pixels(u.outputStride),
    config.keypoints * config.width * pixels(4),
  );
}
