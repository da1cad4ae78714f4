// hrpose bench kernels: where a step's time goes, kernel class by kernel class, beside what the
// CPU can do.
import type { KernelClass, Measurement } from '../train/measure.ts';

export interface KernelReport {
  /** Of a big matrix product in the same element type; GFLOP/s. */
  readonly peak: number;
  readonly dtype: string;
  /** Whole step over the sum of its convolutions. */
  readonly ratio: number;
  readonly stepMilliseconds: number;
  readonly classes: readonly (KernelClass & { readonly gflops: number; readonly ofPeak: number })[];
}

export function kernelReport(
  measured: Measurement,
  classes: readonly KernelClass[],
  ratio: number,
  peak: number,
  dtype: string,
): KernelReport {
  return {
    peak,
    dtype,
    ratio,
    stepMilliseconds: measured.profile.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
    classes: classes.map((row) => {
      const gflops = row.flops / row.milliseconds / 1e6;
      return { ...row, gflops, ofPeak: gflops / peak };
    }),
  };
}

export function kernelJson({ peak, dtype, ratio, stepMilliseconds, classes }: KernelReport) {
  const round = (value: number, digits: number) => Number(value.toFixed(digits));
  return {
    dtype,
    peak_gflops: round(peak, 0),
    step_ms: round(stepMilliseconds, 1),
    step_to_convolutions: round(ratio, 3),
    kernels: classes.map(
      ({ kind, implementation, count, milliseconds, bytes, gflops, ofPeak }) => ({
        kind,
        implementation,
        count,
        milliseconds: round(milliseconds, 2),
        gflops: round(gflops, 1),
        of_peak: round(ofPeak, 3),
        mb: round(bytes / 1e6, 1),
        gb_per_second: round(bytes / milliseconds / 1e6, 1),
      }),
    ),
  };
}

export function kernelLines({ peak, dtype, ratio, stepMilliseconds, classes }: KernelReport) {
  const header = '       ms      % count  GFLOP/s  of peak       MB   GB/s  kernel';
  const rows = classes.map(
    ({ kind, implementation, count, milliseconds, bytes, flops, gflops, ofPeak }) =>
      [
        milliseconds.toFixed(1).padStart(9),
        ((100 * milliseconds) / stepMilliseconds).toFixed(1).padStart(7),
        String(count).padStart(6),
        (flops > 0 ? gflops.toFixed(0) : '').padStart(9),
        (flops > 0 ? `${(100 * ofPeak).toFixed(0)} %` : '').padStart(9),
        (bytes / 1e6).toFixed(0).padStart(9),
        (bytes / milliseconds / 1e6).toFixed(0).padStart(7),
        `  ${kind} (${implementation})`,
      ].join(''),
  );
  return [
    `A matrix product 4096×1024×1024 in ${dtype} reaches ${peak.toFixed(0)} GFLOP/s here (Winograd does with fewer operations than are counted).`,
    `Step: ${stepMilliseconds.toFixed(0)} ms with every kernel timed, ${ratio.toFixed(3)} times the sum of its convolutions`,
    '',
    header,
    ...rows,
  ];
}
