// The central directory of an archive, read and judged before a byte is extracted.
import yauzl from 'yauzl';
import { inputError } from '../../errors.ts';
import { unsafeName } from './memberName.ts';

/** COCO's largest archive has 118 288 members; this bounds what a forged one can make us hold. */
const maxMembers = 500_000;

export interface Member {
  readonly name: string;
  /** Bytes once extracted, as declared; extraction stops where they are exceeded. */
  readonly size: number;
  readonly crc32: number;
  readonly entry: yauzl.Entry;
}

export interface Members {
  readonly files: readonly Member[];
  /** Names of folders with a member of their own. */
  readonly folders: readonly string[];
  /** Declared bytes of all files. */
  readonly bytes: number;
}

export async function openZip(archive: string): Promise<yauzl.ZipFile> {
  try {
    return await yauzl.openPromise(archive, { autoClose: false, strictFileNames: true });
  } catch (error) {
    throw damagedError(archive, error);
  }
}

export async function readMembers(archive: string, zip: yauzl.ZipFile): Promise<Members> {
  if (zip.entryCount > maxMembers) {
    throw refusal(archive, `it declares ${zip.entryCount} members, more than ${maxMembers}`);
  }
  const files: Member[] = [];
  const folders: string[] = [];
  for (const entry of await readEntries(archive, zip)) {
    const fault = findFault(entry);
    if (fault !== undefined) throw refusal(archive, `member '${printable(entry)}': ${fault}`);
    const { fileName: name, uncompressedSize: size, crc32 } = entry;
    if (name.endsWith('/')) folders.push(name);
    else files.push({ name, size, crc32, entry });
  }
  const twice = firstTwice(files.map(({ name }) => name));
  if (twice !== undefined) throw refusal(archive, `two members have the name '${twice}'`);
  return { files, folders, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

async function readEntries(archive: string, zip: yauzl.ZipFile): Promise<yauzl.Entry[]> {
  const entries: yauzl.Entry[] = [];
  try {
    for await (const entry of zip.eachEntry()) entries.push(entry);
  } catch (error) {
    throw damagedError(archive, error);
  }
  return entries;
}

const fileTypeMask = 0o170000;
const regularFile = 0o100000;
const folder = 0o040000;

/** The upper half of the external attributes is the Unix mode where the archive was made on Unix. */
function findFault(entry: yauzl.Entry): string | undefined {
  const type = (entry.externalFileAttributes >>> 16) & fileTypeMask;
  if (type !== 0 && type !== regularFile && type !== folder) {
    return 'it is a link or a device, only files and folders are extracted';
  }
  if (entry.isEncrypted()) return 'it is encrypted';
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
    return `it is compressed by method ${entry.compressionMethod}, expected 0 (stored) or 8 (deflate)`;
  }
  return unsafeName(entry.fileName);
}

/** Names that differ in case only would be one file on some systems. */
function firstTwice(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name.toLowerCase()).size);
}

const printable = ({ fileName }: yauzl.Entry) =>
  JSON.stringify(fileName.slice(0, 200)).slice(1, -1);

export const refusal = (archive: string, why: string) =>
  inputError(`extract: ${archive} is refused: ${why}. Fetch the archive from its source again.`);

export const damagedError = (archive: string, error: unknown) =>
  inputError(
    `extract: expected ${archive} to be a whole ZIP archive: ${(error as Error).message}. ` +
      'Delete it and fetch it again.',
    { cause: error },
  );
