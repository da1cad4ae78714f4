// Extracts a ZIP archive of any size as a stream. Nothing is written before every member has been
// judged (zip/members.ts); a file gets its name only when its size and CRC are right; files that
// are there already with equal size and CRC are kept, so that a stopped run can be repeated.
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type yauzl from 'yauzl';
import { environmentError, HrposeError, interruptedError } from '../errors.ts';
import { formatBytes } from '../format.ts';
import { type FreeBytes, freeBytes, requireSpace } from './diskSpace.ts';
import { writeAll } from './writeAll.ts';
import { writingSuffix } from './zip/memberName.ts';
import { damagedError, type Member, openZip, readMembers, refusal } from './zip/members.ts';

/** Files extracted at a time: hides the delay of opening and renaming. */
const lanes = 4;

export interface ExtractOptions {
  readonly archive: string;
  /** Folder that the members go into; made where missing. */
  readonly out: string;
  /** Archives that declare more than this are refused. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly freeBytes?: FreeBytes | undefined;
  /** Bytes of whole files so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Extracted {
  readonly files: number;
  /** How many of them were there already. */
  readonly kept: number;
  readonly bytes: number;
}

export async function extractZip(options: ExtractOptions): Promise<Extracted> {
  const { archive, out, maxBytes = Number.POSITIVE_INFINITY } = options;
  const zip = await openZip(archive);
  try {
    const { files, folders, bytes } = await readMembers(archive, zip);
    if (files.length === 0) throw refusal(archive, 'it holds no file');
    if (bytes > maxBytes) {
      throw refusal(
        archive,
        `it declares ${formatBytes(bytes)}, at most ${formatBytes(maxBytes)} were expected`,
      );
    }
    await requireRoom(options, files, bytes);
    await makeFolders(out, files, folders);
    return { files: files.length, bytes, kept: await extractAll(options, zip, files, bytes) };
  } catch (error) {
    throw asHrposeError(options, error);
  } finally {
    zip.close();
  }
}

/** Files that are there already take no new room; they are only looked at if it is short. */
async function requireRoom(
  { archive, out, freeBytes: free = freeBytes }: ExtractOptions,
  files: readonly Member[],
  bytes: number,
): Promise<void> {
  let needed = bytes;
  if (needed > (await free(out))) {
    for (const { name, size } of files) {
      if ((await sizeOf(join(out, name))) === size) needed -= size;
    }
  }
  await requireSpace(`extract: ${archive}`, out, needed, free);
}

async function makeFolders(out: string, files: readonly Member[], folders: readonly string[]) {
  const needed = new Set([...files.map(({ name }) => dirname(name)), ...folders]);
  for (const folder of needed) await mkdir(join(out, folder), { recursive: true });
}

/** Returns how many files were there already. */
async function extractAll(
  { archive, out, signal, onProgress }: ExtractOptions,
  zip: yauzl.ZipFile,
  files: readonly Member[],
  bytes: number,
): Promise<number> {
  const queue = files.values();
  let done = 0;
  let kept = 0;
  let failed = false;
  const lane = async () => {
    for (const member of queue) {
      signal?.throwIfAborted();
      if (failed) return;
      const target = join(out, member.name);
      if (await isExtracted(target, member)) kept += 1;
      else await extractOne(archive, zip, member, target, signal);
      done += member.size;
      onProgress?.(done, bytes);
    }
  };
  const guarded = async () => {
    try {
      await lane();
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: lanes }, guarded));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return kept;
}

async function isExtracted(target: string, { size, crc32: expected }: Member): Promise<boolean> {
  if ((await sizeOf(target)) !== size) return false;
  let crc = 0;
  for await (const chunk of createReadStream(target)) crc = crc32(chunk as Buffer, crc);
  return crc === expected;
}

async function extractOne(
  archive: string,
  zip: yauzl.ZipFile,
  member: Member,
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const unfinished = target + writingSuffix;
  try {
    const opened = await openMember(archive, zip, member);
    try {
      await writeMember(archive, member, opened, unfinished, signal);
    } finally {
      opened.body.destroy();
    }
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

interface OpenMember {
  readonly body: Readable;
  /** Rejects with the first error of the stream, whether or not anybody reads it by then. */
  readonly failure: Promise<never>;
}

async function openMember(
  archive: string,
  zip: yauzl.ZipFile,
  member: Member,
): Promise<OpenMember> {
  try {
    const body = await zip.openReadStreamPromise(member.entry);
    // The inflater's error is told as an event alone: a reader that comes later would wait for ever.
    const failure = new Promise<never>((_, reject) => body.on('error', reject));
    failure.catch(() => {});
    return { body, failure };
  } catch (error) {
    throw damagedError(archive, error);
  }
}

async function writeMember(
  archive: string,
  { name, size, crc32: expected }: Member,
  opened: OpenMember,
  file: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const handle = await open(file, 'w');
  let written = 0;
  let crc = 0;
  try {
    for await (const chunk of readMember(archive, opened)) {
      signal?.throwIfAborted();
      if (written + chunk.length > size) throw refusal(archive, `'${name}' exceeds its size`);
      await writeAll(handle, chunk, written);
      written += chunk.length;
      crc = crc32(chunk, crc);
    }
  } finally {
    await handle.close();
  }
  if (written !== size || crc !== expected) {
    throw damagedError(archive, new Error(`the bytes of '${name}' do not match their checksum`));
  }
}

/** Errors of reading and inflating are the archive's; those of writing are not caught here. */
async function* readMember(archive: string, { body, failure }: OpenMember): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (;;) {
    const next = await Promise.race([chunks.next(), failure]).catch((error: unknown) => {
      throw damagedError(archive, error);
    });
    if (next.done) return;
    yield next.value;
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

function asHrposeError({ archive, out, signal }: ExtractOptions, error: unknown): HrposeError {
  if (signal?.aborted) {
    return interruptedError(
      `extract: stopped; files that were done stay under ${out}. Run the same command again to go on.`,
    );
  }
  if (error instanceof HrposeError) return error;
  return environmentError(
    `extract: ${archive}: cannot write under ${out}: ${(error as Error).message}.`,
    { cause: error },
  );
}
