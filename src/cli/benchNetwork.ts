// hrpose bench train, infer and kernels: measures the network on a device, beside what the device can do.
import type { Backend, Peak } from '../backends/backend.ts';
import type { ProductType } from '../backends/onednn/peak.ts';
import type { Size } from '../data/record.ts';
import { rounded } from '../format.ts';
import { hrnetConfig } from '../models/hrnetConfigs.ts';
import { createProgress } from '../progress.ts';
import { type Measurement, measureInference, measureTraining } from '../train/measure.ts';
import type { RecomputeMode } from '../train/memoryPlan.ts';
import { kernelJson, kernelLines, kernelReport } from './benchKernels.ts';
import { type DeviceOptions, openBackend } from './device.ts';

export interface NetworkFlags extends DeviceOptions {
  readonly size: Size;
  readonly batch: number;
  readonly steps?: number;
  readonly width: number;
  readonly variant: 'hrnet' | 'hrnet-small';
  readonly recompute?: RecomputeMode;
  readonly int8?: boolean;
  readonly json?: boolean;
}

/** What a measurement was made on. */
interface Place {
  readonly device: 'cpu' | 'gpu';
  /** The GPU's name. */
  readonly adapter?: string;
  readonly dtype: string;
  readonly peak: Peak;
}

type Text = (measured: Measurement, place: Place, flags: NetworkFlags) => string;

/** Opens the device, measures what the network does on it and what it can do; `text` says it. */
export async function benchNetwork(
  job: 'train' | 'infer',
  flags: NetworkFlags,
  steps: number | undefined,
  text: Text,
): Promise<string> {
  const { size: inputSize, batch, recompute = 'off', int8 = false } = flags;
  const config = hrnetConfig(flags.variant, flags.width, 17);
  const backend = await openBackend(flags);
  const progress = createProgress({ label: job, total: 0, unit: 'steps', stream: process.stderr });
  try {
    const measure = job === 'train' ? measureTraining : measureInference;
    const onStep = (done: number) => progress.update(done);
    const options = { config, inputSize, batch, steps, recompute, int8, onStep };
    const measured = await measure(backend, options);
    progress.end();
    // Afterwards, as it takes memory.
    const place = await placeOf(backend, flags, job === 'infer' && int8);
    return text(measured, place, flags);
  } finally {
    backend.close();
  }
}

async function placeOf(backend: Backend, flags: NetworkFlags, int8: boolean): Promise<Place> {
  const { device: adapter, activationBytes } = backend;
  const float = activationBytes === 4 ? 'fp32' : flags.amp;
  const dtype = int8 ? 'int8' : float;
  if (backend.measurePeak) {
    const peak = await backend.measurePeak();
    return { device: 'gpu', ...(adapter && { adapter }), dtype, peak };
  }
  // Loads oneDNN.
  const { measurePeak } = await import('../backends/onednn/peak.ts');
  const of = `a matrix product 4096×1024×1024 in ${dtype} (Winograd does with fewer operations than are counted)`;
  const gflops = measurePeak(dtype as ProductType, flags.threads);
  return { device: 'cpu', dtype, peak: { gflops, of } };
}

export const networkText: Text = (measured, { device, adapter, dtype, peak }, flags) => {
  const { width, height } = flags.size;
  const { job, imagesPerSecond, stepMilliseconds, firstStepMilliseconds, gigaflops } = measured;
  const { peakRssMb, programMb, prepareSeconds } = measured;
  const report = kernelReport(measured, peak, dtype);
  if (flags.json) {
    return JSON.stringify({
      job,
      device,
      ...(device === 'gpu' ? { adapter } : { threads: flags.threads, search: flags.search }),
      network: `${flags.variant} w${flags.width}`,
      size: `${height}x${width}`,
      batch: flags.batch,
      images_per_second: rounded(imagesPerSecond, 3),
      step_ms: stepMilliseconds.map((ms) => rounded(ms, 1)),
      first_step_ms: rounded(firstStepMilliseconds, 1),
      gflops: rounded(gigaflops, 2),
      of_peak: rounded(gigaflops / peak.gflops, 4),
      peak_rss_mb: rounded(peakRssMb, 0),
      program_mb: rounded(programMb, 0),
      prepare_seconds: rounded(prepareSeconds, 1),
      ...kernelJson(report),
    });
  }
  const steps = stepMilliseconds.map((ms) => ms.toFixed(0)).join(', ');
  const where = device === 'gpu' ? `on ${adapter}` : `${flags.threads} threads`;
  return [
    `${job}: HRNet-W${flags.width} (${flags.variant}) at ${height}x${width}, batch ${flags.batch}, ${dtype}, ${where}`,
    `  ${imagesPerSecond.toFixed(2)} images/s (median of ${stepMilliseconds.length} steps: ${steps} ms; the first took ${firstStepMilliseconds.toFixed(0)} ms)`,
    `  ${gigaflops.toPrecision(3)} GFLOP/s in the convolutions' arithmetic, ${((100 * gigaflops) / peak.gflops).toFixed(1)} % of the peak`,
    `  ${peakRssMb.toFixed(0)} MB at most in memory, ${programMb.toFixed(0)} MB of it activations; ready after ${prepareSeconds.toFixed(1)} s`,
    '',
    ...kernelLines(report),
  ].join('\n');
};

/** The step that was timed kernel by kernel, alone. */
export const kernelsText: Text = (measured, { device, adapter, dtype, peak }, flags) => {
  const report = kernelReport(measured, peak, dtype);
  if (!flags.json) return kernelLines(report).join('\n');
  const { batch, threads } = flags;
  const where = device === 'gpu' ? { device, adapter } : { device, threads };
  return JSON.stringify({ job: measured.job, ...where, batch, ...kernelJson(report) });
};
