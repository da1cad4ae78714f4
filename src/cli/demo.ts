// hrpose demo: the whole main job on people that it draws: data, training, scoring, pictures.
import { availableParallelism } from 'node:os';
import { basename, join, relative } from 'node:path';
import { Command } from 'commander';
import { formatDuration } from '../format.ts';
import { packageRoot } from '../packageRoot.ts';
import { createProgress } from '../progress.ts';
import { addDeviceOptions, type DeviceOptions, openBackend, wholeNumber } from './device.ts';

interface DemoFlags extends DeviceOptions {
  readonly out: string;
  readonly seed: number;
  readonly minutes: number;
  readonly json?: boolean;
}

const pictures = { train: 1200, val: 120 };
/** Decoded pictures are kept: 1,200 of 640×480 take 1.1 GB. */
const cacheBytes = 1400 * 2 ** 20;

const examples = `
Files in --out
  data/                      the drawn people, as 'hrpose data synth' draws them
  people.png, score.json     truth beside prediction, the 10 COCO numbers
  and those of a training    train.log, metrics.jsonl, checkpoints/, best_model.safetensors

Examples
  hrpose demo
  hrpose demo --out output/quick --minutes 1`;

export function command(): Command {
  const demo = new Command('demo')
    .summary('the whole job on drawn people, in minutes')
    .description(
      'Draws a data set of people, trains a small HRNet on it, scores it on people that it has not seen, and ' +
        'writes log, checkpoint, the 10 COCO numbers and a picture sheet.',
    )
    .option('--out <dir>', 'where to write', 'output/demo')
    .option('--seed <n>', 'of pictures, weights and order', wholeNumber('--seed', 0), 1)
    .option('--minutes <m>', 'train at most about this long', wholeNumber('--minutes', 1), 5);
  return addDeviceOptions(demo)
    .addHelpText('after', examples)
    .action(async (_, cmd: Command) => {
      await run(cmd.optsWithGlobals<DemoFlags>());
    });
}

async function run(flags: DemoFlags): Promise<void> {
  const json = flags.json === true;
  const begin = performance.now();
  const say = (text: string) => process.stdout.write(json ? '' : `${text}\n`);
  const [{ train }, { createTrainReport }] = await Promise.all([
    import('../train/train.ts'),
    import('../train/report.ts'),
  ]);
  say(`1. Drawing ${pictures.train} pictures to learn from and ${pictures.val} to be tested on`);
  await drawPeople(flags);
  const backend = await openBackend(flags);
  try {
    const { settings, config, epochs } = await demoSettings(flags, backend);
    say(`2. Training HRNet-W${settings.model.width} small for ${epochs} epochs`);
    const result = await train({
      settings,
      config,
      backend,
      report: createTrainReport({ json }),
      evaluate: true,
      seed: flags.seed,
      accumulate: 1,
      saveMinutes: 30,
      skipBadImages: false,
      cache: { place: 'ram', bytes: cacheBytes },
    });
    const { stats } = result.score!;
    say('3. Drawing what it found on people that were not in the training set');
    const sheet = join(flags.out, 'people.png');
    await writeResults(flags.out, sheet, settings, result.score!);
    const seconds = (performance.now() - begin) / 1000;
    if (json) {
      process.stdout.write(`${JSON.stringify({ event: 'demo', AP: stats[0], stats, seconds })}\n`);
    }
    say(nextSteps(flags.out, sheet, stats[0]!, seconds));
  } finally {
    backend.close();
  }
}

