// `hrpose data download coco`: archives are fetched, verified, extracted and removed one after the
// other. Each step that is done is found done by the next run, whatever stopped this one.
import { rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { formatBytes } from '../format.ts';
import { type FreeBytes, requireSpace } from './diskSpace.ts';
import { extractZip } from './extractZip.ts';
import { type Archive, type CocoPart, cocoArchives, cocoServer } from './fetch/cocoArchives.ts';
import { countFiles, isDone, markDone } from './fetch/doneMarker.ts';
import { parseUrl } from './fetch/httpGet.ts';
import type { FetchJob } from './fetch/job.ts';
import { partPath } from './fetch/partialFile.ts';
import { createReporter, type Reporter } from './fetch/reporter.ts';
import { fetchFile } from './fetchFile.ts';

export interface DownloadOptions {
  /** Folder of the data set, such as dataset/coco; made where missing. */
  readonly out: string;
  readonly parts: readonly CocoPart[];
  /** A mirror with the same paths as images.cocodataset.org. */
  readonly baseUrl?: string;
  readonly keepArchives?: boolean;
  readonly json: boolean;
}

/** 'present': nothing was to be done. */
export interface DownloadedPart {
  readonly folder: string;
  readonly files: number;
  readonly outcome: 'present' | 'extracted';
}

/** Ctrl-C (or SIGTERM) stops at the next chunk and keeps everything that is whole. */
export async function downloadCoco(options: DownloadOptions): Promise<readonly DownloadedPart[]> {
  const { parts, baseUrl = cocoServer, json, ...rest } = options;
  const chosen = (Object.keys(cocoArchives) as CocoPart[]).filter((part) => parts.includes(part));
  const archives = chosen.map((part) => cocoArchives[part]);
  const reporter = createReporter(json);
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const { signal } = controller;
    return await downloadArchives(archives, { ...rest, baseUrl, reporter, signal });
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    reporter.end();
  }
}

export interface ArchiveOptions {
  readonly out: string;
  readonly baseUrl: string;
  readonly keepArchives?: boolean;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
  readonly freeBytes?: FreeBytes;
  /** How patiently to fetch, for tests. */
  readonly patience?: Pick<FetchJob, 'attempts' | 'pauseMs' | 'stallMs'>;
}

export async function downloadArchives(
  archives: readonly Archive[],
  options: ArchiveOptions,
): Promise<readonly DownloadedPart[]> {
  const { out, reporter } = options;
  parseUrl(options.baseUrl);
  const missing: Archive[] = [];
  for (const archive of archives) {
    if (!(await isThere(archive, options))) missing.push(archive);
  }
  await requireRoom(missing, options);
  const done: DownloadedPart[] = [];
  for (const archive of archives) {
    const outcome = missing.includes(archive) ? 'extracted' : 'present';
    if (outcome === 'extracted') await fetchAndExtract(archive, options);
    const part = {
      folder: archive.folder,
      files: await countFiles(out, archive),
      outcome,
    } as const;
    reporter.event('part', { ...part });
    done.push(part);
  }
  reporter.line(`${resolve(out)} is complete: ${done.map(describe).join(', ')}.`);
  return done;
}

const describe = ({ folder, files }: DownloadedPart) => `${folder} (${files} files)`;

/** A folder that was filled by other means counts if it has as many files as the archive. */
async function isThere(archive: Archive, { out, reporter }: ArchiveOptions): Promise<boolean> {
  const { folder } = archive;
  if (await isDone(out, archive)) {
    reporter.line(`${folder}: already fetched and extracted, nothing to do.`);
    return true;
  }
  const files = await countFiles(out, archive);
  if (files < archive.files) return false;
  reporter.line(`${folder}: ${files} files are there already and are taken as they are.`);
  await markDone(out, archive);
  return true;
}

/**
 * The most that is on the disk at any time beyond what is there now: an archive and its files lie
 * side by side until the archive is removed.
 */
async function requireRoom(archives: readonly Archive[], options: ArchiveOptions): Promise<void> {
  const { out, keepArchives } = options;
  let taken = 0;
  let peak = 0;
  for (const archive of archives) {
    const fetched = await fetchedBytes(out, archive);
    const share = Math.max(0, 1 - (await countFiles(out, archive)) / archive.files);
    taken += Math.max(0, archive.bytes - fetched) + archive.extractedBytes * share;
    peak = Math.max(peak, taken);
    if (!keepArchives) taken -= archive.bytes;
  }
  const what = `download of ${archives.map(({ folder }) => folder).join(', ')}`;
  await requireSpace(what, resolve(out), peak, options.freeBytes);
}

async function fetchedBytes(out: string, { name }: Archive): Promise<number> {
  const file = join(out, name);
  const sizes = [file, partPath(file)].map((path) => stat(path).then(({ size }) => size));
  const known = await Promise.allSettled(sizes);
  return Math.max(0, ...known.map((size) => (size.status === 'fulfilled' ? size.value : 0)));
}

async function fetchAndExtract(archive: Archive, options: ArchiveOptions): Promise<void> {
  const { out, reporter, signal, freeBytes, keepArchives } = options;
  const { name, folder } = archive;
  const file = join(out, name);
  const fetched = await fetchFile(fetchJob(archive, file, options));
  reporter.line(
    fetched === 'present'
      ? `${name}: is there, its md5 is right.`
      : `${name}: fetched, ${formatBytes(archive.bytes)}, its md5 is right.`,
  );
  const { files, kept } = await extractZip({
    archive: file,
    out,
    maxBytes: 2 * archive.extractedBytes,
    signal,
    freeBytes,
    onProgress: (done, total) => reporter.update(`extracting ${name}`, done, total),
  });
  await markDone(out, archive);
  reporter.line(`${folder}: ${files} files extracted${kept > 0 ? `, ${kept} were there` : ''}.`);
  if (!keepArchives) await rm(file, { force: true });
}

function fetchJob(archive: Archive, file: string, options: ArchiveOptions): FetchJob {
  const { reporter, signal, freeBytes, patience } = options;
  const url = options.baseUrl.replace(/\/+$/, '') + archive.path;
  return {
    url,
    file,
    bytes: archive.bytes,
    checksum: { algorithm: 'md5', hex: archive.md5 },
    signal,
    freeBytes,
    advice: byHand(archive, url, file),
    onNote: (text) => reporter.line(text),
    onProgress: (phase, done, total) => {
      const doing = phase === 'fetch' ? 'fetching' : 'verifying';
      reporter.update(`${doing} ${archive.name}`, done, total);
    },
    ...patience,
  };
}

const byHand = ({ md5, bytes }: Archive, url: string, file: string) =>
  [
    'Where this machine has no way to the server, bring the file here by other means:',
    `  from  ${url}`,
    `  to    ${resolve(file)}`,
    `  md5   ${md5} (${bytes} bytes)`,
    'and run the same command again: it verifies the file and extracts it.',
  ].join('\n');
