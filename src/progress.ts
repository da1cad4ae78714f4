// How a long command tells how far it is: one live line on a terminal, now and then a plain line
// elsewhere, JSON lines with --json. Finished lines (`line`) and events go through here as well, so
// that they never land in the middle of the live line.
import { formatBytes, formatDuration, formatRate } from './format.ts';

export interface ProgressOptions {
  readonly label: string;
  /** Number of units when done; 0 or less when it is not known. */
  readonly total: number;
  /** What is counted, in the plural; 'bytes' are printed as kB, MB, ... */
  readonly unit: string;
  /** Units that an earlier run has done: they tell nothing of the rate. */
  readonly begun?: number;
  readonly json?: boolean;
  /** Where it is written; process.stdout unless told otherwise. */
  readonly stream?: Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;
  /** Clock, ms. */
  readonly now?: () => number;
}

export type ProgressFields = Readonly<Record<string, string | number>>;

export interface Progress {
  /** `done` units of the total are finished. */
  update(done: number, fields?: ProgressFields): void;
  /** A line that stays. With --json it becomes an event of kind 'message'. */
  line(text: string): void;
  /** A machine-readable event; printed with --json only. */
  event(name: string, fields: Readonly<Record<string, unknown>>): void;
  /** Prints the last state and leaves the live line. */
  end(): void;
}

/** ms between two prints: of the live line, of plain lines, of JSON lines. */
const pause = { terminal: 100, plain: 10_000, json: 1000 };

/** The rate is taken over about this many ms, so that the time left follows the present speed. */
const rateWindow = 30_000;

/** Units a second over the last `rateWindow`; undefined before anything happened. */
function createRate(
  start: number,
  begun: number,
): (done: number, now: number) => number | undefined {
  const marks: { done: number; time: number }[] = [{ done: begun, time: start }];
  return (done, now) => {
    if (marks.at(-1)!.time < now) marks.push({ done, time: now });
    while (marks.length > 2 && now - marks[1]!.time >= rateWindow) marks.shift();
    const first = marks[0]!;
    const seconds = (now - first.time) / 1000;
    return seconds > 0 && done > first.done ? (done - first.done) / seconds : undefined;
  };
}

function describe(
  { label, total, unit }: ProgressOptions,
  done: number,
  rate: number | undefined,
  fields: ProgressFields,
): string {
  const amount = (value: number) => (unit === 'bytes' ? formatBytes(value) : String(value));
  const parts = [total > 0 ? `${amount(done)}/${amount(total)}` : amount(done)];
  if (unit !== 'bytes') parts[0] += ` ${unit}`;
  if (total > 0) parts.push(`${Math.floor((100 * done) / total)}%`);
  if (rate !== undefined)
    parts.push(unit === 'bytes' ? `${formatBytes(rate)}/s` : `${formatRate(rate)}/s`);
  if (rate !== undefined && done < total)
    parts.push(`${formatDuration((total - done) / rate)} left`);
  const more = Object.entries(fields).map(([name, value]) => `${name} ${value}`);
  return `${label}: ${[...parts, ...more].join(', ')}`;
}

/** Starts counting now. */
export function createProgress(options: ProgressOptions): Progress {
  const { label, total, unit, begun = 0, json = false, stream = process.stdout } = options;
  const now = options.now ?? (() => performance.now());
  const mode = json ? 'json' : stream.isTTY === true ? 'terminal' : 'plain';
  const start = now();
  const rateOf = createRate(start, begun);
  let lastPrint = mode === 'plain' ? start : Number.NEGATIVE_INFINITY;
  let latest: { done: number; fields: ProgressFields } | undefined;
  let printed = true; // Whether `latest` has been printed.
  let live = false; // Whether the cursor stands on the live line.

  const writeEvent = (name: string, fields: Readonly<Record<string, unknown>>) =>
    stream.write(`${JSON.stringify({ event: name, ...fields })}\n`);
  const clearLine = () => {
    if (live) stream.write('\r\x1b[K');
    live = false;
  };

  function print(): void {
    if (latest === undefined) return;
    const { done, fields } = latest;
    const time = now();
    const rate = rateOf(done, time);
    printed = true;
    lastPrint = time;
    if (mode === 'json') {
      const left = rate !== undefined && total > 0 ? (total - done) / rate : undefined;
      const seconds = (time - start) / 1000;
      writeEvent('progress', { label, done, total, unit, seconds, rate, left, ...fields });
      return;
    }
    const text = describe(options, done, rate, fields);
    if (mode === 'plain') stream.write(`${text}\n`);
    else {
      stream.write(`\r${text.slice(0, (stream.columns || 80) - 1)}\x1b[K`);
      live = true;
    }
  }

  return {
    update(done, fields = {}) {
      latest = { done, fields };
      printed = false;
      if (now() - lastPrint >= pause[mode]) print();
    },
    line(text) {
      if (mode === 'json') {
        writeEvent('message', { text });
        return;
      }
      const redraw = live;
      clearLine();
      stream.write(`${text}\n`);
      if (redraw) print();
    },
    event(name, fields) {
      if (mode === 'json') writeEvent(name, fields);
    },
    end() {
      if (!printed) print();
      if (live) stream.write('\n');
      live = false;
    },
  };
}
