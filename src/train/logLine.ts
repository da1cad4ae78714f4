// What training prints and writes (spec 6.6): the log line of PaddleDetection, smoothed by the window
// of the last `log_iter` steps, and metrics.jsonl, one JSON object a line.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median } from './median.ts';

export interface TrainLine {
  readonly epoch: number;
  readonly step: number;
  readonly stepsPerEpoch: number;
  readonly learningRate: number;
  /** Median of the window. */
  readonly loss: number;
  readonly secondsLeft: number;
  /** Means of the window, s. */
  readonly batchCost: number;
  readonly dataCost: number;
  readonly imagesPerSecond: number;
}

const pad = (n: number) => String(n).padStart(2, '0');

/** `[MM/DD HH:MM:SS] logger INFO: ` */
export function prefix(logger: string, now: Date): string {
  const date = `${pad(now.getMonth() + 1)}/${pad(now.getDate())}`;
  const time = `${pad(now.getHours())}:${pad(now.getMinutes())}:${pad(now.getSeconds())}`;
  return `[${date} ${time}] ${logger} INFO: `;
}

/** h:mm:ss, with days in front where there are any, as Python prints a time span. */
export function formatEta(seconds: number): string {
  const whole = Math.max(0, Math.trunc(seconds));
  const days = Math.floor(whole / 86400);
  const clock = `${Math.floor((whole % 86400) / 3600)}:${pad(Math.floor(whole / 60) % 60)}:${pad(whole % 60)}`;
  return days === 0 ? clock : `${days} day${days === 1 ? '' : 's'}, ${clock}`;
}

export function formatTrainLine(line: TrainLine): string {
  const total = String(line.stepsPerEpoch);
  return [
    `Epoch: [${line.epoch}]`,
    `[${String(line.step).padStart(total.length)}/${total}]`,
    `learning_rate: ${line.learningRate.toFixed(6)}`,
    `loss: ${line.loss.toFixed(6)}`,
    `eta: ${formatEta(line.secondsLeft)}`,
    `batch_cost: ${line.batchCost.toFixed(4)}`,
    `data_cost: ${line.dataCost.toFixed(4)}`,
    `ips: ${line.imagesPerSecond.toFixed(4)} images/s`,
  ].join(' ');
}

/** The last `size` values of a quantity. */
export class Window {
  readonly #size: number;
  readonly #values: number[];

  constructor(size: number, values: readonly number[] = []) {
    this.#size = size;
    this.#values = values.slice(-size);
  }

  add(value: number): void {
    this.#values.push(value);
    if (this.#values.length > this.#size) this.#values.shift();
  }

  get values(): readonly number[] {
    return this.#values;
  }

  get mean(): number {
    return this.#values.reduce((a, b) => a + b, 0) / this.#values.length;
  }

  get median(): number {
    return median(this.#values);
  }
}

/**
 * metrics.jsonl in a run folder. A run that goes on from step N keeps the lines up to that step, so
 * that the file reads like that of a run without a break.
 */
export function openMetrics(runDir: string, fromStep: number): (entry: object) => void {
  const file = join(runDir, 'metrics.jsonl');
  writeFileSync(file, fromStep > 0 && existsSync(file) ? linesUpTo(file, fromStep) : '');
  return (entry) => appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

function linesUpTo(file: string, step: number): string {
  const kept = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => {
      try {
        return (JSON.parse(line) as { step?: number }).step! <= step;
      } catch {
        return false; // A line that a kill cut short.
      }
    });
  return kept.map((line) => `${line}\n`).join('');
}
