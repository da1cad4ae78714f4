// hrpose bench cocoeval: how long the evaluation takes, reading of files apart.
import { evaluateKeypoints } from '../eval/cocoEval.ts';
import { parseGroundTruth, parseResults } from '../eval/groundTruth.ts';
import { randomEvaluation } from '../eval/randomEvaluation.ts';
import { coco17 } from '../pose/skeletons.ts';
import { median } from '../train/median.ts';
import { readJson } from './readJson.ts';

export interface CocoevalFlags {
  readonly images: number;
  readonly seed: number;
  readonly rounds: number;
  readonly gt?: string;
  readonly dt?: string;
  readonly json?: boolean;
}

/** The report, as text or as one line of JSON. */
export async function benchCocoeval(flags: CocoevalFlags): Promise<string> {
  const { images, seed, rounds, gt, dt } = flags;
  const random = gt === undefined ? randomEvaluation(images, 17, seed) : undefined;
  const truth = parseGroundTruth(random?.gt ?? (await readJson(gt!)), gt ?? 'random people');
  const results = parseResults(
    random?.dt ?? (await readJson(dt!)),
    dt ?? 'random results',
    truth.categoryId,
  );
  const seconds: number[] = [];
  let stats: readonly number[] = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    ({ stats } = evaluateKeypoints(truth, results, coco17.oksSigmas));
    seconds.push((performance.now() - start) / 1000);
  }
  const best = Math.min(...seconds);
  if (flags.json) {
    return JSON.stringify({
      images: truth.images.length,
      results: results.length,
      seconds_median: median(seconds),
      seconds_best: best,
      stats,
    });
  }
  return (
    `${truth.images.length} pictures, ${truth.annotations.length} people, ${results.length} results: ` +
    `${median(seconds).toFixed(3)} s (median of ${rounds}; best ${best.toFixed(3)} s), AP ${stats[0]!.toFixed(3)}`
  );
}
