// hrpose eval: scores weights on the EvalDataset of a config file.
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import type { Backend } from '../backends/backend.ts';
import type { Dataset } from '../data/dataset.ts';
import { usageError } from '../errors.ts';
import { createProgress } from '../progress.ts';
import type { Score } from '../train/score.ts';
import type { Settings } from '../train/settings.ts';
import { addDeviceOptions, type DeviceOptions, openBackend, wholeNumber } from './device.ts';
import { addConfigOptions, addPaddleFlags } from './paddleFlags.ts';
import { sheetOption } from './sheetOption.ts';

interface EvalFlags extends DeviceOptions {
  readonly config: string;
  readonly opt: string[];
  readonly savePredictionOnly: boolean;
  readonly sheet?: string;
  readonly skipBadImages: boolean;
  readonly int8: boolean;
  readonly calibrate?: number;
  readonly json?: boolean;
}

const examples = `
Examples
  hrpose eval -c configs/keypoint/hrnet/hrnet_w32_384x288.yml -o weights=output/hrnet_w32_384x288/best_model
  hrpose eval -c CONFIG -o weights=PATH EvalDataset.use_gt_bbox=false EvalDataset.bbox_file=bbox.json
  hrpose eval -c CONFIG -o weights=PATH --save-prediction-only --json`;

export function command(): Command {
  const evaluate = addConfigOptions(new Command('eval'))
    .summary('score weights on a data set')
    .description(
      'Scores weights on EvalDataset: flip test, DARK, OKS-NMS, then the 10 numbers of the COCO evaluation, ' +
        'and AP and error of each keypoint. Writes keypoints_results.json into <save_dir>/<name of the config>.',
    )
    .option('--save-prediction-only', 'write the predictions and do not score them', false)
    .addOption(new Option('--save_prediction_only').hideHelp())
    .addOption(sheetOption('also draw up to 24 people, best to worst, truth beside prediction'))
    .option(
      '--skip-bad-images',
      'leave out pictures that cannot be read instead of stopping',
      false,
    );
  evaluate
    .option('--int8', 'also in 8 bits after calibration; shows both scores and speeds', false)
    .option(
      '--calibrate <n>',
      'people of the data set that --int8 takes its ranges from (default: 64)',
      wholeNumber('--calibrate', 1),
    );
  addDeviceOptions(evaluate).addHelpText('after', examples);
  return addPaddleFlags(evaluate, 'eval').action(async (_, cmd: Command) => {
    const { save_prediction_only: same, ...flags } = cmd.optsWithGlobals<
      EvalFlags & { save_prediction_only?: boolean }
    >();
    const given = { ...flags, savePredictionOnly: flags.savePredictionOnly || same === true };
    refuseContradictions(given);
    await run(given);
  });
}

function refuseContradictions({ int8, calibrate, savePredictionOnly }: EvalFlags): void {
  if (calibrate !== undefined && !int8)
    throw usageError('--calibrate is for 8 bits. Give --int8 as well, or leave it out.');
  if (int8 && savePredictionOnly)
    throw usageError('--int8 compares scores, and --save-prediction-only has none. Leave one out.');
}

