// hrpose eval: scores weights on the EvalDataset of a config file.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { usageError } from '../errors.ts';
import { addDeviceOptions, type DeviceOptions, openBackend } from './device.ts';
import { addConfigOptions, addPaddleFlags } from './paddleFlags.ts';
import { createProgress } from './progress.ts';

interface EvalFlags extends DeviceOptions {
  readonly config: string;
  readonly opt: string[];
  readonly savePredictionOnly: boolean;
  readonly sheet?: string;
  readonly skipBadImages: boolean;
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
    .option('--save_prediction_only', '(the same, as PaddleDetection spells it)')
    .option(
      '--sheet <file>',
      'also draw up to 24 people, best to worst, truth beside prediction (PNG)',
    )
    .option(
      '--skip-bad-images',
      'leave out pictures that cannot be read instead of stopping',
      false,
    );
  addDeviceOptions(evaluate).addHelpText('after', examples);
  return addPaddleFlags(evaluate, 'eval').action(async (_, cmd: Command) => {
    await run(cmd.optsWithGlobals<EvalFlags & { save_prediction_only?: boolean }>());
  });
}

async function run(flags: EvalFlags & { save_prediction_only?: boolean }): Promise<void> {
  const json = flags.json === true;
  const { loadSettings } = await import('../train/config/index.ts');
  const { settings, warnings } = loadSettings(flags.config, flags.opt);
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  if (settings.weights === undefined) {
    throw usageError('eval: no weights. Name them with -o weights=PATH.');
  }
  const [score, { runFolder }, { readWeights }, { replaceFile }, { formatResults }] =
    await Promise.all([
      import('../train/score.ts'),
      import('../train/train.ts'),
      import('../train/initialWeights.ts'),
      import('../train/durable.ts'),
      import('../eval/resultsJson.ts'),
    ]);
  const say = (text: string) => process.stdout.write(json ? '' : `${text}\n`);
  const weights = new Map<string, Float32Array>();
  const { file } = readWeights(score.networkConfig(settings), settings.weights, 'nothing', weights);
  say(`Finish loading model weights: ${file}`);
  const dataset = await score.loadEvalDataset(settings);
  const backend = await openBackend(flags);
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
    const folder = runFolder(settings);
    mkdirSync(folder, { recursive: true });
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
    if (flags.savePredictionOnly || flags.save_prediction_only) return;
    await printScore(score, score.scorePredictions(made, settings, dataset), settings, json);
  } finally {
    network.close();
    backend.close();
  }
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
