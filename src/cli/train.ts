// hrpose train: trains the network of a config file.
import { Command, Option } from 'commander';
import { type CachePlace, cachePlaces } from '../data/cachePlaces.ts';
import type { RecomputeMode } from '../train/memoryPlan.ts';
import { addDeviceOptions, type DeviceOptions, openBackend, wholeNumber } from './device.ts';
import { addConfigOptions, addPaddleFlags } from './paddleFlags.ts';
import { recomputeOption } from './recomputeOption.ts';

interface TrainFlags extends DeviceOptions {
  readonly config: string;
  readonly opt: string[];
  readonly eval: boolean;
  readonly resume?: string;
  readonly seed: number;
  readonly accumulate: number;
  readonly recompute: RecomputeMode;
  readonly saveMinutes: number;
  readonly skipBadImages: boolean;
  readonly cache?: CachePlace;
  readonly cacheMb?: number;
  readonly json?: boolean;
}

const examples = `
Files in <save_dir>/<name of the config>/
  checkpoints/step-N/        to go on from with -r: parameters, moments, counters
  best_model.safetensors     the weights with the best AP (with --eval)
  model_final.safetensors    the weights at the end
  metrics.jsonl, train.log   every logged step and evaluation

Ctrl-C finishes the step, saves a checkpoint and ends with exit code 130; a second one ends at once.

Examples
  hrpose train -c configs/keypoint/hrnet/hrnet_w32_384x288.yml --eval
  hrpose train -c CONFIG --eval -o TrainReader.batch_size=16 epoch=50 LearningRate.base_lr=0.00025
  hrpose train -c CONFIG --eval -r output/hrnet_w32_384x288`;

/** `--cache-mb` alone keeps in memory, and 0 of it nothing. */
function cacheOptions({ cache: place = 'ram', cacheMb, cache }: TrainFlags) {
  if (cacheMb === 0 || (cache === undefined && cacheMb === undefined)) return undefined;
  return { place, bytes: cacheMb === undefined ? undefined : cacheMb * 1e6 };
}

export function command(): Command {
  const train = addConfigOptions(new Command('train'))
    .summary('train a network')
    .description(
      'Trains the network of a config file (the YAML files of PaddleDetection work unchanged) and saves ' +
        'checkpoints. A run that was stopped goes on with -r and ends in the same bytes as one that was not.',
    )
    .option('--eval', 'score on EvalDataset at every snapshot and keep the best weights', false)
    .option('-r, --resume <path>', 'go on from a checkpoint, or from the newest of a run folder')
    .option('--seed <n>', 'of weights, order and augmentation', wholeNumber('--seed', 0), 0)
    .option(
      '--accumulate <k>',
      'sum the gradients of k batches into one update (batch k times as large in the same memory)',
      wholeNumber('--accumulate', 1, 65536),
      1,
    )
    .addOption(recomputeOption('auto'))
    .option(
      '--gpu-mb <n>',
      'most that training takes of the memory of a GPU, in MB, which does not tell how much it has; a batch that does not fit is computed in parts',
      wholeNumber('--gpu-mb', 1),
    )
    .option(
      '--save-minutes <m>',
      'also save a checkpoint after this long',
      wholeNumber('--save-minutes', 1),
      30,
    )
    .option(
      '--skip-bad-images',
      'leave out pictures that cannot be read instead of stopping',
      false,
    )
    .addOption(
      new Option(
        '--cache <place>',
        'keep what epochs read of the decoded pictures: ram (for this run) or disk (for later runs as well)',
      ).choices(cachePlaces),
    )
    .option(
      '--cache-mb <n>',
      'most that is kept, in MB (ram: a quarter of what is available; disk: 20000); by itself it means --cache ram',
      wholeNumber('--cache-mb', 0),
    );
  addDeviceOptions(train).addHelpText('after', examples);
  return addPaddleFlags(train, 'train').action(async (_, cmd: Command) => {
    const flags = cmd.optsWithGlobals<TrainFlags>();
    const json = flags.json === true;
    const { loadSettings } = await import('../train/config/index.ts');
    const { settings, warnings, resolved } = loadSettings(flags.config, flags.opt);
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    const [{ train: run }, { createTrainReport }, { localWeightsWithProgress }] = await Promise.all(
      [
        import('../train/train.ts'),
        import('../train/report.ts'),
        import('../data/fetchWeights.ts'),
      ],
    );
    const backend = await openBackend(flags, settings.useGpu);
    try {
      await run({
        settings,
        config: resolved,
        backend,
        report: createTrainReport({ json }),
        evaluate: flags.eval,
        resume: flags.resume,
        seed: flags.seed,
        accumulate: flags.accumulate,
        recompute: flags.recompute,
        saveMinutes: flags.saveMinutes,
        skipBadImages: flags.skipBadImages,
        cache: cacheOptions(flags),
        fetchWeights: (place) => localWeightsWithProgress(place, json),
      });
    } finally {
      backend.close();
    }
  });
}
