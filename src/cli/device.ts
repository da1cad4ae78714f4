// --device and --threads, the same for every command that computes.
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import type { Backend } from '../backends/backend.ts';
import { usageError } from '../errors.ts';

export interface DeviceOptions {
  readonly device: string;
  readonly threads: number;
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
    );
}

/** The backend that the options ask for. Its library is loaded here and not before. */
export async function openBackend({ device, threads }: DeviceOptions): Promise<Backend> {
  if (device !== 'cpu') {
    throw usageError(
      `--device: expected cpu, got '${device}'. Other devices are not supported yet.`,
    );
  }
  const { createDnnlBackend } = await import('../backends/onednn/index.ts');
  return createDnnlBackend({ threads });
}
