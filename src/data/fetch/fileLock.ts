// One process at a time at a file: NAME.lock beside it, whose time is renewed while it is held. A lock
// whose holder is gone, or has not renewed it for long, is taken over.
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environmentError, interruptedError } from '../../errors.ts';
import { isRunning } from '../processes.ts';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once if another process holds the lock. */
  readonly onWait?: () => void;
  /** ms between two looks at a lock that is held. */
  readonly pollMs?: number;
  /** A lock that was not renewed for this long is nobody's, ms. */
  readonly staleMs?: number;
}

/** Runs `work` while no other process is at `file`, whose folder is made. */
export async function withFileLock<T>(
  file: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const { staleMs = 30_000 } = options;
  const lock = `${file}.lock`;
  const owner = `${hostname()} ${process.pid} ${randomUUID()}`;
  await acquire(lock, owner, staleMs, options);
  const renew = setInterval(() => {
    const now = new Date();
    utimes(lock, now, now).catch(() => {});
  }, staleMs / 10).unref();
  try {
    return await work();
  } finally {
    clearInterval(renew);
    if ((await contents(lock)) === owner) await rm(lock, { force: true });
  }
}

async function acquire(
  lock: string,
  owner: string,
  staleMs: number,
  { signal, onWait, pollMs = 250 }: LockOptions,
): Promise<void> {
  await mkdir(dirname(lock), { recursive: true }).catch(cannotWrite);
  for (let waiting = false; !(await create(lock, owner)); ) {
    if (await isAbandoned(lock, staleMs)) {
      await rm(lock, { force: true });
      continue;
    }
    if (!waiting) onWait?.();
    waiting = true;
    await sleep(pollMs, undefined, signal && { signal }).catch(() => {
      throw interruptedError(`download: stopped while another process held ${lock}.`);
    });
  }
}

/** False where somebody's lock is there. */
async function create(lock: string, owner: string): Promise<boolean> {
  try {
    const handle = await open(lock, 'wx');
    await handle.writeFile(owner).finally(() => handle.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    return cannotWrite(error as Error);
  }
}

/** The process that holds it has ended on this machine, or is silent wherever it is. */
async function isAbandoned(lock: string, staleMs: number): Promise<boolean> {
  const found = await stat(lock).catch(() => undefined);
  if (found === undefined) return false;
  if (Date.now() - found.mtimeMs > staleMs) return true;
  const [host, pid] = ((await contents(lock)) ?? '').split(' ');
  return host === hostname() && pid !== undefined && !isRunning(Number(pid));
}

const contents = (file: string) => readFile(file, 'utf8').catch(() => undefined);

function cannotWrite(error: Error): never {
  throw environmentError(
    `download: cannot write: ${error.message}. Choose another folder for downloaded weights with HRPOSE_CACHE.`,
    { cause: error },
  );
}
