// Members of a zip file that are stored without compression, as views of its bytes: what PyTorch
// writes. Found by the central directory, with every size checked; nothing is unpacked to disk.
import { inputError } from '../errors.ts';
import { crc32 } from './crc32.ts';
import { quote } from './pickle/values.ts';

const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const locator64Signature = 0x07064b50;
const centralSignature = 0x02014b50;
const localSignature = 0x04034b50;
const endBytes = 22;
const entryBytes = 46;
const longestComment = 0xffff;
/** The size or offset that stands for one in a field of 64 bits. */
const elsewhere = 0xffffffff;
const encrypted = 1;
/** A training checkpoint of HRNet-W48 has some 6,000. */
const mostMembers = 100_000;

export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);

export interface StoredZip {
  /** In the order of the directory. */
  readonly names: readonly string[];
  /** Contents of a member, whose checksum is compared when it is first asked for. */
  readonly read: (name: string) => Uint8Array | undefined;
}

interface Member {
  readonly data: Uint8Array;
  readonly crc: number;
  /** Where its directory entry stands. */
  readonly at: number;
  checked: boolean;
}

/** inputError where anything does not fit. */
export function readStoredZip(bytes: Uint8Array, where: string): StoredZip {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (problem: string, offset: number) =>
    inputError(
      `${where}: ${problem} (at byte ${offset}). The file is damaged or no .pth file; fetch it anew.`,
    );
  const need = (offset: number, length: number, what: string) => {
    if (!Number.isSafeInteger(offset) || offset + length > bytes.length)
      throw fail(`${what} of ${length} bytes lies outside of the file’s ${bytes.length}`, offset);
  };
  const long = (offset: number) => Number(view.getBigUint64(offset, true));
  const members = readDirectory();
  return {
    names: [...members.keys()],
    read(name) {
      const member = members.get(name);
      if (member && !member.checked) check(member, name);
      return member?.data;
    },
  };

  /** A CRC of 0 stands for none: PyTorch can be told not to compute it. */
  function check(member: Member, name: string): void {
    const { data, crc, at } = member;
    const computed = crc === 0 ? 0 : crc32(data);
    if (computed !== crc)
      throw fail(
        `member ${quote(name)} has the checksum ${hex(computed)}, expected ${hex(crc)}`,
        at,
      );
    member.checked = true;
  }

  function readDirectory(): Map<string, Member> {
    const { count, start, length } = findDirectory();
    need(start, length, 'directory');
    if (count > mostMembers) throw fail(`${count} members, expected at most ${mostMembers}`, start);
    const found = new Map<string, Member>();
    let total = 0;
    for (let i = 0, at = start; i < count; i++) {
      if (at + entryBytes > start + length || view.getUint32(at, true) !== centralSignature)
        throw fail(`expected entry ${i + 1} of ${count} of the directory`, at);
      const { name, member, next } = readEntry(at);
      if (found.has(name)) throw fail(`two members ${quote(name)}`, at);
      found.set(name, member);
      total += member.data.length;
      if (total > bytes.length) throw fail('members that overlap', at);
      at = next;
    }
    return found;
  }

  /** Where the directory lies: from the record at the end of the file, or its 64-bit one. */
  function findDirectory() {
    const earliest = Math.max(0, bytes.length - endBytes - longestComment);
    for (let end = bytes.length - endBytes; end >= earliest; end--) {
      if (view.getUint32(end, true) !== endSignature) continue;
      const locator = end - 20;
      if (locator >= 0 && view.getUint32(locator, true) === locator64Signature)
        return readEnd64(long(locator + 8));
      return {
        count: view.getUint16(end + 10, true),
        length: view.getUint32(end + 12, true),
        start: view.getUint32(end + 16, true),
      };
    }
    throw fail('expected the end record of a zip file', bytes.length);
  }

  function readEnd64(at: number) {
    need(at, 56, '64-bit end record');
    if (view.getUint32(at, true) !== end64Signature) throw fail('expected a 64-bit end record', at);
    return { count: long(at + 32), length: long(at + 40), start: long(at + 48) };
  }

  function readEntry(at: number): { name: string; member: Member; next: number } {
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const nameEnd = at + entryBytes + nameBytes;
    const next = nameEnd + extraBytes + view.getUint16(at + 32, true);
    need(at, next - at, 'directory entry');
    const name = new TextDecoder().decode(bytes.subarray(at + entryBytes, nameEnd));
    const { size, packed, local } = places(at, nameEnd, nameEnd + extraBytes);
    if (method !== 0 || flags & encrypted || packed !== size)
      throw fail(`member ${quote(name)} is compressed or encrypted, which .pth files are not`, at);
    need(local, 30, 'member header');
    if (view.getUint32(local, true) !== localSignature)
      throw fail('expected a member header', local);
    const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    need(from, size, `member ${quote(name)}`);
    const crc = view.getUint32(at + 16, true);
    const data = bytes.subarray(from, from + size);
    return { name, member: { data, crc, at, checked: false }, next };
  }

  /** Sizes and place of a member; those that do not fit stand in a field of their own, in this order. */
  function places(at: number, extra: number, extraEnd: number) {
    let field = zip64Field(extra, extraEnd);
    const take = (value: number) => {
      if (value !== elsewhere) return value;
      if (field.at + 8 > field.end) throw fail('a 64-bit size that is not there', at);
      field = { at: field.at + 8, end: field.end };
      return long(field.at - 8);
    };
    return {
      size: take(view.getUint32(at + 24, true)),
      packed: take(view.getUint32(at + 20, true)),
      local: take(view.getUint32(at + 42, true)),
    };
  }

  /** The extra field of 64-bit sizes; empty where there is none. */
  function zip64Field(from: number, end: number) {
    for (let at = from; at + 4 <= end; at += 4 + view.getUint16(at + 2, true)) {
      const fieldEnd = at + 4 + view.getUint16(at + 2, true);
      if (view.getUint16(at, true) === 1) return { at: at + 4, end: Math.min(fieldEnd, end) };
    }
    return { at: end, end };
  }
}

const hex = (crc: number) => crc.toString(16).padStart(8, '0');
