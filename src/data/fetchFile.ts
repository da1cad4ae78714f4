// One file by HTTP(S): goes on where it was cut off, tries again a bounded number of times, and
// leaves nothing under the final name that has not been verified.
import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environmentError, HrposeError, inputError, interruptedError } from '../errors.ts';
import { formatBytes } from '../format.ts';
import { fetchRest } from './fetch/attempt.ts';
import { adviceOf, type FetchJob } from './fetch/job.ts';
import { flushPart, partPath, readPart, removePart, removePartState } from './fetch/partialFile.ts';
import { hashFile } from './hashFile.ts';

export type { FetchJob } from './fetch/job.ts';

/** Failures in a row are counted; one that brought at least this much starts the count again. */
const progressBytes = 1 << 20;
const longestPauseMs = 30_000;

/** 'present': the file was there and is what was expected; nothing was asked of the network. */
export type FetchOutcome = 'present' | 'fetched';

export async function fetchFile(job: FetchJob): Promise<FetchOutcome> {
  try {
    if (await isPresent(job)) return 'present';
    await mkdir(dirname(job.file), { recursive: true });
    await fetchVerified(job);
    return 'fetched';
  } catch (error) {
    if (job.signal?.aborted) throw await stoppedError(job);
    throw error;
  }
}

async function isPresent(job: FetchJob): Promise<boolean> {
  const size = await sizeOf(job.file);
  if (size === undefined) return false;
  const fault = await findFault(job, job.file, size);
  if (fault !== undefined) job.onNote?.(`${job.file} is there, but ${fault}: fetching it anew`);
  return fault === undefined;
}

/** A whole file with the wrong checksum is fetched once more from its first byte. */
async function fetchVerified(job: FetchJob): Promise<void> {
  const part = partPath(job.file);
  for (let corrupt = 0; ; corrupt++) {
    await completePart(job);
    const fault = await findFault(job, part, (await sizeOf(part)) ?? 0);
    if (fault === undefined) break;
    await removePart(job.file);
    if (corrupt === 1) throw corruptError(job, fault);
    job.onNote?.(`${job.url}: ${fault}: starting again from the first byte`);
  }
  await flushPart(job.file);
  await rename(part, job.file);
  await removePartState(job.file);
}

/** Attempts until the part is as long as the server says the file is. */
async function completePart(job: FetchJob): Promise<void> {
  const { attempts = 5 } = job;
  let furthest = (await readPart(job.file, job.url)).offset;
  for (let failures = 0; ; ) {
    try {
      return await fetchRest(job);
    } catch (error) {
      if (error instanceof HrposeError || job.signal?.aborted) throw error;
      const { offset } = await readPart(job.file, job.url);
      failures = offset >= furthest + progressBytes ? 1 : failures + 1;
      furthest = Math.max(furthest, offset);
      if (failures >= attempts) throw unreachableError(job, failures, error);
      await pauseBefore(job, failures + 1, reason(error), offset);
    }
  }
}

async function pauseBefore(job: FetchJob, attempt: number, why: string, offset: number) {
  const { attempts = 5, pauseMs = 1000, signal } = job;
  const pause = Math.min(longestPauseMs, pauseMs * 2 ** (attempt - 2));
  const from = offset > 0 ? ` from byte ${offset} on` : '';
  job.onNote?.(`${job.url}: ${why}; try ${attempt} of ${attempts}${from} in ${pause / 1000} s`);
  await sleep(pause, undefined, signal ? { signal } : {});
}

/** What is wrong with a whole file, or undefined. */
async function findFault(job: FetchJob, file: string, size: number): Promise<string | undefined> {
  const { checksum, bytes, signal } = job;
  if (checksum === undefined) {
    const right = bytes === undefined || size === bytes;
    return right ? undefined : `it has ${size} bytes, expected ${bytes}`;
  }
  const onRead = (read: number) => job.onProgress?.('verify', read, size);
  const found = await hashFile(file, checksum.algorithm, { signal, onRead });
  if (found === checksum.hex) return undefined;
  return `its ${checksum.algorithm} is ${found}, expected ${checksum.hex}`;
}

async function sizeOf(file: string): Promise<number | undefined> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return found?.size;
}

function reason(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  if (message === 'aborted') return 'the connection was cut';
  return message || code || String(error);
}

async function stoppedError(job: FetchJob): Promise<HrposeError> {
  const size = await sizeOf(partPath(job.file));
  const kept = size
    ? `${partPath(job.file)} keeps ${formatBytes(size)} of `
    : 'nothing is left of ';
  return interruptedError(
    `download: stopped; ${kept}${job.url}. Run the same command again to go on.`,
  );
}

const unreachableError = (job: FetchJob, failures: number, error: unknown) =>
  environmentError(
    `download: ${job.url} failed ${failures} times in a row, at last with: ${reason(error)}. ` +
      'Check the network and run the same command again; what has arrived is kept.' +
      adviceOf(job),
    { cause: error },
  );

const corruptError = (job: FetchJob, fault: string) =>
  inputError(
    `download: ${job.url} came through twice, but ${fault}. The server has another file or ` +
      'something on the way changes it; try another network or fetch it elsewhere.' +
      adviceOf(job),
  );
