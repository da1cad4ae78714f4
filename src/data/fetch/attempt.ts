// One attempt at a file: asks for the bytes that are missing, puts them where they belong. An
// HrposeError from here is final; every other error is a passing one that another attempt may mend.
import { open } from 'node:fs/promises';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { environmentError } from '../../errors.ts';
import { requireSpace } from '../diskSpace.ts';
import { writeAll } from '../writeAll.ts';
import { parseContentRange, wholeNumber } from './headers.ts';
import { httpGet } from './httpGet.ts';
import { adviceOf, type FetchJob } from './job.ts';
import { type Part, partPath, readPart, removePart, writePartState } from './partialFile.ts';

/** Where a body belongs in the file, and how long the file will be where the server tells it. */
interface Placement {
  readonly offset: number;
  readonly total: number | undefined;
}

/** Returns when the part is as long as the server says the file is. */
export async function fetchRest(job: FetchJob): Promise<void> {
  const part = await resumablePart(job);
  if (part.offset > 0 && part.offset === part.total) return;
  const { stallMs = 30_000, signal } = job;
  const reply = await httpGet(job.url, { headers: rangeHeaders(part), stallMs, signal });
  try {
    const placement = await placeReply(job, part, reply);
    if (placement !== undefined) await appendReply(job, part, reply, placement);
  } finally {
    reply.destroy();
  }
}

/** Without a checksum, bytes are only added to a file that the server can vouch to be the same. */
async function resumablePart(job: FetchJob): Promise<Part> {
  const part = await readPart(job.file, job.url);
  const sure = job.checksum !== undefined || part.validator !== undefined;
  return sure ? part : { url: job.url, offset: 0 };
}

const rangeHeaders = ({ offset, validator }: Part): OutgoingHttpHeaders => ({
  'User-Agent': 'hrpose',
  'Accept-Encoding': 'identity',
  ...(offset > 0 && { Range: `bytes=${offset}-` }),
  ...(offset > 0 && validator !== undefined && { 'If-Range': validator }),
});

/** Reads status and headers; undefined where nothing is missing after all. */
async function placeReply(
  job: FetchJob,
  part: Part,
  reply: IncomingMessage,
): Promise<Placement | undefined> {
  const { 'content-encoding': encoding = 'identity', 'content-range': range } = reply.headers;
  if (encoding !== 'identity') throw answerError(job, `content encoded as '${encoding}'`);
  switch (reply.statusCode) {
    case 200:
      if (part.offset > 0) job.onNote?.(`${job.url}: the server starts from the first byte again`);
      await removePart(job.file);
      return { offset: 0, total: wholeNumber(reply.headers['content-length']) };
    case 206: {
      const { start, total } = parseContentRange(range) ?? {};
      if (start === part.offset && sameFile(part, reply, total)) return { offset: start, total };
      await removePart(job.file);
      throw new Error(`asked for the bytes from ${part.offset} on, the server sent '${range}'`);
    }
    case 416:
      if (range === `bytes */${part.offset}` && sameFile(part, reply, part.offset))
        return undefined;
      await removePart(job.file);
      throw new Error(`the server has no bytes from ${part.offset} on`);
    default:
      throw statusError(job, reply.statusCode ?? 0);
  }
}

function sameFile(part: Part, reply: IncomingMessage, total: number | undefined): boolean {
  const validator = validatorOf(reply) ?? part.validator;
  return (
    (part.total === undefined || part.total === total) &&
    (part.validator === undefined || part.validator === validator)
  );
}

/** If-Range takes strong ETags only; a Last-Modified date is the next best. */
function validatorOf(reply: IncomingMessage): string | undefined {
  const { etag, 'last-modified': lastModified } = reply.headers;
  return etag !== undefined && !etag.startsWith('W/') ? etag : lastModified;
}

async function appendReply(
  job: FetchJob,
  part: Part,
  reply: IncomingMessage,
  { offset, total }: Placement,
): Promise<void> {
  const limit = total ?? (job.bytes === undefined ? undefined : 2 * job.bytes);
  if (limit === undefined) throw answerError(job, 'no Content-Length with it');
  await requireSpace(`download of ${job.url}`, job.file, limit - part.offset, job.freeBytes);
  const validator = validatorOf(reply) ?? (offset > 0 ? part.validator : undefined);
  await writePartState(job.file, { url: job.url, validator, total });
  const size = await writeBody(job, reply, offset, limit, total ?? job.bytes ?? limit);
  if (total !== undefined && size < total) throw new Error(`cut off at byte ${size} of ${total}`);
}

/** Writes the body from `offset` on; returns the size of the part. More than `limit` is refused. */
async function writeBody(
  job: FetchJob,
  reply: IncomingMessage,
  offset: number,
  limit: number,
  total: number,
): Promise<number> {
  const handle = await open(partPath(job.file), offset > 0 ? 'r+' : 'w').catch(cannotWrite);
  let size = offset;
  try {
    for await (const chunk of reply as AsyncIterable<Buffer>) {
      if (size + chunk.length > limit) throw answerError(job, `more than ${limit} bytes`);
      await writeAll(handle, chunk, size).catch(cannotWrite);
      size += chunk.length;
      job.onProgress?.('fetch', size, total);
    }
  } finally {
    await handle.close();
  }
  return size;
}

function cannotWrite(error: Error): never {
  throw environmentError(`download: cannot write: ${error.message}. What has arrived is kept.`, {
    cause: error,
  });
}

const answerError = (job: FetchJob, what: string) =>
  environmentError(`download: expected the bytes of ${job.url}, the server sent ${what}.`);

/** Busy or broken servers are tried again; a refusal is final. */
function statusError(job: FetchJob, status: number): Error {
  if (status >= 500 || status === 408 || status === 429) return new Error(`HTTP status ${status}`);
  return environmentError(
    `download: expected ${job.url} with HTTP status 200 or 206, got ${status}. Check the address.` +
      adviceOf(job),
  );
}
