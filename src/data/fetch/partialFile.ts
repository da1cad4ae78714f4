// A download that is not finished: NAME.part holds the bytes so far, NAME.part.json what is needed
// to ask for the rest of the same version of the file.
import { open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { z } from 'zod';

const partStateSchema = z.object({
  url: z.string(),
  /** A strong ETag or a Last-Modified date: the file has not changed while the server repeats it. */
  validator: z.string().optional(),
  /** Size of the whole file where the server told it, bytes. */
  total: z.number().int().nonnegative().optional(),
});

export type PartState = z.infer<typeof partStateSchema>;

export interface Part extends PartState {
  /** Bytes on disk; 0 means a start from nothing. */
  readonly offset: number;
}

export const partPath = (file: string) => `${file}.part`;
const statePath = (file: string) => `${file}.part.json`;

/** What is there of `file`. Bytes that came from another address, or without a note, do not count. */
export async function readPart(file: string, url: string): Promise<Part> {
  const nothing: Part = { url, offset: 0 };
  try {
    const { size } = await stat(partPath(file));
    const state = partStateSchema.parse(JSON.parse(await readFile(statePath(file), 'utf8')));
    const sound = state.url === url && (state.total === undefined || size <= state.total);
    return sound ? { ...state, offset: size } : nothing;
  } catch {
    return nothing;
  }
}

export async function writePartState(file: string, state: PartState): Promise<void> {
  await writeFile(statePath(file), `${JSON.stringify(state)}\n`);
}

export async function removePart(file: string): Promise<void> {
  await rm(partPath(file), { force: true });
  await rm(statePath(file), { force: true });
}

export async function removePartState(file: string): Promise<void> {
  await rm(statePath(file), { force: true });
}

/** Waits until the bytes of the part have reached the disk. */
export async function flushPart(file: string): Promise<void> {
  const handle = await open(partPath(file), 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
