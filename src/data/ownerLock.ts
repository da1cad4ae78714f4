// One process owns what a lock file stands for, until it lets go, ends, or is silent for long: an owner renews
// the time of its lock. Between machines that share a folder their clocks must agree within that time.
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readFileSync, rmSync, statSync, utimes, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { isRunning } from './processes.ts';

/** ms without renewal after which a lock is nobody's. A process may be busy for half of it (a search of algorithms). */
export const usualSilence = 60_000;

interface Held {
  readonly owner: string;
  readonly renewal: NodeJS.Timeout;
}

/** By file, what this thread holds. */
const held = new Map<string, Held>();

/** Takes the lock; false while another living process, or another part of this one, has it. */
export function takeLock(file: string, silence = usualSilence): boolean {
  if (held.has(file)) return false;
  const owner = `${process.pid} ${hostname()} ${randomUUID()}\n`;
  if (!create(file, owner) && !takeOver(file, owner, silence)) return false;
  const renew = () => utimes(file, new Date(), new Date(), () => {});
  held.set(file, { owner, renewal: setInterval(renew, silence / 10).unref() });
  return true;
}

/** A lock that was taken over meanwhile stays with who has it now. */
export function releaseLock(file: string): void {
  const lock = held.get(file);
  if (lock === undefined) return;
  clearInterval(lock.renewal);
  held.delete(file);
  if (contents(file) === lock.owner) rmSync(file, { force: true });
}

function create(file: string, owner: string): boolean {
  let handle: number;
  try {
    handle = openSync(file, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(handle, owner);
    return true;
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(handle);
  }
}

/** One at a time, so that who comes second does not remove the lock that the first has just made. */
function takeOver(file: string, owner: string, silence: number): boolean {
  if (!isLeftBehind(file, silence)) return false;
  const gate = `${file}.gate`;
  if (!create(gate, owner)) {
    if (isLeftBehind(gate, silence)) rmSync(gate, { force: true });
    return false;
  }
  try {
    if (!isLeftBehind(file, silence)) return false;
    rmSync(file, { force: true });
    return create(file, owner);
  } finally {
    rmSync(gate, { force: true });
  }
}

/** Its process has ended on this machine, or is silent wherever it is. One without contents is being written. */
function isLeftBehind(file: string, silence: number): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (Date.now() - found.mtimeMs > silence) return true;
  const [pid, host] = contents(file)?.split(' ') ?? [];
  return host === hostname() && !isRunning(Number(pid));
}

function contents(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
