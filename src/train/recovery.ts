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

/** `Copy` is whatever the caller needs to go on from a moment of the run. */
export class Recovery<Copy> {
  readonly #backend: Backend;
  readonly #seconds: number;
  #copy: Copy | undefined;
  #nextCopy = 0;
  #losses = 0;
  #furthest = -1;

  /** @param seconds between two copies at least */
  constructor(backend: Backend, seconds = leastSeconds) {
    this.#backend = backend;
    this.#seconds = seconds;
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
    try {
      await this.#backend.renew!();
    } catch (cause) {
      throw environmentError(
        `${(error as Error).message} No other device could be had: ${(cause as Error).message}`,
        { cause },
      );
    }
    return this.#copy;
  }
}
