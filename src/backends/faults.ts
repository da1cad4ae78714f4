// What can become of a device, as causes of the errors that a run ends with.
import { environmentError, HrposeError } from '../errors.ts';

/** What the driver said when it gave up the device. */
export class DeviceLost extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'DeviceLost';
  }
}

/** Whether another device would help: the states of this one are gone. */
export const isDeviceLost = (error: unknown): boolean =>
  error instanceof HrposeError && error.cause instanceof DeviceLost;

/** What the device has no room for, without advice. */
export class DoesNotFit extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'DoesNotFit';
  }
}

/** Whether less memory would help: a smaller batch, or recomputation. */
export const isTooLarge = (error: unknown): boolean =>
  error instanceof HrposeError && error.cause instanceof DoesNotFit;

export const tooLarge = (what: string, advice: string): HrposeError =>
  environmentError(`${what}. ${advice}`, { cause: new DoesNotFit(what) });
