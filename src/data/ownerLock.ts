// One process owns what a lock file stands for until it lets go or ends. Between machines that share a
// folder a lock that was left behind stays; remove the file by hand then.
import {
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { isRunning } from './processes.ts';

/** Takes the lock; false while another living process, or another part of this one, has it. */
export function takeLock(file: string): boolean {
  if (create(file)) return true;
  if (!isLeftBehind(file)) return false;
  // Only one process can move the old file away; who comes second finds none, or a new owner's below.
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return false;
  }
  const old = isLeftBehind(aside);
  if (!old) restore(aside, file);
  else rmSync(aside, { force: true });
  return old && create(file);
}

export const releaseLock = (file: string): void => rmSync(file, { force: true });

function create(file: string): boolean {
  let handle: number;
  try {
    handle = openSync(file, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(handle, `${process.pid} ${hostname()}\n`);
    return true;
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(handle);
  }
}

function restore(aside: string, file: string): void {
  try {
    linkSync(aside, file);
  } catch {
    // Another process has taken its place.
  }
  rmSync(aside, { force: true });
}

/** A lock of this machine whose process has ended. One without contents is being written. */
function isLeftBehind(file: string): boolean {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return false;
  }
  const [, pid, host] = /^(\d+) (\S+)\n$/.exec(text) ?? [];
  return pid !== undefined && host === hostname() && !isRunning(Number(pid));
}
