// Going on after a lost device. Parameters and moments live on the device and go with it, so a copy of the
// run is kept on the host, taken so rarely that it costs next to nothing; steps since then are done again.
import type { Backend } from '../backends/backend.ts';
import { isDeviceLost } from '../backends/faults.ts';
import { environmentError } from '../errors.ts';

/** Copying may take this share of the time. */
const share = 0.01;
const leastSeconds = 10;
/** So many devices may be lost before there is a step that was not there before. */
const mostLosses = 2;
/** Seconds to wait before each time that another device is asked for: a driver that is reset is gone for a while. */
const usualWaits = [0, 1, 4, 15];

export interface RecoveryOptions {
  /** Between two copies at least. */
  readonly seconds?: number;
  readonly waits?: readonly number[];
}

/** `Copy` is whatever the caller needs to go on from a moment of the run. */
export class Recovery<Copy> {
  readonly #backend: Backend;
  readonly #seconds: number;
  readonly #waits: readonly number[];
  #copy: Copy | undefined;
  #nextCopy = 0;
  #losses = 0;
  #furthest = -1;

  constructor(
    backend: Backend,
    { seconds = leastSeconds, waits = usualWaits }: RecoveryOptions = {},
  ) {
    this.#backend = backend;
    this.#seconds = seconds;
    this.#waits = waits;
  }

  /** Whether it is time for another copy; never where the device cannot be renewed. */
  get due(): boolean {
    return this.#backend.renew !== undefined && performance.now() >= this.#nextCopy;
  }

  /** @param milliseconds that it took to make the copy */
  keep(copy: Copy, milliseconds: number): void {
    if (!this.#backend.renew) return;
    this.#copy = copy;
    this.#nextCopy = performance.now() + Math.max(1000 * this.#seconds, milliseconds / share);
  }

  /**
   * Gives the backend another device and returns the copy to go on from. Throws `error` itself where it
   * is of another kind, or where losses follow one another without a new step between them.
   * @param step finished steps
   */
  async renew(error: unknown, step: number): Promise<Copy> {
    if (!isDeviceLost(error) || this.#copy === undefined) throw error;
    this.#losses = step > this.#furthest ? 1 : this.#losses + 1;
    this.#furthest = Math.max(step, this.#furthest);
    if (this.#losses > mostLosses) throw error;
    await this.#anotherDevice(error as Error);
    return this.#copy;
  }

  async #anotherDevice({ message }: Error): Promise<void> {
    let cause: unknown;
    for (const seconds of this.#waits) {
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
      try {
        return await this.#backend.renew!();
      } catch (error) {
        cause = error;
      }
    }
    throw environmentError(`${message} No other device could be had: ${(cause as Error).message}`, {
      cause,
    });
  }
}
