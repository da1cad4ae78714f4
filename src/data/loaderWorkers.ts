// The worker threads of a loader, seen from the main thread. A worker that dies is an error for whoever
// waits, never a wait without end.
import type { Worker } from 'node:worker_threads';
import { environmentError, inputError, usageError } from '../errors.ts';
import { spawnWorker } from '../spawnWorker.ts';
import { type BatchSlots, batchAt } from './batchSlots.ts';
import type { BadImage, SampleSource } from './fillSample.ts';
import {
  batchSizeOf,
  cancelPass,
  hasFailures,
  type LoaderPass,
  releaseBatch,
  slotOf,
  startPass,
  type WorkerMessage,
} from './loaderPass.ts';
import type { Batch } from './record.ts';

export class LoaderWorkers {
  readonly #workers: readonly Worker[];
  readonly #onBadImage: (bad: BadImage) => void;
  readonly #ready = new Set<number>();
  #failures: Extract<WorkerMessage, { kind: 'failed' }>[] = [];
  #idle = 0;
  #dead: Error | undefined;
  #waiting: { until(): boolean; resolve(): void; reject(error: Error): void } | undefined;

  constructor(count: number, source: SampleSource, onBadImage: (bad: BadImage) => void) {
    this.#onBadImage = onBadImage;
    this.#workers = Array.from({ length: count }, () => this.#spawn(source));
    this.#idle = count;
  }

  /** The batches of `order`, each valid until the next one is asked for. One pass at a time. */
  async *pass(
    order: readonly Int32Array[],
    epoch: number,
    slots: BatchSlots,
  ): AsyncGenerator<Batch, void, void> {
    const pass = startPass(order, epoch, slots);
    this.#start(pass);
    try {
      for (let batch = 0; batch < order.length; batch++) {
        await this.#wait(() => this.#ready.delete(batch));
        if (hasFailures(pass, batch)) throw await this.#failureOf(pass, batch);
        yield batchAt(slots, slotOf(pass, batch), batchSizeOf(pass, batch));
        releaseBatch(pass, batch);
      }
    } finally {
      await this.#stop(pass);
    }
  }

  /** Ends all threads; a pass that waits for a batch throws. */
  async close(): Promise<void> {
    this.#die(usageError('loader: it is closed, no batch can be asked for.'));
    const ended = this.#workers.map((worker) => {
      worker.ref();
      return worker.terminate();
    });
    await Promise.all(ended);
  }

  #spawn(source: SampleSource): Worker {
    const worker = spawnWorker(new URL('./loaderWorker.ts', import.meta.url), source);
    worker.on('message', (message: WorkerMessage) => this.#receive(message));
    worker.on('error', (error) =>
      this.#die(new Error(`loader: a worker thread failed: ${error.message}`, { cause: error })),
    );
    worker.on('exit', (code) =>
      this.#die(
        environmentError(
          `loader: a worker thread ended early with code ${code}. Try again with fewer workers ` +
            'if memory is short.',
        ),
      ),
    );
    // Only a pass keeps the process alive.
    worker.unref();
    return worker;
  }

  #start(pass: LoaderPass): void {
    if (this.#dead) throw this.#dead;
    this.#ready.clear();
    this.#failures = [];
    this.#idle = 0;
    for (const worker of this.#workers) {
      worker.ref();
      worker.postMessage(pass);
    }
  }

  /** Waits until no worker can write to a slot any more. */
  async #stop(pass: LoaderPass): Promise<void> {
    cancelPass(pass);
    if (this.#dead) return;
    await this.#wait(() => this.#idle === this.#workers.length);
    for (const worker of this.#workers) worker.unref();
  }

  async #failureOf(pass: LoaderPass, batch: number): Promise<Error> {
    await this.#stop(pass);
    // All messages have arrived now; the first of the batch is the same in every run.
    const [first] = this.#failures
      .filter((failure) => failure.batch === batch)
      .sort((a, b) => a.position - b.position);
    return inputError(first.message);
  }

  #receive(message: WorkerMessage): void {
    switch (message.kind) {
      case 'ready':
        this.#ready.add(message.batch);
        break;
      case 'skipped':
        this.#onBadImage(message.bad);
        break;
      case 'failed':
        this.#failures.push(message);
        break;
      case 'idle':
        this.#idle++;
        break;
      default:
        message satisfies never;
    }
    this.#check();
  }

  #wait(until: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { until, resolve, reject };
      this.#check();
    });
  }

  #check(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    if (this.#dead) waiting.reject(this.#dead);
    else if (waiting.until()) waiting.resolve();
    else return;
    this.#waiting = undefined;
  }

  #die(error: Error): void {
    if (this.#dead) return;
    this.#dead = error;
    // Whoever used the loader may never come back to close it.
    for (const worker of this.#workers) worker.unref();
    this.#check();
  }
}
