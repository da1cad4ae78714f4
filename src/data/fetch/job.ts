// What is to be fetched, and how patiently.
import type { FreeBytes } from '../diskSpace.ts';
import type { Checksum } from '../hashFile.ts';

export interface FetchJob {
  readonly url: string;
  /** Where the file shall be; its folder is made. */
  readonly file: string;
  /** Expected size: for progress and the space check until the server has told its own. */
  readonly bytes?: number;
  readonly checksum?: Checksum;
  /** Failures in a row before giving up; 5 by default. */
  readonly attempts?: number;
  /** First pause after a failure, ms; doubles from failure to failure; 1000 by default. */
  readonly pauseMs?: number;
  /** A connection that is silent for this long is dropped, ms; 30 000 by default. */
  readonly stallMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly freeBytes?: FreeBytes | undefined;
  /** What else can be done when the server does not give the file; ends such errors. */
  readonly advice?: string;
  readonly onProgress?: (phase: 'fetch' | 'verify', done: number, total: number) => void;
  /** Hears what went wrong and what happens next, one line each. */
  readonly onNote?: (text: string) => void;
}

export const adviceOf = ({ advice }: FetchJob) => (advice === undefined ? '' : `\n${advice}`);
