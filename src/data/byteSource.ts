// Where a parser's bytes come from: a file on disk (openInput.ts) or memory.

export interface ByteSource {
  /** Names it in errors. */
  readonly name: string;
  /** Fills as much of `target` as there is; 0 at the end. */
  read(target: Uint8Array): number;
  close(): void;
}

export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  let position = 0;
  return {
    name,
    read(target) {
      const part = bytes.subarray(position, position + target.length);
      target.set(part);
      position += part.length;
      return part.length;
    },
    close() {},
  };
}
