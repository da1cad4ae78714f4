// Files that survive a kill and a power cut: written under a temporary name, flushed, renamed, the
// folder flushed. Failures of the disk become errors that say what was needed and what is free.
import { createHash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { freeBytesNow } from '../data/diskSpace.ts';
import { writeAllSync } from '../data/writeAll.ts';
import { environmentError, inputError } from '../errors.ts';
import { formatBytes } from '../format.ts';

export interface WrittenFile {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Writes a new file and waits until the disk has it. It is not safe under its name before. */
export function writeFlushed(path: string, chunks: Iterable<Uint8Array>): WrittenFile {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = openSync(path, 'wx');
  try {
    for (const chunk of chunks) {
      hash.update(chunk);
      writeAllSync(file, chunk);
      bytes += chunk.byteLength;
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Puts a file in the place of whatever has its name: at every moment there is the old or the new. */
export function replaceFile(path: string, chunks: readonly Uint8Array[]): WrittenFile {
  const temporary = join(dirname(path), `.tmp-${basename(path)}-${process.pid}`);
  const needed = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  const cleanUp = () => rmSync(temporary, { force: true });
  return orExplain({ path, needed, cleanUp }, () => {
    createFolder(dirname(path));
    cleanUp();
    const written = writeFlushed(temporary, chunks);
    renameSync(temporary, path);
    flushFolder(dirname(path));
    return written;
  });
}

/** Creates a folder and those above it, and waits until the disk has them. */
export function makeFolder(path: string): void {
  orExplain({ path, needed: 0, cleanUp: () => {} }, () => createFolder(path));
}

function createFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true });
  if (first === undefined) return;
  const top = dirname(resolve(first));
  for (let folder = resolve(path); folder !== top; folder = dirname(folder)) {
    flushFolder(dirname(folder));
  }
}

/** Waits until the disk has the names in a folder. Windows cannot and need not. */
export function flushFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

interface Attempt {
  /** What is written, for the message. */
  readonly path: string;
  /** Bytes. */
  readonly needed: number;
  readonly cleanUp: () => void;
}

/** Runs `write`; if the system refuses, cleans up and says in an environmentError what and why. */
export function orExplain<T>({ path, needed, cleanUp }: Attempt, write: () => T): T {
  try {
    return write();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    try {
      cleanUp();
    } catch {
      // The first failure is the one to tell; the next save cleans up again.
    }
    throw environmentError(explain(path, needed, error as NodeJS.ErrnoException), { cause: error });
  }
}

function explain(path: string, needed: number, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return `${path}: cannot be written: part of the path is a file, not a folder. Choose another place.`;
  }
  if (code !== 'ENOSPC' && code !== 'EDQUOT') {
    return `${path}: cannot be written (${message}). Check the folder's permissions and the disk.`;
  }
  const limit = code === 'EDQUOT' ? 'the disk quota is used up' : 'the disk is full';
  return (
    `${path}: ${limit}: needed ${formatBytes(needed)}, free ${roomFor(path)}. ` +
    'Free some space or choose a place on another disk.'
  );
}

function roomFor(path: string): string {
  try {
    return formatBytes(freeBytesNow(resolve(path)));
  } catch {
    return 'unknown';
  }
}

/**
 * A whole file in one buffer of its own. `place` says at which offset of the buffer it begins, from
 * the file's first bytes (at most 8), so that what matters inside can be aligned.
 */
export function readWhole(
  path: string,
  maxBytes: number,
  place: (start: Uint8Array, fileBytes: number) => number = () => 0,
): Uint8Array {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw inputError(`${path}: cannot be opened (${(cause as Error).message}).`, { cause });
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw inputError(`${path}: expected a file. Give the path of a file.`);
    if (stat.size > maxBytes) {
      throw inputError(`${path}: expected at most ${maxBytes} bytes, got ${stat.size}.`);
    }
    const start = new Uint8Array(Math.min(8, stat.size));
    readFully(file, start, path);
    const offset = place(start, stat.size);
    const bytes = new Uint8Array(new ArrayBuffer(offset + stat.size), offset);
    readFully(file, bytes, path);
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** Fills `bytes` from the beginning of the file. */
function readFully(file: number, bytes: Uint8Array, path: string): void {
  // One call reads at most 2^31 − 1 bytes.
  const most = 2 ** 30;
  for (let done = 0; done < bytes.length; ) {
    const got = readSync(file, bytes, done, Math.min(most, bytes.length - done), done);
    if (got === 0) throw inputError(`${path}: became shorter while it was read. Try again.`);
    done += got;
  }
}
