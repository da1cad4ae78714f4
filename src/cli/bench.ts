// hrpose bench: how fast this machine trains, infers and loads.
import { Command, Option } from 'commander';
import { type CachePlace, cachePlaces } from '../data/cachePlaces.ts';
import type { Size } from '../data/record.ts';
import { usageError } from '../errors.ts';
import type { CocoevalFlags } from './benchCocoeval.ts';
import type { NetworkFlags } from './benchNetwork.ts';
import { addDeviceOptions, wholeNumber } from './device.ts';
import { recomputeOption } from './recomputeOption.ts';

/** 384x288 is height × width, as in the names of config files. */
function parseSize(text: string): Size {
  const match = /^(\d{2,5})x(\d{2,5})$/.exec(text);
  const [height, width] = [Number(match?.[1]), Number(match?.[2])];
  if (match && height % 32 === 0 && width % 32 === 0) return { width, height };
  throw usageError(
    `--size: expected HEIGHTxWIDTH in multiples of 32, such as 384x288, got '${text}'.`,
  );
}

const sizeOption = (what: string) =>
  new Option('--size <HxW>', what)
    .argParser(parseSize)
    .default({ width: 288, height: 384 }, '384x288');

function networkCommand(job: 'train' | 'infer', description: string): Command {
  const command = new Command(job)
    .description(description)
    .addOption(sizeOption('input, height x width'))
    .option('--batch <n>', 'pictures a step', wholeNumber('--batch', 1, 4096), 4)
    .option(
      '--steps <n>',
      'timed steps, after one or two that are not (default 5; fewer, but 2, where a minute has no room for so many)',
      wholeNumber('--steps', 1),
    )
    .option('--width <c>', 'width of HRNet: 32, 48, 18, ...', wholeNumber('--width', 1, 512), 32)
    .option('--variant <name>', 'hrnet or hrnet-small', 'hrnet');
  if (job === 'train') {
    command.addOption(recomputeOption('off'));
  } else {
    command.option('--int8', 'in 8 bits, calibrated on the pictures of the measurement');
  }
  return addDeviceOptions(command).action(async (_, cmd: Command) => {
    const flags = cmd.optsWithGlobals<NetworkFlags>();
    const { benchNetwork, networkText } = await import('./benchNetwork.ts');
    process.stdout.write(`${await benchNetwork(job, flags, flags.steps, networkText)}\n`);
  });
}

function kernelsCommand(): Command {
  const command = new Command('kernels')
    .description(
      'Runs one step with every kernel timed: time, operations, bytes and share of the peak of each kernel class.',
    )
    .option('--job <name>', 'train or infer', 'train')
    .addOption(sizeOption('input, height x width'))
    .option('--batch <n>', 'pictures a step', wholeNumber('--batch', 1, 4096), 4)
    .option('--width <c>', 'width of HRNet: 32, 48, 18, ...', wholeNumber('--width', 1, 512), 32)
    .option('--variant <name>', 'hrnet or hrnet-small', 'hrnet')
    .addOption(recomputeOption('off'))
    .option('--int8', 'inference: in 8 bits');
  return addDeviceOptions(command).action(async (_, cmd: Command) => {
    const flags = cmd.optsWithGlobals<NetworkFlags & { job: string }>();
    if (flags.job !== 'train' && flags.job !== 'infer')
      throw usageError(`--job: expected train or infer, got '${flags.job}'.`);
    if (flags.job === 'train' && flags.int8)
      throw usageError('--int8 is for inference. Give --job infer as well, or leave it out.');
    if (flags.job === 'infer' && cmd.getOptionValueSource('recompute') === 'cli')
      throw usageError('--recompute is for training. Leave it out with --job infer.');
    const { benchNetwork, kernelsText } = await import('./benchNetwork.ts');
    process.stdout.write(`${await benchNetwork(flags.job, flags, 3, kernelsText)}\n`);
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
    .addOption(sizeOption('crops, height x width'))
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
  hrpose bench train --device gpu --size 128x96 --batch 4
  hrpose bench kernels --job train --amp bf16
  hrpose bench loader --workers 2
  hrpose bench cocoeval --images 5000`,
    );
}
