// --device, --threads, --amp and --search, the same for every command that computes.
import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import type { Backend } from '../backends/backend.ts';
import type { SearchMode } from '../backends/onednn/index.ts';
import type { LoweringOptions } from '../backends/webgpu/lower.ts';
import { HrposeError, usageError } from '../errors.ts';

/** Type of activations: bf16 is for CPUs, f16 for GPUs. */
export type Amp = 'fp32' | 'bf16' | 'f16';

export interface DeviceOptions {
  /** auto where the config allows a GPU, else cpu. */
  readonly device?: string;
  readonly threads: number;
  readonly amp: Amp;
  readonly search: SearchMode;
  /** MiB of the GPU's memory that may be taken. */
  readonly gpuMb?: number;
}

/** A whole number in a range, for an option; a usage error names the option. */
export const wholeNumber =
  (option: string, least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw usageError(
      `${option}: expected a whole number from ${least}${most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : ' up'}, got '${text}'.`,
    );
  };

export function addDeviceOptions(command: Command): Command {
  return command
    .option(
      '--device <name>',
      'where to compute: cpu, gpu (WebGPU), auto (the GPU if there is one; default unless the config says use_gpu: false)',
    )
    .option(
      '--threads <n>',
      'threads of the network on the CPU',
      wholeNumber('--threads', 1, 1024),
      availableParallelism(),
    )
    .addOption(
      new Option(
        '--amp [type]',
        'activations in half the bytes, bf16 on CPUs that have it (and where the type is left out), f16 on GPUs; parameters, statistics and loss stay float32',
      )
        .choices(['fp32', 'bf16', 'f16'])
        .preset('bf16')
        .default('fp32'),
    )
    .addOption(
      new Option(
        '--search <mode>',
        'algorithms of convolutions on the CPU: cached measures each shape once and remembers, full measures again, off takes direct ones',
      )
        .choices(['off', 'cached', 'full'])
        .default('cached'),
    );
}

/**
 * The backend that the options ask for. Its library is loaded here and not before.
 * @param useGpu what the config says, for runs without --device
 */
export async function openBackend(options: DeviceOptions, useGpu = true): Promise<Backend> {
  const { device = useGpu ? 'auto' : 'cpu' } = options;
  switch (device) {
    case 'cpu':
      return openCpu(options);
    case 'gpu':
      return openGpu(options);
    case 'auto':
      return openBest(options);
    default:
      throw usageError(`--device: expected auto, cpu or gpu, got '${device}'.`);
  }
}

const note = (text: string) => void process.stderr.write(`note: ${text}\n`);

async function openCpu({ threads, amp, search }: DeviceOptions): Promise<Backend> {
  const { createDnnlBackend, fastBfloat16 } = await import('../backends/onednn/index.ts');
  if (amp === 'f16')
    note('--amp f16: the CPU computes in float32; its half precision is --amp bf16.');
  const precision = amp === 'bf16' && fastBfloat16() ? 'bf16' : 'fp32';
  if (amp === 'bf16' && precision === 'fp32') {
    note(
      '--amp bf16: this CPU has no bfloat16 instructions (AVX512_BF16, AMX); computing in float32.',
    );
  }
  return createDnnlBackend({ threads, search, precision });
}

/** Any adapter, hardware before software; an environment error where there is none. */
async function openGpu({ amp, search, gpuMb }: DeviceOptions, hardware = false): Promise<Backend> {
  const { openNodeGpu } = await import('../backends/webgpu/nodeDevice.ts');
  const { createGpuBackend } = await import('../backends/webgpu/index.ts');
  const gpu = await openNodeGpu({ hardware });
  const { name, software } = gpu.adapter;
  note(
    software
      ? `computing on ${name}, which emulates a GPU on the CPU: --device cpu is faster.`
      : `computing on ${name}.`,
  );
  if (amp === 'bf16')
    note('--amp bf16: the GPU computes in float32; its half precision is --amp f16.');
  // Where hardware was lost an emulation of it would be no help.
  const reopen = () => openNodeGpu({ hardware: !software });
  return createGpuBackend(gpu, {
    reopen,
    activations: amp === 'f16' ? 'f16' : 'f32',
    ...(gpuMb !== undefined && { memoryBytes: gpuMb * 2 ** 20 }),
    ...(search !== 'off' && (await measuredTiles(name))),
  });
}

/** Convolutions cut as 'npm run bench:gpu-conv -- --save' found best on this adapter. */
async function measuredTiles(adapter: string): Promise<LoweringOptions> {
  const [{ readTiles }, { chooseTile }] = await Promise.all([
    import('../backends/webgpu/nodeTiles.ts'),
    import('../backends/webgpu/tileSearch.ts'),
  ]);
  const measured = readTiles(adapter);
  return { chooseTile: (kind, dims, features) => chooseTile(kind, dims, features, measured) };
}

/** A GPU in hardware if there is one, else the CPU; says which where it was asked for. */
async function openBest(options: DeviceOptions): Promise<Backend> {
  const { hasGpuHardware } = await import('../backends/webgpu/nodeDevice.ts');
  const say = options.device === 'auto' ? note : () => {};
  if (!hasGpuHardware()) {
    say('computing on the CPU: this machine has no GPU.');
    return openCpu(options);
  }
  try {
    return await openGpu(options, true);
  } catch (error) {
    if (!(error instanceof HrposeError)) throw error;
    say(`computing on the CPU (${error.message})`);
    return openCpu(options);
  }
}
