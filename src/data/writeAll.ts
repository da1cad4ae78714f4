// Writing every byte: a single write may stop early, when the disk is nearly full or after 2 GiB.
import { writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

export async function writeAll(
  handle: FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** At `position`, or where the file stands. */
export function writeAllSync(file: number, bytes: Uint8Array, position?: number): void {
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done;
    done += writeSync(file, bytes, done, bytes.length - done, at);
  }
}
