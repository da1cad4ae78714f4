// Where a step's time goes, kernel class by kernel class, beside what the device can do: the table that
// hrpose bench prints, and the same as JSON.
import type { Peak } from '../backends/backend.ts';
import { rounded } from '../format.ts';
import {
  byKernel,
  type KernelClass,
  type Measurement,
  ratioToConvolutions,
} from '../train/measure.ts';

export interface KernelReport {
  readonly dtype: string;
  readonly peak: Peak;
  /** Whole step over the sum of its convolutions. */
  readonly ratio: number;
  /** Of the step that was timed kernel by kernel: ms, kernels, operations, bytes read and written. */
  readonly step: Omit<KernelClass, 'kind' | 'implementation'>;
  readonly classes: readonly (KernelClass & {
    readonly gflops: number;
    readonly gigabytes: number;
  })[];
}

export function kernelReport({ profile }: Measurement, peak: Peak, dtype: string): KernelReport {
  const classes = byKernel(profile);
  const total = (of: 'milliseconds' | 'count' | 'flops' | 'bytes') =>
    classes.reduce((sum, row) => sum + row[of], 0);
  return {
    dtype,
    peak,
    ratio: ratioToConvolutions(profile),
    step: {
      milliseconds: total('milliseconds'),
      count: total('count'),
      flops: total('flops'),
      bytes: total('bytes'),
    },
    classes: classes.map((row) => ({
      ...row,
      gflops: row.flops / row.milliseconds / 1e6,
      gigabytes: row.bytes / row.milliseconds / 1e6,
    })),
  };
}

export function kernelJson({ dtype, peak, ratio, step, classes }: KernelReport) {
  const { gflops: most, gigabytesPerSecond: copied } = peak;
  return {
    dtype,
    peak_of: peak.of,
    peak_gflops: rounded(most, 1),
    ...(copied !== undefined && { copy_gb_per_second: rounded(copied, 1) }),
    profiled_step: {
      milliseconds: rounded(step.milliseconds, 1),
      kernels: step.count,
      gflop: rounded(step.flops / 1e9, 3),
      mb: rounded(step.bytes / 1e6, 1),
    },
    step_to_convolutions: rounded(ratio, 3),
    kernels: classes.map(({ kind, implementation, count, milliseconds, bytes, ...rates }) => ({
      kind,
      implementation,
      count,
      milliseconds: rounded(milliseconds, 2),
      gflops: rounded(rates.gflops, 2),
      of_peak: rounded(rates.gflops / most, 4),
      mb: rounded(bytes / 1e6, 1),
      gb_per_second: rounded(rates.gigabytes, 2),
      ...(copied !== undefined && { of_copy: rounded(rates.gigabytes / copied, 4) }),
    })),
  };
}

export function kernelLines({ peak, ratio, step, classes }: KernelReport): string[] {
  const { gigabytesPerSecond: copied } = peak;
  const share = (part: number, most: number) => `${((100 * part) / most).toFixed(0)} %`;
  const header = `       ms      % count  GFLOP/s  of peak       MB   GB/s${copied === undefined ? '' : '  of copy'}  kernel`;
  const rows = classes.map(
    ({ kind, implementation, count, milliseconds, bytes, flops, ...rates }) =>
      [
        milliseconds.toFixed(1).padStart(9),
        ((100 * milliseconds) / step.milliseconds).toFixed(1).padStart(7),
        String(count).padStart(6),
        (flops > 0 ? rate(rates.gflops) : '').padStart(9),
        (flops > 0 ? share(rates.gflops, peak.gflops) : '').padStart(9),
        (bytes / 1e6).toFixed(0).padStart(9),
        rate(rates.gigabytes).padStart(7),
        copied === undefined ? '' : share(rates.gigabytes, copied).padStart(9),
        `  ${kind === implementation ? kind : `${kind} (${implementation})`}`,
      ].join(''),
  );
  const copy = copied === undefined ? '' : `; ${rate(copied)} GB/s, by a copy`;
  return [
    `Peak here: ${rate(peak.gflops)} GFLOP/s, by ${peak.of}${copy}`,
    `One step with every kernel timed: ${step.milliseconds.toFixed(0)} ms, ${ratio.toFixed(3)} times the sum of its convolutions; ${step.count} kernels, ${(step.flops / 1e9).toFixed(1)} GFLOP, ${(step.bytes / 1e6).toFixed(0)} MB read and written`,
    '',
    header,
    ...rows,
  ];
}

/** Three digits, but no fractions of hundreds nor of hundredths. */
const rate = (value: number): string => {
  if (value >= 99.95) return value.toFixed(0);
  return value.toFixed(value < 9.995 ? 2 : 1);
};
