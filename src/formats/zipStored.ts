// Members of a zip file that are stored without compression, as views of its bytes: what PyTorch
// writes. Found by the central directory, with every size checked; nothing is unpacked to disk.
import { inputError } from '../errors.ts';

const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const locator64Signature = 0x07064b50;
const centralSignature = 0x02014b50;
const localSignature = 0x04034b50;
const endBytes = 22;
const longestComment = 0xffff;

export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);

/** Name → contents, in the order of the directory. inputError where anything does not fit. */
export function readStoredZip(bytes: Uint8Array, where: string): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (problem: string, offset: number) =>
    inputError(
      `${where}: ${problem} (at byte ${offset}). The file is damaged or no .pth file; fetch it anew.`,
    );
  const need = (offset: number, length: number, what: string) => {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + length > bytes.length)
      throw fail(`${what} of ${length} bytes lies outside of the file's ${bytes.length}`, offset);
  };
  const long = (offset: number) => Number(view.getBigUint64(offset, true));
  const { count, start, length } = directory();
  need(start, length, 'directory');
  const members = new Map<string, Uint8Array>();
  let at = start;
  for (let i = 0; i < count; i++) {
    need(at, 46, 'directory entry');
    if (at + 46 > start + length || view.getUint32(at, true) !== centralSignature)
      throw fail('expected a directory entry', at);
    at = member(at);
  }
  return members;

  /** Where the directory lies: from the record at the end of the file, or its 64-bit one. */
  function directory() {
    const earliest = Math.max(0, bytes.length - endBytes - longestComment);
    for (let end = bytes.length - endBytes; end >= earliest; end--) {
      if (view.getUint32(end, true) !== endSignature) continue;
      const locator = end - 20;
      const wide = locator >= 0 && view.getUint32(locator, true) === locator64Signature;
      const plain = {
        count: view.getUint16(end + 10, true),
        length: view.getUint32(end + 12, true),
        start: view.getUint32(end + 16, true),
      };
      return wide ? directory64(long(locator + 8)) : plain;
    }
    throw fail('expected the end record of a zip file', bytes.length);
  }

  function directory64(at: number) {
    need(at, 56, '64-bit end record');
    if (view.getUint32(at, true) !== end64Signature) throw fail('expected a 64-bit end record', at);
    return { count: long(at + 32), length: long(at + 40), start: long(at + 48) };
  }

  /** Reads one directory entry; returns where the next one starts. */
  function member(at: number): number {
    const method = view.getUint16(at + 10, true);
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const next = at + 46 + nameBytes + extraBytes + view.getUint16(at + 32, true);
    need(at, next - at, 'directory entry');
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameBytes));
    const wide = { size: view.getUint32(at + 24, true), local: view.getUint32(at + 42, true) };
    const packed = view.getUint32(at + 20, true);
    if (method !== 0 || (packed !== wide.size && packed !== 0xffffffff))
      throw fail(
        `member ${JSON.stringify(name.slice(0, 60))} is compressed, which .pth files are not`,
        at,
      );
    const extra = { from: at + 46 + nameBytes, to: at + 46 + nameBytes + extraBytes };
    const { size, local } = widened(wide, packed, extra);
    need(local, 30, 'member header');
    if (view.getUint32(local, true) !== localSignature)
      throw fail('expected a member header', local);
    const data = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    need(data, size, `member ${JSON.stringify(name.slice(0, 60))}`);
    members.set(name, bytes.subarray(data, data + size));
    return next;
  }

  /** Sizes and offsets of 0xffffffff stand in a field of their own, in a fixed order. */
  function widened(
    { size, local }: { size: number; local: number },
    packed: number,
    extra: { from: number; to: number },
  ) {
    let at = extra.from;
    while (at + 4 <= extra.to) {
      const [id, fieldBytes] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
      const to = Math.min(at + 4 + fieldBytes, extra.to);
      if (id === 1) {
        let field = at + 4;
        const take = (value: number) => {
          if (value !== 0xffffffff) return value;
          if (field + 8 > to) throw fail('a 64-bit size that is not there', field);
          field += 8;
          return long(field - 8);
        };
        const wideSize = take(size);
        take(packed);
        return { size: wideSize, local: take(local) };
      }
      at = to === at ? extra.to : at + 4 + fieldBytes;
    }
    return { size, local };
  }
}
