// `hrpose cocoeval`: scores a result file against COCO ground truth.
import { Command } from 'commander';
import { inputError } from '../errors.ts';
import { evaluateKeypoints } from '../eval/cocoEval.ts';
import { keypointTable, officialLines, paddleTable } from '../eval/cocoSummary.ts';
import { type CocoGroundTruth, parseGroundTruth, parseResults } from '../eval/groundTruth.ts';
import { scoreKeypoints } from '../eval/keypointScores.ts';
import type { CocoResult } from '../eval/results.ts';
import type { Skeleton } from '../pose/skeleton.ts';
import { coco17, parseSkeleton } from '../pose/skeletons.ts';
import { readJson } from './readJson.ts';

interface Options {
  readonly gt: string;
  readonly dt: string;
  readonly sigmas?: string;
  readonly json?: boolean;
}

export function command(): Command {
  return new Command('cocoeval')
    .description('Scores a result file against COCO keypoint ground truth.')
    .requiredOption('--gt <file>', 'annotations, as person_keypoints_val2017.json')
    .requiredOption('--dt <file>', 'results, a list as in keypoints_results.json')
    .option(
      '--sigmas <file>',
      'JSON list of OKS sigmas, one a keypoint, or a skeleton file (default: those of COCO-17)',
    )
    .addHelpText(
      'after',
      `
Prints the ten lines of the official evaluator, the same numbers as a table, and by keypoint the AP
and the mean distance in pixels over the people found with an OKS of at least 0.5.
With --json: {"stats": [AP, AP50, AP75, APM, APL, AR, AR50, AR75, ARM, ARL], "seconds": s}, the
time being that of the evaluation without reading the files.

Example:
  hrpose cocoeval --gt dataset/coco/annotations/person_keypoints_val2017.json \\
                  --dt output/keypoints_results.json`,
    )
    .action((_, self: Command) => score(self.optsWithGlobals<Options>()));
}

async function score(options: Options): Promise<void> {
  const skeleton = options.sigmas ? await readSkeleton(options.sigmas) : coco17;
  const groundTruth = parseGroundTruth(await readJson(options.gt), options.gt);
  const json = await readJson(options.dt);
  const results = parseResults(json, options.dt, groundTruth.categoryId);
  warnOfIdZero(groundTruth);
  const start = performance.now();
  const { stats } = evaluateKeypoints(groundTruth, results, skeleton.oksSigmas);
  const seconds = (performance.now() - start) / 1000;
  const text = options.json
    ? JSON.stringify({ stats, seconds })
    : report(groundTruth, results, skeleton, stats);
  process.stdout.write(`${text}\n`);
}

function report(
  groundTruth: CocoGroundTruth,
  results: readonly CocoResult[],
  { keypoints, oksSigmas }: Skeleton,
  stats: readonly number[],
): string {
  const scores = scoreKeypoints(groundTruth, results, oksSigmas);
  return [
    ...officialLines(stats),
    ...paddleTable(stats),
    '',
    ...keypointTable(keypoints, scores),
  ].join('\n');
}

/** A list of sigmas makes a skeleton whose keypoints have COCO's names, if it has as many. */
async function readSkeleton(file: string): Promise<Skeleton> {
  const json = await readJson(file);
  if (!Array.isArray(json)) return parseSkeleton(json, file);
  if (json.length === 0)
    throw inputError(`${file}: expected OKS sigmas, one a keypoint, got an empty list.`);
  const keypoints =
    json.length === coco17.keypoints.length
      ? coco17.keypoints
      : json.map((_, k) => `keypoint ${k}`);
  return parseSkeleton({ name: file, keypoints, flipPairs: [], oksSigmas: json }, file);
}

function warnOfIdZero({ annotations }: CocoGroundTruth): void {
  if (!annotations.some(({ id }) => id === 0)) return;
  process.stderr.write(
    'warning: annotation id 0 is scored as any other here; ' +
      'the official evaluator counts its match as a mistake\n',
  );
}
