// Writes a state dict as PyTorch's zip form: data.pkl, one stored member a tensor at a multiple of 64
// bytes, version. torch.load reads it back exactly. The data are handed on, not copied.
import { crc32 } from './crc32.ts';
import { storageTypes } from './pickle/rules.ts';
import { writePickle } from './pickle/write.ts';
import { elementCount, type Tensor } from './tensor.ts';

const folder = 'archive';
const alignment = 64;
const utf8 = (text: string) => new TextEncoder().encode(text);

interface Member {
  readonly name: string;
  readonly pieces: readonly Uint8Array[];
}

/** The file in pieces. */
export function layoutTorch(tensors: ReadonlyMap<string, Tensor>): readonly Uint8Array[] {
  const entries = [...tensors];
  const members: Member[] = [
    { name: 'data.pkl', pieces: stateDictPickle(entries) },
    { name: 'byteorder', pieces: [utf8('little')] },
    ...entries.map(([, { data }], i) => ({ name: `data/${i}`, pieces: [data] })),
    { name: 'version', pieces: [utf8('3\n')] },
  ];
  return layoutZip(members);
}

function stateDictPickle(entries: readonly (readonly [string, Tensor])[]) {
  return writePickle((out) => {
    out.global('collections', 'OrderedDict');
    out.tuple([]);
    out.reduce();
    out.fill(
      entries.map(([name, tensor], i) => [name, () => tensorAt(tensor, String(i))] as const),
    );

    function tensorAt({ dtype, shape }: Tensor, key: string): void {
      const type = Object.keys(storageTypes).find((name) => storageTypes[name] === dtype)!;
      out.global('torch._utils', '_rebuild_tensor_v2');
      out.tuple([
        () => {
          out.tuple([
            () => out.text('storage'),
            () => out.global('torch', type),
            () => out.text(key),
            () => out.text('cpu'),
            () => out.integer(elementCount(shape)!),
          ]);
          out.persistent();
        },
        () => out.integer(0),
        () => out.tuple(shape.map((side) => () => out.integer(side))),
        () => out.tuple(rowMajorStrides(shape).map((stride) => () => out.integer(stride))),
        () => out.boolean(false),
        () => {
          out.global('collections', 'OrderedDict');
          out.tuple([]);
          out.reduce();
        },
      ]);
      out.reduce();
    }
  }, 2);
}

const rowMajorStrides = (shape: readonly number[]) =>
  shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));

/** Zip without compression; 64-bit fields where sizes or offsets need them. */
function layoutZip(members: readonly Member[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  const put = (piece: Uint8Array) => {
    pieces.push(piece);
    offset += piece.length;
  };
  for (const { name, pieces: contents } of members) {
    const title = utf8(`${folder}/${name}`);
    const size = contents.reduce((sum, { length }) => sum + length, 0);
    const crc = contents.reduce((value, piece) => crc32(piece, value), 0);
    const local = offset;
    // An extra field of the right length moves the data to a multiple of 64 bytes.
    const unpadded = local + 30 + title.length + 4;
    const padding = (alignment - (unpadded % alignment)) % alignment;
    put(header(0x04034b50, title, size, crc, field(0x4246, new Uint8Array(padding))));
    for (const piece of contents) put(piece);
    directory.push(directoryEntry(title, size, crc, local));
  }
  const start = offset;
  for (const entry of directory) put(entry);
  const length = offset - start;
  const wide = start > 0xfffffffe || members.length > 0xfffe;
  if (wide) put(end64(members.length, length, start, offset));
  put(end(members.length, length, start, wide));
  return pieces;
}

function bytesOf(...parts: readonly (readonly [size: 2 | 4 | 8, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of parts) {
    if (size === 2) view.setUint16(at, value, true);
    else if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += size;
  }
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

const field = (id: number, contents: Uint8Array) =>
  joined(bytesOf([2, id], [2, contents.length]), contents);

/** What the header of a member and its directory entry have in common begins after the signature. */
function header(
  signature: number,
  title: Uint8Array,
  size: number,
  crc: number,
  extra: Uint8Array,
): Uint8Array {
  const head = bytesOf([4, signature], [2, 0], [2, 0], [2, 0], [4, 0x00210000], [4, crc]);
  const sizes = bytesOf([4, size], [4, size], [2, title.length], [2, extra.length]);
  return joined(head, sizes, title, extra);
}

function directoryEntry(title: Uint8Array, size: number, crc: number, local: number): Uint8Array {
  const wide = local > 0xfffffffe;
  const extra = wide ? field(1, bytesOf([8, local])) : new Uint8Array(0);
  const head = bytesOf([4, 0x02014b50], [2, 0], [2, 0], [2, 0], [2, 0], [4, 0x00210000], [4, crc]);
  const sizes = bytesOf([4, size], [4, size], [2, title.length], [2, extra.length], [2, 0]);
  const place = bytesOf([2, 0], [2, 0], [4, 0], [4, wide ? 0xffffffff : local]);
  return joined(head, sizes, place, title, extra);
}

function end64(count: number, length: number, start: number, at: number): Uint8Array {
  const record = bytesOf([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count]);
  const sizes = bytesOf([8, count], [8, length], [8, start]);
  const locator = bytesOf([4, 0x07064b50], [4, 0], [8, at], [4, 1]);
  return joined(record, sizes, locator);
}

function end(count: number, length: number, start: number, wide: boolean): Uint8Array {
  const entries = wide ? 0xffff : count;
  const place = wide ? 0xffffffff : start;
  return bytesOf(
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, entries],
    [2, entries],
    [4, length],
    [4, place],
    [2, 0],
  );
}
