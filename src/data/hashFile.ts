// The checksum of a file on disk, read once in pieces.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

export interface Checksum {
  readonly algorithm: 'md5' | 'sha256';
  /** Lower-case hexadecimal digits. */
  readonly hex: string;
}

/** Hexadecimal digest of `file`; `onRead` hears the bytes read so far. */
export async function hashFile(
  file: string,
  algorithm: Checksum['algorithm'],
  options: {
    signal?: AbortSignal | undefined;
    onRead?: ((bytes: number) => void) | undefined;
  } = {},
): Promise<string> {
  const hash = createHash(algorithm);
  let read = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    options.signal?.throwIfAborted();
    hash.update(chunk as Buffer);
    read += (chunk as Buffer).length;
    options.onRead?.(read);
  }
  return hash.digest('hex');
}
