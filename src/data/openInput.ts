// Opens a file that a person named, with an error that can be acted on.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { inputError } from '../errors.ts';
import type { ByteSource } from './byteSource.ts';

/** The bytes of a file from its beginning. */
export function openSource(file: string): ByteSource {
  const descriptor = openInput(file);
  return {
    name: file,
    read: (target) => readSync(descriptor, target, 0, target.length, null),
    close: () => closeSync(descriptor),
  };
}

/** A file descriptor for reading; whoever calls closes it. */
export function openInput(file: string): number {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw inputError(
      `${resolve(file)}: expected a file that can be read, got ${reason}. Check the path and its permissions.`,
      { cause: error },
    );
  }
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw inputError(`${resolve(file)}: expected a file, got a folder or a device. Check the path.`);
}