async function drawPeople({ out, seed, json }: DemoFlags): Promise<void> {
  const [{ writeDataset }, { coco17 }] = await Promise.all([
    import('../data/synth/writeDataset.ts'),
    import('../pose/skeletons.ts'),
  ]);
  const total = pictures.train + pictures.val;
  const progress = createProgress({
    label: 'drawing',
    total,
    unit: 'pictures',
    json: json === true,
  });
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  try {
    await writeDataset({
      out: join(out, 'data'),
      ...pictures,
      seed,
      workers: availableParallelism(),
      skeleton: coco17,
      signal: interrupt.signal,
      onProgress: (done) => progress.update(done),
    });
    progress.end();
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

/** The settings of configs/demo.yml, with as many of its epochs as the time allows on this machine. */
async function demoSettings(flags: DemoFlags, backend: import('../backends/backend.ts').Backend) {
  const [{ loadSettings }, { measureTraining }, { networkConfig }] = await Promise.all([
    import('../train/config/index.ts'),
    import('../train/measure.ts'),
    import('../train/settingsModel.ts'),
  ]);
  const file = join(packageRoot, 'configs', 'demo.yml');
  const data = join(flags.out, 'data');
  const options = [`TrainDataset.dataset_dir=${data}`, `EvalDataset.dataset_dir=${data}`];
  const load = (more: readonly string[]) => {
    const { settings, resolved } = loadSettings(file, [...options, ...more]);
    // The run folder is the demo's own, whatever it is called.
    return {
      settings: { ...settings, saveDir: flags.out, name: basename(flags.out) },
      config: resolved,
    };
  };
  const { settings, config } = load([]);
  const { loadDataset } = await import('../data/dataset.ts');
  const { records } = await loadDataset(
    settings.train.dataset,
    settings.skeleton,
    settings.inputSize,
  );
  const batch = settings.train.batchSize;
  const { stepMilliseconds } = await measureTraining(backend, {
    config: networkConfig(settings),
    inputSize: settings.inputSize,
    batch,
    steps: 12,
  });
  // The fastest step: what else the machine does at this moment should not shorten the training.
  const imagesPerSecond = (batch * 1000) / Math.min(...stepMilliseconds);
  // Three quarters of the bare speed: the loader shares the cores, scoring takes its part.
  const affordable = Math.floor((flags.minutes * 60 * 0.75 * imagesPerSecond) / records.length);
  const epochs = Math.max(1, Math.min(settings.epochs, affordable));
  if (epochs === settings.epochs) return { settings, config, epochs };
  process.stderr.write(
    `note: this machine trains ${imagesPerSecond.toFixed(0)} pictures/s, so that ${epochs} of ${settings.epochs} epochs fit in ${flags.minutes} minutes.\n`,
  );
  return { ...load(rescaled(settings, epochs)), epochs };
}

/** The same schedule in fewer epochs. */
function rescaled(settings: import('../train/settings.ts').Settings, epochs: number): string[] {
  const { schedule } = settings.learningRate;
  const milestones =
    schedule.kind === 'piecewise'
      ? schedule.milestones.map((m) => Math.max(1, Math.round((m * epochs) / settings.epochs)))
      : [];
  return [
    `epoch=${epochs}`,
    `snapshot_epoch=${Math.max(1, Math.round((settings.snapshotEpoch * epochs) / settings.epochs))}`,
    ...(milestones.length > 0
      ? [`LearningRate.schedulers.0.milestones=[${milestones.join(', ')}]`]
      : []),
  ];
}

async function writeResults(
  out: string,
  sheet: string,
  settings: import('../train/settings.ts').Settings,
  score: import('../train/score.ts').Score,
): Promise<void> {
  const [{ replaceFile }, { statNames, loadEvalDataset }, { writePeopleSheet }] = await Promise.all(
    [import('../train/durable.ts'), import('../train/score.ts'), import('../train/peopleSheet.ts')],
  );
  const numbers = Object.fromEntries(statNames.map((name, i) => [name, score.stats[i]]));
  const text = `${JSON.stringify(numbers, null, 2)}\n`;
  replaceFile(join(out, 'score.json'), [new TextEncoder().encode(text)]);
  const dataset = await loadEvalDataset(settings);
  await writePeopleSheet(sheet, dataset.records, score, settings.skeleton, 24);
}

/** The path of a config of the package, from here. */
const config = (name: string) => relative(process.cwd(), join(packageRoot, 'configs', name));

const nextSteps = (out: string, sheet: string, ap: number, seconds: number) => `
AP ${ap.toFixed(3)} in ${formatDuration(seconds)}. Look at ${sheet}: truth on the left, prediction on the right.

Files   ${out}/train.log, metrics.jsonl, score.json, checkpoints/, best_model.safetensors
Next    score it again, fetch COCO (20 GB), train on it
        npx hrpose eval -c ${config('demo.yml')} -o weights=${out}/best_model EvalDataset.dataset_dir=${out}/data
        npx hrpose data download coco
        npx hrpose train -c ${config('keypoint/hrnet/hrnet_w32_384x288.yml')} --eval`;
