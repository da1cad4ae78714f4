// What a training run tells: log lines in PaddleDetection's form on stdout and in train.log, the same
// as data in metrics.jsonl, a live line on a terminal, JSON lines with --json.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { officialLines, paddleTable } from '../eval/cocoSummary.ts';
import { createProgress, type Progress } from '../progress.ts';
import { formatTrainLine, openMetrics, prefix, Window } from './logLine.ts';
import { describeMemory, type MemoryPlan, memoryFields } from './memoryPlan.ts';
import { type Score, statNames } from './score.ts';
import type { Settings } from './settings.ts';

export interface RunStart {
  readonly runDir: string;
  readonly settings: Settings;
  readonly records: number;
  readonly stepsPerEpoch: number;
  readonly at: { readonly step: number };
}

export interface FinishedStep {
  /** Updates done in the whole run. */
  readonly step: number;
  readonly epoch: number;
  /** Index of the step in its epoch. */
  readonly stepInEpoch: number;
  readonly learningRate: number;
  /** Median of the window. */
  readonly loss: number;
  readonly images: number;
  /** When the step began, ms of performance.now(). */
  readonly begin: number;
  readonly dataSeconds: number;
  /** What else is to be said of it. */
  readonly note?: string | undefined;
}

export type TrainReport = ReturnType<typeof createTrainReport>;
/** Of the steps of one run. */
export type Meter = ReturnType<TrainReport['begin']>;

export interface ReportOptions {
  readonly json: boolean;
  /** Print nothing; the files are written all the same. */
  readonly quiet?: boolean;
}

export function createTrainReport({ json, quiet = false }: ReportOptions) {
  let progress: Progress | undefined;
  let scoring: Progress | undefined;
  let logFile: string | undefined;
  let metrics: ((entry: object) => void) | undefined;
  let early: string[] = [];

  const print = (text: string) => {
    if (progress && !quiet) progress.line(text);
    else if (!json && !quiet) process.stdout.write(`${text}\n`);
    if (logFile) appendFileSync(logFile, `${text}\n`);
    else early.push(text);
  };
  const log = (logger: string, text: string) => print(prefix(logger, new Date()) + text);
  const callbacks = 'ppdet.engine.callbacks';

  function note(text: string): void {
    if (json && !quiet) process.stdout.write(`${JSON.stringify({ event: 'note', text })}\n`);
    else print(text);
  }

  function record(event: string, fields: Record<string, unknown>): void {
    metrics?.({ event, ...fields });
    if (!quiet) progress?.event(event, fields);
  }

  function begin({ runDir, settings, records, stepsPerEpoch, at }: RunStart) {
    metrics = openMetrics(runDir, at.step);
    const total = settings.epochs * stepsPerEpoch;
    logFile = join(runDir, 'train.log');
    appendFileSync(logFile, early.map((text) => `${text}\n`).join(''));
    early = [];
    progress = createProgress({ label: 'train', total, unit: 'steps', begun: at.step, json });
    const live = !json && !quiet && process.stdout.isTTY === true;
    print(
      `${records} people, ${stepsPerEpoch} steps an epoch, ${settings.epochs} epochs; writing to ${runDir}`,
    );
    if (at.step >= total)
      print(
        `Nothing is left to train: ${at.step} of ${total} steps are done. A larger epoch goes on.`,
      );
    const batchCosts = new Window(settings.logIter);
    const dataCosts = new Window(settings.logIter);
    const images = new Window(settings.logIter);
    let told = at.step;
    let spent = 0;
    let count = 0;
    return {
      /** A step that is done again is told once. */
      step(done: FinishedStep): void {
        if (done.step <= told) return;
        told = done.step;
        if (done.note !== undefined) note(done.note);
        const seconds = (performance.now() - done.begin) / 1000;
        batchCosts.add(seconds);
        dataCosts.add(done.dataSeconds);
        images.add(done.images);
        spent += seconds;
        count++;
        const { loss, learningRate, step, epoch, stepInEpoch } = done;
        if (live) progress!.update(step, { loss: loss.toFixed(6) });
        if (stepInEpoch % settings.logIter !== 0) return;
        const imagesPerSecond = images.mean / batchCosts.mean;
        const line = formatTrainLine({
          epoch,
          step: stepInEpoch,
          stepsPerEpoch,
          learningRate,
          loss,
          secondsLeft: (total - step + 1) * (spent / count),
          batchCost: batchCosts.mean,
          dataCost: dataCosts.mean,
          imagesPerSecond,
        });
        if (!json) log(callbacks, line);
        record('train', {
          step,
          epoch,
          loss,
          lr: learningRate,
          images_per_second: imagesPerSecond,
          data_seconds: dataCosts.mean,
        });
      },
      end(): void {
        progress?.end();
      },
    };
  }

  return {
    begin,
    note,
    memory(plan: MemoryPlan, available: number): void {
      if (json && !quiet) {
        const event = { event: 'memory', ...memoryFields(plan, available) };
        process.stdout.write(`${JSON.stringify(event)}\n`);
      } else print(describeMemory(plan, available));
    },
    saved(path: string): void {
      log('ppdet.utils.checkpoint', `Save checkpoint: ${path}`);
    },
    scoring(samples: number, total: number): void {
      if (quiet) return;
      scoring ??= createProgress({
        label: 'scoring',
        total,
        unit: 'people',
        begun: samples,
        json,
      });
      scoring.update(samples);
    },
    scored(done: { epoch: number; step: number; score: Score; bestAp: number }): void {
      const { epoch, step, score, bestAp } = done;
      scoring?.end();
      scoring = undefined;
      const people = score.predictions.length;
      log(callbacks, `Total sample number: ${people}, average FPS: ${people / score.seconds}`);
      if (!json)
        for (const line of [...officialLines(score.stats), ...paddleTable(score.stats)])
          print(line);
      log('ppdet.engine', `Best test keypoint ap is ${bestAp.toFixed(3)}.`);
      const named = Object.fromEntries(statNames.map((name, i) => [name, score.stats[i]]));
      record('eval', { epoch, step, ...named });
    },
    finished(done: {
      file: string;
      skipped: readonly { readonly file: string; readonly reason: string }[];
    }): void {
      for (const { reason } of done.skipped) print(`left out: ${reason}`);
      print(`Weights: ${done.file}`);
    },
  };
}
