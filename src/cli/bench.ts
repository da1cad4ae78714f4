// hrpose bench: how fast this machine trains, infers and loads.
import { Command, Option } from 'commander';
import { type CachePlace, cachePlaces } from '../data/cachePlaces.ts';
import type { Size } from '../data/record.ts';
import { usageError } from '../errors.ts';
import type { Measurement } from '../train/measure.ts';
import type { RecomputeMode } from '../train/memoryPlan.ts';
import type { CocoevalFlags } from './benchCocoeval.ts';
import { addDeviceOptions, type DeviceOptions, openBackend, wholeNumber } from './device.ts';
import { recomputeOption } from './recomputeOption.ts';

interface NetworkFlags extends DeviceOptions {
  readonly size: Size;
  readonly batch: number;
  readonly steps: number;
  readonly width: number;
  readonly variant: 'hrnet' | 'hrnet-small';
  readonly recompute?: RecomputeMode;
  readonly int8?: boolean;
  readonly json?: boolean;
}

/** 384x288 is height × width, as in the names of config files. */
function parseSize(text: string): Size {
  const match = /^(\d{2,5})x(\d{2,5})$/.exec(text);
  const [height, width] = [Number(match?.[1]), Number(match?.[2])];
  if (match && height % 32 === 0 && width % 32 === 0) return { width, height };
  throw usageError(
    `--size: expected HEIGHTxWIDTH in multiples of 32, such as 384x288, got '${text}'.`,
  );
}

function networkCommand(job: 'train' | 'infer', description: string): Command {
  const command = new Command(job)
    .description(description)
    .option('--size <HxW>', 'input, height x width', parseSize, { width: 288, height: 384 })
    .option('--batch <n>', 'pictures a step', wholeNumber('--batch', 1, 4096), 4)
    .option('--steps <n>', 'timed steps, after two that are not', wholeNumber('--steps', 1), 5)
    .option('--width <c>', 'width of HRNet: 32, 48, 18, ...', wholeNumber('--width', 1, 512), 32)
    .option('--variant <name>', 'hrnet or hrnet-small', 'hrnet');
  if (job === 'train') {
    command.addOption(recomputeOption('off'));
  } else {
    command.option('--int8', 'in 8 bits, calibrated on the pictures of the measurement');
  }
  return addDeviceOptions(command).action(async (_, cmd: Command) => {
    const flags = cmd.optsWithGlobals<NetworkFlags>();
    const [{ measureTraining, measureInference }, { hrnetConfig }] = await Promise.all([
      import('../train/measure.ts'),
      import('../models/hrnetConfigs.ts'),
    ]);
    const config = hrnetConfig(flags.variant, flags.width, 17);
    const backend = await openBackend(flags);
    try {
      const measure = job === 'train' ? measureTraining : measureInference;
      const { size: inputSize, batch, steps, recompute = 'off', int8 = false } = flags;
      await print(
        await measure(backend, { config, inputSize, batch, steps, recompute, int8 }),
        flags,
      );
    } finally {
      backend.close();
    }
  });
}

const round = (value: number, digits = 2) => Number(value.toFixed(digits));

