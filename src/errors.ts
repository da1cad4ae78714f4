// The one error class of the project. Everything a person can cause or mend is thrown as an
// HrposeError; anything else that reaches the command line is a bug and is reported as one.

/** 1 unexpected, 2 usage, 3 bad input, 4 environment, 5 numerical, 6 peer lost, 130 interrupted. */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 6 | 130;

/**
 * An error whose message says what was expected, what came and what to do, operation or file first.
 * The command line prints the message alone and ends with `exitCode`; `--debug` adds the stack.
 */
export class HrposeError extends Error {
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HrposeError';
    this.exitCode = exitCode;
  }
}

export const usageError = (message: string, options?: ErrorOptions) =>
  new HrposeError(2, message, options);
export const inputError = (message: string, options?: ErrorOptions) =>
  new HrposeError(3, message, options);
export const environmentError = (message: string, options?: ErrorOptions) =>
  new HrposeError(4, message, options);
export const numericalError = (message: string, options?: ErrorOptions) =>
  new HrposeError(5, message, options);
export const interruptedError = (message: string, options?: ErrorOptions) =>
  new HrposeError(130, message, options);
