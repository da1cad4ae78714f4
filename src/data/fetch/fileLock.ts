// One process at a time at a file, by NAME.lock beside it; others wait.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environmentError, interruptedError } from '../../errors.ts';
import { releaseLock, takeLock } from '../ownerLock.ts';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once if another process holds the lock. */
  readonly onWait?: () => void;
  /** ms between two looks at a lock that is held. */
  readonly pollMs?: number;
}

/** Runs `work` while no other process is at `file`, whose folder is made. */
export async function withFileLock<T>(
  file: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const lock = `${file}.lock`;
  await acquire(lock, options);
  try {
    return await work();
  } finally {
    releaseLock(lock);
  }
}

async function acquire(lock: string, { signal, onWait, pollMs = 250 }: LockOptions): Promise<void> {
  await mkdir(dirname(lock), { recursive: true }).catch(cannotWrite);
  for (let waiting = false; !take(lock); waiting = true) {
    if (!waiting) onWait?.();
    await sleep(pollMs, undefined, signal && { signal }).catch(() => {
      throw interruptedError(`download: stopped while another process held ${lock}.`);
    });
  }
}

function take(lock: string): boolean {
  try {
    return takeLock(lock);
  } catch (error) {
    return cannotWrite(error as Error);
  }
}

function cannotWrite(error: Error): never {
  throw environmentError(
    `download: cannot write: ${error.message}. Choose another folder for downloaded weights with HRPOSE_CACHE.`,
    { cause: error },
  );
}