async function print(measured: Measurement, flags: NetworkFlags): Promise<void> {
  const { byKernel } = await import('../train/measure.ts');
  const { width, height } = flags.size;
  const kernels = byKernel(measured.profile);
  if (flags.json) {
    const record = {
      job: measured.job,
      device: flags.device,
      threads: flags.threads,
      network: `${flags.variant} w${flags.width}`,
      size: `${height}x${width}`,
      batch: flags.batch,
      dtype: flags.int8 ? 'int8' : flags.amp,
      search: flags.search,
      images_per_second: round(measured.imagesPerSecond, 3),
      step_ms: measured.stepMilliseconds.map((ms) => round(ms, 1)),
      gflops: round(measured.gigaflops, 1),
      peak_rss_mb: round(measured.peakRssMb, 0),
      program_mb: round(measured.programMb, 0),
      prepare_seconds: round(measured.prepareSeconds, 1),
      kernels: kernels.map((k) => ({ ...k, milliseconds: round(k.milliseconds) })),
    };
    process.stdout.write(`${JSON.stringify(record)}\n`);
    return;
  }
  const total = kernels.reduce((sum, k) => sum + k.milliseconds, 0);
  const rows = kernels.map(
    ({ kind, implementation, count, milliseconds }) =>
      `${milliseconds.toFixed(1).padStart(9)} ms ${((100 * milliseconds) / total).toFixed(1).padStart(5)} % ${String(count).padStart(6)}  ${kind} (${implementation})`,
  );
  const lines = [
    `${measured.job}: HRNet-W${flags.width} (${flags.variant}) at ${height}x${width}, batch ${flags.batch}, ${flags.int8 ? 'int8' : flags.amp}, ${flags.threads} threads`,
    `  ${measured.imagesPerSecond.toFixed(2)} images/s (median of ${measured.stepMilliseconds.length} steps: ${measured.stepMilliseconds.map((ms) => ms.toFixed(0)).join(', ')} ms)`,
    `  ${measured.gigaflops.toFixed(0)} GFLOP/s in the convolutions' arithmetic`,
    `  ${measured.peakRssMb.toFixed(0)} MB at most in memory, ${measured.programMb.toFixed(0)} MB of it activations; ready after ${measured.prepareSeconds.toFixed(1)} s`,
    '',
    'One more step, kernel by kernel',
    ...rows,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function kernelsCommand(): Command {
  const command = new Command('kernels')
    .description(
      'Runs one step with every kernel timed: time, operations, bytes and share of the peak of each kernel class.',
    )
    .option('--job <name>', 'train or infer', 'train')
    .option('--size <HxW>', 'input, height x width', parseSize, { width: 288, height: 384 })
    .option('--batch <n>', 'pictures a step', wholeNumber('--batch', 1, 4096), 4)
    .option('--width <c>', 'width of HRNet: 32, 48, 18, ...', wholeNumber('--width', 1, 512), 32)
    .option('--variant <name>', 'hrnet or hrnet-small', 'hrnet')
    .addOption(recomputeOption('off'))
    .option('--int8', 'inference: in 8 bits');
  return addDeviceOptions(command).action(async (_, cmd: Command) => {
    const flags = cmd.optsWithGlobals<NetworkFlags & { job: string }>();
    if (flags.job !== 'train' && flags.job !== 'infer')
      throw usageError(`--job: expected train or infer, got '${flags.job}'.`);
    const [measure, { hrnetConfig }, { measurePeak }, report] = await Promise.all([
      import('../train/measure.ts'),
      import('../models/hrnetConfigs.ts'),
      import('../backends/onednn/peak.ts'),
      import('./benchKernels.ts'),
    ]);
    const { size: inputSize, batch, recompute = 'off', int8 = false, threads } = flags;
    // Halves are multiplied as floats.
    const amp = flags.amp === 'f16' ? 'fp32' : flags.amp;
    const dtype = int8 && flags.job === 'infer' ? 'int8' : amp;
    const peak = measurePeak(dtype, threads);
    const backend = await openBackend(flags);
    try {
      const run = flags.job === 'train' ? measure.measureTraining : measure.measureInference;
      const config = hrnetConfig(flags.variant, flags.width, 17);
      const measured = await run(backend, { config, inputSize, batch, steps: 3, recompute, int8 });
      const { profile } = measured;
      const ratio = measure.ratioToConvolutions(profile);
      const made = report.kernelReport(measured, measure.byKernel(profile), ratio, peak, dtype);
      const text = flags.json
        ? JSON.stringify({ job: flags.job, batch, threads, ...report.kernelJson(made) })
        : report.kernelLines(made).join('\n');
      process.stdout.write(`${text}\n`);
    } finally {
      backend.close();
    }
  });
}

function cocoevalCommand(): Command {
  return new Command('cocoeval')
    .description(
      'Times the COCO keypoint evaluation (evaluate, accumulate, summarize) on random people, or on given files.',
    )
    .option(
      '--images <n>',
      'pictures, with two people each on average',
      wholeNumber('--images', 1),
      5000,
    )
    .option('--seed <n>', 'of the random people', wholeNumber('--seed', 0), 0)
    .option('--gt <file>', 'ground truth to use instead (COCO JSON), with --dt')
    .option('--dt <file>', 'results to use instead')
    .option('--rounds <n>', 'how often', wholeNumber('--rounds', 1), 7)
    .action(async (_, cmd: Command) => {
      const flags = cmd.optsWithGlobals<CocoevalFlags>();
      if ((flags.gt === undefined) !== (flags.dt === undefined))
        throw usageError('bench cocoeval: --gt and --dt go together.');
      const { benchCocoeval } = await import('./benchCocoeval.ts');
      process.stdout.write(`${await benchCocoeval(flags)}\n`);
    });
}

function loaderCommand(): Command {
  return new Command('loader')
    .description(
      'Times the loader: decode, augment and warp 640x480 JPEGs, which it makes in a temporary folder.',
    )
    .option('--size <HxW>', 'crops, height x width', parseSize, { width: 288, height: 384 })
    .option('--workers <n>', 'worker threads', wholeNumber('--workers', 0, 256), 1)
    .addOption(
      new Option(
        '--cache <place>',
        'time an epoch that finds kept what it reads, as later ones of hrpose train --cache do',
      ).choices(cachePlaces),
    )
    .option('--seconds <s>', 'how long to measure', wholeNumber('--seconds', 1), 5)
    .action(async (_, cmd: Command) => {
      const flags = cmd.optsWithGlobals<{
        size: Size;
        cache?: CachePlace;
        workers: number;
        seconds: number;
        json?: boolean;
      }>();
      const { benchLoader } = await import('../data/benchLoader.ts');
      await benchLoader({ ...flags, json: flags.json === true });
    });
}

export function command(): Command {
  return new Command('bench')
    .summary('measure speed')
    .description(
      'Measures speed on this machine. Nothing else should run meanwhile: two programs on the same cores slow each other many times over.',
    )
    .addCommand(networkCommand('train', 'Times training steps (gradients and update).'))
    .addCommand(networkCommand('infer', 'Times forward passes, pictures to heatmaps.'))
    .addCommand(kernelsCommand())
    .addCommand(loaderCommand())
    .addCommand(cocoevalCommand())
    .addHelpText(
      'after',
      `
Examples
  hrpose bench train --size 384x288 --batch 4 --steps 5
  hrpose bench infer --batch 1 --threads 1 --json
  hrpose bench infer --int8 --batch 4
  hrpose bench kernels --job train --amp bf16
  hrpose bench loader --workers 2
  hrpose bench cocoeval --images 5000`,
    );
}
