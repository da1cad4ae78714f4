// --device, --threads, --amp and --search, the same for every command that computes.
import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import type { Backend } from '../backends/backend.ts';
import { type BackendOptions, type DeviceName, openNodeBackend } from '../backends/nodeBackend.ts';
import { usageError } from '../errors.ts';

export interface DeviceOptions extends BackendOptions {
  /** auto where the config allows a GPU, else cpu. */
  readonly device?: string;
  /** The network is asked for in 8 bits, which the CPU alone computes. */
  readonly int8?: boolean;
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
    )
    .option(
      '--gpu-matrices',
      'multiply on the matrix units of a GPU, where Dawn offers them: an experiment, see docs/gpu.md',
    );
}

const isDeviceName = (name: string): name is DeviceName => /^(cpu|gpu|auto)$/.test(name);

const note = (text: string) => void process.stderr.write(`note: ${text}\n`);

/**
 * The backend that the options ask for.
 * @param useGpu what the config says, for runs without --device
 */
export async function openBackend(options: DeviceOptions, useGpu = true): Promise<Backend> {
  const { device = useGpu ? 'auto' : 'cpu', int8 = false } = options;
  if (!isDeviceName(device))
    throw usageError(`--device: expected auto, cpu or gpu, got '${device}'.`);
  if (int8 && device === 'gpu')
    throw usageError('--int8: 8 bits are computed on the CPU only. Use --device cpu.');
  if (int8) return openNodeBackend('cpu', options, note);
  return openNodeBackend(device, options, note, options.device === 'auto');
}
