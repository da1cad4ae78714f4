// --device, --threads, --amp and --search, the same for every command that computes.
import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import type { Backend } from '../backends/backend.ts';
import type { Precision, SearchMode } from '../backends/onednn/index.ts';
import { usageError } from '../errors.ts';

export interface DeviceOptions {
  readonly device: string;
  readonly threads: number;
  readonly amp: Precision;
  readonly search: SearchMode;
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
    .option('--device <name>', 'where to compute: cpu', 'cpu')
    .option(
      '--threads <n>',
      'threads of the network on the CPU',
      wholeNumber('--threads', 1, 1024),
      availableParallelism(),
    )
    .addOption(
      new Option(
        '--amp [type]',
        'activations and products in half the bytes (bf16 where the type is left out); parameters, statistics and loss stay float32',
      )
        .choices(['fp32', 'bf16'])
        .preset('bf16')
        .default('fp32'),
    )
    .addOption(
      new Option(
        '--search <mode>',
        'algorithms of convolutions: cached measures each shape once and remembers, full measures again, off takes direct ones',
      )
        .choices(['off', 'cached', 'full'])
        .default('cached'),
    );
}

/** The backend that the options ask for. Its library is loaded here and not before. */
export async function openBackend({
  device,
  threads,
  amp,
  search,
}: DeviceOptions): Promise<Backend> {
  if (device !== 'cpu') {
    throw usageError(
      `--device: expected cpu, got '${device}'. Other devices are not supported yet.`,
    );
  }
  const { createDnnlBackend, fastBfloat16 } = await import('../backends/onednn/index.ts');
  const precision = amp === 'bf16' && !fastBfloat16() ? 'fp32' : amp;
  if (precision !== amp) {
    process.stderr.write(
      'note: --amp bf16: this CPU has no bfloat16 instructions (AVX512_BF16, AMX); computing in float32.\n',
    );
  }
  return createDnnlBackend({ threads, search, precision });
}
