// What can become of a device, as causes of the errors that a run ends with.
import { HrposeError } from '../errors.ts';

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
