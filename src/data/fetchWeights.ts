// Weights at an address: fetched once into the cache, afterwards found there without the network.
import { open, rm, stat } from 'node:fs/promises';
import { inputError } from '../errors.ts';
import { formatBytes } from '../format.ts';
import { type LockOptions, withFileLock } from './fetch/fileLock.ts';
import type { FetchJob } from './fetch/job.ts';
import { createReporter, type Reporter } from './fetch/reporter.ts';
import { fetchFile } from './fetchFile.ts';
import { hashFile } from './hashFile.ts';
import {
  cachePath,
  isAddress,
  parseWeightAddress,
  promisedSha256,
  type WeightAddress,
} from './weightAddress.ts';

export interface FetchWeightsOptions {
  /** Hears progress and notes; nothing is printed without. */
  readonly reporter?: Reporter | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Instead of the usual cache folder. */
  readonly cache?: string;
  /** How patiently to fetch and to wait for others, for tests. */
  readonly patience?: Pick<FetchJob, 'attempts' | 'pauseMs' | 'stallMs'> &
    Pick<LockOptions, 'pollMs'>;
}

/** `place` itself if it is a path; the file that an address names, which is fetched if need be. */
export async function localWeights(
  place: string,
  options: FetchWeightsOptions = {},
): Promise<string> {
  if (!isAddress(place)) return place;
  const address = parseWeightAddress(place);
  const file = cachePath(address, options.cache);
  const { reporter, signal, patience } = options;
  if (await isCached(file, address, options)) return file;
  const onWait = () => reporter?.line(`${address.name}: another process is fetching it, waiting.`);
  const fetch = () => fetchInto(file, address, options);
  await withFileLock(file, fetch, { signal, onWait, ...patience });
  return file;
}

/** localWeights as a command does it: with progress on stdout, ended by Ctrl-C, which keeps what has come. */
export async function localWeightsWithProgress(place: string, json: boolean): Promise<string> {
  if (!isAddress(place)) return place;
  const reporter = createReporter(json);
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await localWeights(place, { reporter, signal: controller.signal });
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    reporter.end();
  }
}

/** Without a checksum the name is enough: nothing gets it that has not come through whole. */
async function isCached(
  file: string,
  { checksum }: WeightAddress,
  { signal }: FetchWeightsOptions,
): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) return false;
  return (
    checksum === undefined ||
    (await hashFile(file, checksum.algorithm, { signal })) === checksum.hex
  );
}

async function fetchInto(
  file: string,
  address: WeightAddress,
  { reporter, signal, patience }: FetchWeightsOptions,
): Promise<void> {
  const { url, name, checksum } = address;
  const outcome = await fetchFile({
    url,
    file,
    ...(checksum && { checksum }),
    attempts: 3,
    signal,
    advice: byHand(address, file),
    onNote: (text) => reporter?.line(text),
    onProgress: (phase, done, total) =>
      reporter?.update(`${phase === 'fetch' ? 'fetching' : 'verifying'} ${name}`, done, total),
    ...patience,
  });
  if (outcome === 'present') return;
  const bytes = await expectWeights(file, address);
  reporter?.end();
  reporter?.line(`${name}: fetched, ${formatBytes(bytes)}; it is kept as ${file}.`);
  if (checksum === undefined) await compareWithName(file, address, reporter);
}

const byHand = ({ url, checksum }: WeightAddress, file: string) =>
  [
    'Where this machine has no way to the server, bring the file here by other means:',
    `  from  ${url}`,
    `  to    ${file}`,
    ...(checksum ? [`  ${checksum.algorithm}  ${checksum.hex}`] : []),
    'and run the same command again. Or name a file in place of the address.',
  ].join('\n');

/** A web page that says "not found" with status 200 must not stay in the cache. Returns the size. */
async function expectWeights(file: string, { url }: WeightAddress): Promise<number> {
  const handle = await open(file, 'r');
  const start = Buffer.alloc(16);
  const { size } = await handle.stat();
  const { bytesRead } = await handle.read(start, 0, 16, 0).finally(() => handle.close());
  if (beginsLikeWeights(start.subarray(0, bytesRead))) return size;
  await rm(file, { force: true });
  const text = JSON.stringify(start.toString('latin1', 0, bytesRead));
  throw inputError(
    `weights: expected ${url} to be a safetensors, PyTorch or PaddlePaddle file, got ${size} bytes that begin with ${text}. ` +
      'Give the address of the file itself, not of a page about it.',
  );
}

/** A zip archive, a pickle of protocol 2 or later, or a safetensors header. */
function beginsLikeWeights(start: Buffer): boolean {
  const isZip = start.toString('latin1', 0, 4) === 'PK\x03\x04';
  const isPickle = start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5;
  const isSafetensors = start.toString('latin1', 4, 9) === '\0\0\0\0{';
  return isZip || isPickle || isSafetensors;
}

async function compareWithName(
  file: string,
  { name }: WeightAddress,
  reporter: Reporter | undefined,
): Promise<void> {
  const promised = promisedSha256(name);
  if (promised === undefined) return;
  const found = await hashFile(file, 'sha256');
  if (found.startsWith(promised)) return;
  reporter?.line(
    `warning: ${name}: its name promises a SHA-256 that begins with ${promised}, got ${found}. ` +
      'The file may not be the one that was published.',
  );
}