async function run(flags: EvalFlags): Promise<void> {
  const json = flags.json === true;
  const { loadSettings } = await import('../train/config/index.ts');
  const { settings, warnings } = loadSettings(flags.config, flags.opt);
  const warn = (text: string) => process.stderr.write(`warning: ${text}\n`);
  warnings.forEach(warn);
  if (settings.weights === undefined) {
    throw usageError('eval: no weights. Name them with -o weights=PATH.');
  }
  const [
    score,
    { runFolder },
    { readWeights },
    { contradictions, networkConfig },
    { makeFolder, replaceFile },
    { formatResults },
  ] = await Promise.all([
    import('../train/score.ts'),
    import('../train/train.ts'),
    import('../train/initialWeights.ts'),
    import('../train/settingsModel.ts'),
    import('../train/durable.ts'),
    import('../eval/resultsJson.ts'),
  ]);
  const say = (text: string) => process.stdout.write(json ? '' : `${text}\n`);
  const weights = new Map<string, Float32Array>();
  const { localWeightsWithProgress } = await import('../data/fetchWeights.ts');
  const path = await localWeightsWithProgress(settings.weights, json);
  const { file, metadata } = readWeights(networkConfig(settings), path, 'nothing', weights);
  contradictions(settings, metadata, file).forEach(warn);
  say(`Finish loading model weights: ${file}`);
  const dataset = await score.loadEvalDataset(settings);
  // What cannot be written is told before the work.
  const folder = runFolder(settings);
  makeFolder(folder);
  if (flags.sheet !== undefined) makeFolder(dirname(flags.sheet));
  const backend = await openBackend(flags, settings.useGpu);
  const network = score.scoringNetwork(backend, settings);
  const progress = createProgress({
    label: 'scoring',
    total: dataset.records.length,
    unit: 'people',
    json,
  });
  try {
    network.setWeights(weights);
    const made = await score.predict(network, settings, dataset, {
      skipBadImages: flags.skipBadImages,
      onBatch: (samples) => progress.update(samples),
    });
    progress.end();
    const resultFile = join(folder, 'keypoints_results.json');
    replaceFile(resultFile, [new TextEncoder().encode(formatResults(made.results))]);
    say(`The keypoint result is saved to ${resultFile}.`);
    for (const { reason } of made.skipped) process.stderr.write(`left out: ${reason}\n`);
    const people = made.predictions.length;
    say(`Total sample number: ${people}, average FPS: ${people / made.seconds}`);
    if (flags.sheet !== undefined) {
      const { writePeopleSheet } = await import('../train/peopleSheet.ts');
      await writePeopleSheet(flags.sheet, dataset.records, made, settings.skeleton, 24);
      say(`Pictures of people are in ${flags.sheet}.`);
    }
    if (flags.savePredictionOnly) return;
    const scored = score.scorePredictions(made, settings, dataset);
    await printScore(score, scored, settings, json);
    if (flags.int8) {
      const int8 = await scoreInt8(score, backend, settings, weights, dataset, flags);
      printComparison(score.statNames, flags.amp, scored, int8, json);
    }
  } finally {
    network.close();
    backend.close();
  }
}

/** The same people once more, by the network in 8 bits. */
async function scoreInt8(
  score: typeof import('../train/score.ts'),
  backend: Backend,
  settings: Settings,
  weights: ReadonlyMap<string, Float32Array>,
  dataset: Dataset,
  { calibrate = 64, skipBadImages, json = false }: EvalFlags,
): Promise<Score> {
  const quantization = await score.calibrateOn(backend, settings, weights, dataset, calibrate);
  const network = score.scoringNetwork(backend, settings, { quantization });
  const total = dataset.records.length;
  const progress = createProgress({ label: 'scoring in 8 bits', total, unit: 'people', json });
  try {
    network.setWeights(weights);
    const onBatch = (samples: number) => progress.update(samples);
    const made = await score.predict(network, settings, dataset, { skipBadImages, onBatch });
    return score.scorePredictions(made, settings, dataset);
  } finally {
    progress.end();
    network.close();
  }
}

function printComparison(
  names: readonly string[],
  before: string,
  float: Score,
  int8: Score,
  json: boolean,
): void {
  const speed = ({ predictions, seconds }: Score) => predictions.length / seconds;
  if (json) {
    const stats = Object.fromEntries(names.map((name, i) => [name, int8.stats[i]]));
    const record = { event: 'eval-int8', ...stats, people_per_second: speed(int8) };
    process.stdout.write(`${JSON.stringify(record)}\n`);
    return;
  }
  const row = (label: string, values: readonly (string | number)[]) =>
    `${label.padEnd(8)}${values.map((v) => (typeof v === 'number' ? v.toFixed(3) : v).padStart(9)).join('')}`;
  const lines = [
    '',
    'In 8 bits, same data',
    row('', [...names, 'people/s']),
    row(before, [...float.stats, speed(float).toFixed(1)]),
    row('int8', [...int8.stats, speed(int8).toFixed(1)]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function printScore(
  { statNames, describeBoxes }: typeof import('../train/score.ts'),
  made: import('../train/score.ts').Score,
  settings: import('../train/settings.ts').Settings,
  json: boolean,
): Promise<void> {
  const names = settings.skeleton.keypoints;
  if (json) {
    const stats = Object.fromEntries(statNames.map((name, i) => [name, made.stats[i]]));
    const keypoints = made.keypoints.map((row, k) => ({ name: names[k], ...row }));
    const boxes = settings.eval.dataset.useGtBbox ? 'ground truth' : 'detections';
    process.stdout.write(`${JSON.stringify({ event: 'eval', boxes, ...stats, keypoints })}\n`);
    return;
  }
  const { keypointTable, officialLines, paddleTable } = await import('../eval/cocoSummary.ts');
  const lines = [
    ...officialLines(made.stats),
    ...paddleTable(made.stats),
    '',
    ...keypointTable(names, made.keypoints),
    '',
    describeBoxes(settings),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
