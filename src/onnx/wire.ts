// Protobuf's wire format: fields of a message as bytes, and back. What the fields mean is decided in
// proto.ts and read.ts. Groups, which nothing uses any more, are refused.
import { joinBytes } from '../formats/joinBytes.ts';

/** Some bytes of a file; large arrays stay views, so that weights are not copied. */
export interface Piece {
  readonly byteLength: number;
  readonly chunks: readonly Uint8Array[];
}

/** Pieces up to this size become one chunk, so that a file is not written in thousands of bits. */
const mergeBelow = 1 << 16;

const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

export function joinPieces(pieces: readonly Piece[]): Piece {
  const chunks = pieces.flatMap((piece) => piece.chunks);
  const byteLength = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  return byteLength > mergeBelow
    ? { byteLength, chunks }
    : pieceOf(toBytes({ byteLength, chunks }));
}

/** The piece in one array. */
export const toBytes = ({ chunks }: Piece): Uint8Array => joinBytes(chunks);

const pieceOf = (bytes: Uint8Array): Piece => ({ byteLength: bytes.byteLength, chunks: [bytes] });

/** A whole number of int32, int64 or an enum; negative ones take ten bytes. */
export const varintField = (field: number, value: number): Piece =>
  pieceOf(Uint8Array.from([...varint(tag(field, wireType.varint)), ...varint(value)]));

export function floatField(field: number, value: number): Piece {
  const bytes = new Uint8Array(5);
  bytes[0] = tag(field, wireType.fixed32);
  new DataView(bytes.buffer).setFloat32(1, value, true);
  return pieceOf(bytes);
}

export const textField = (field: number, text: string): Piece =>
  bytesField(field, new TextEncoder().encode(text));

export const bytesField = (field: number, bytes: Uint8Array): Piece =>
  lengthDelimited(field, pieceOf(bytes));

export const messageField = (field: number, fields: readonly Piece[]): Piece =>
  lengthDelimited(field, joinPieces(fields));

function lengthDelimited(field: number, body: Piece): Piece {
  const start = Uint8Array.from([
    ...varint(tag(field, wireType.bytes)),
    ...varint(body.byteLength),
  ]);
  return joinPieces([pieceOf(start), body]);
}

const tag = (field: number, type: number) => field * 8 + type;

function varint(value: number): number[] {
  if (!Number.isSafeInteger(value)) throw new Error(`protobuf: ${value} is no whole number`);
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return bytes;
}

/** One field of a message; `number` and `bytes` hold what its wire type carries. */
export interface WireField {
  readonly field: number;
  /** Of a varint, as int64; of four bytes, as float32. Digits beyond 2^53 are lost. */
  readonly number: number;
  /** Of text, bytes or a message; a view. Undefined for numbers. */
  readonly bytes: Uint8Array | undefined;
}

/** The fields of a message in order. Throws a RangeError where it is cut off or no protobuf. */
export function* readFields(message: Uint8Array): Generator<WireField> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const take = (length: number) => {
    if (length > message.length - at) throw new RangeError('it ends within a field');
    at += length;
    return at - length;
  };
  const number = () => {
    const [value, next] = readVarint(message, at);
    at = next;
    return value;
  };
  while (at < message.length) {
    const key = number();
    const field = Math.floor(key / 8);
    if (!(field >= 1 && field < 2 ** 29)) throw new RangeError(`field number ${field}`);
    switch (key % 8) {
      case wireType.varint:
        yield { field, number: number(), bytes: undefined };
        break;
      case wireType.bytes: {
        const length = number();
        if (length < 0) throw new RangeError('a negative length');
        const start = take(length);
        yield { field, number: 0, bytes: message.subarray(start, start + length) };
        break;
      }
      case wireType.fixed32:
        yield { field, number: view.getFloat32(take(4), true), bytes: undefined };
        break;
      case wireType.fixed64:
        yield { field, number: view.getFloat64(take(8), true), bytes: undefined };
        break;
      default:
        throw new RangeError(`wire type ${key % 8}`);
    }
  }
}

/** Whole numbers that lie one after the other, as packed repeated fields do. */
export function readPacked(bytes: Uint8Array): number[] {
  const values: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [value, next] = readVarint(bytes, at);
    values.push(value);
    at = next;
  }
  return values;
}

/** An int64 at `at`, and where it ends. */
function readVarint(bytes: Uint8Array, at: number): [value: number, next: number] {
  let low = 0;
  for (let i = 0; i < 4; i++) {
    const byte = byteAt(bytes, at + i);
    low += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return [low, at + i + 1];
  }
  let value = BigInt(low);
  for (let i = 4; i < 10; i++) {
    const byte = byteAt(bytes, at + i);
    value |= BigInt(byte & 127) << BigInt(7 * i);
    if (byte < 128) return [Number(BigInt.asIntN(64, value)), at + i + 1];
  }
  throw new RangeError('a number of more than ten bytes');
}

function byteAt(bytes: Uint8Array, at: number): number {
  if (at >= bytes.length) throw new RangeError('it ends within a number');
  return bytes[at]!;
}
