// Addresses of weights: what one says, and where the file that it names lies in the cache.
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { cacheFolder } from '../cacheFolder.ts';
import { usageError } from '../errors.ts';
import { parseUrl } from './fetch/httpGet.ts';
import type { Checksum } from './hashFile.ts';

export interface WeightAddress {
  /** Without the fragment. */
  readonly url: string;
  readonly host: string;
  /** Name of the file, of harmless characters only. */
  readonly name: string;
  readonly checksum: Checksum | undefined;
}

export const isAddress = (place: string): boolean => /^https?:\/\//i.test(place);

const digits = { md5: 32, sha256: 64 } as const;

/** `https://host/path/NAME`, at the end `#sha256=…` or `#md5=…` where the checksum is known. */
export function parseWeightAddress(place: string): WeightAddress {
  const url = parseUrl(place);
  if (url.username || url.password) {
    throw usageError(`weights: ${url.host}: an address must not hold a name or password.`);
  }
  const checksum = parseChecksum(url.hash.slice(1));
  url.hash = '';
  return { url: url.href, host: url.hostname, name: fileName(url.pathname), checksum };
}

function parseChecksum(fragment: string): Checksum | undefined {
  if (fragment === '') return undefined;
  const [, algorithm, hex] = /^(md5|sha256)=([0-9a-f]+)$/i.exec(fragment) ?? [];
  const kind = algorithm?.toLowerCase() as Checksum['algorithm'] | undefined;
  if (kind !== undefined && hex?.length === digits[kind]) {
    return { algorithm: kind, hex: hex.toLowerCase() };
  }
  throw usageError(
    `weights: expected '#sha256=' and 64 digits, or '#md5=' and 32, after the address; got '#${fragment.slice(0, 80)}'.`,
  );
}

const longestName = 120;
const fileName = (path: string): string =>
  basename(path)
    .replace(/%[0-9a-f]{2}|[^\w.+-]/gi, '_')
    .replace(/^\.+/, '')
    .slice(-longestName) || 'weights';

/** Two addresses never share a file; a file that is put there by hand keeps its name. */
export function cachePath({ url, host, name }: WeightAddress, cache = cacheFolder()): string {
  const key = createHash('sha256').update(url).digest('hex').slice(0, 8);
  return join(cache, 'weights', `${host.replace(/[^\w.-]/g, '_')}-${key}`, name);
}

/**
 * The first digits of the SHA-256 that a name promises, as the official files do
 * (`hrnet_w32-36af842e.pth`) and MMPose's (`…-d9f0d786_20200708.pth`). Eight decimal digits are a date.
 */
export function promisedSha256(name: string): string | undefined {
  const hex = /-([0-9a-f]{8,64})(?:_\d{8})?\.[a-z]+$/.exec(name)?.[1];
  return hex === undefined || /^\d+$/.test(hex) ? undefined : hex;
}
