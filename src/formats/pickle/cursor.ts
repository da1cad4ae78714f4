// Reads the numbers, texts and bytes that follow a pickle's opcodes. Every length is compared with the
// bytes that are there before anything is made of it.
import { type Fail, narrow, type Pickled, say } from './values.ts';

/** Longer text is kept as bytes. */
const longText = 1 << 16;
const mostDigits = 64;
const longestLine = 1024;
/** Arguments that a function is called with at once. */
const charsAtOnce = 8192;
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class Cursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #fail: Fail;
  #at: number;

  constructor(bytes: Uint8Array, start: number, fail: Fail) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#fail = fail;
  }

  /** Where the next byte stands. */
  get at(): number {
    return this.#at;
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }
  uint16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }
  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }
  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }
  /** The one number that pickles hold big-endian. */
  float64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** A length written in so many bytes, which must fit into what is left of the file. */
  length(size: 1 | 4 | 8, what: string): number {
    const at = this.#take(size);
    const length = this.#unsigned(at, size);
    const left = this.#bytes.length - this.#at;
    if (length > left)
      throw this.#fail(`${what} of ${length} bytes in a file that has ${left} left`);
    return length;
  }

  #unsigned(at: number, size: 1 | 4 | 8): number {
    if (size === 1) return this.#bytes[at]!;
    return size === 4 ? this.#view.getUint32(at, true) : Number(this.#view.getBigUint64(at, true));
  }

  /** A view of the bytes. */
  part(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  text(length: number): Pickled {
    const utf8 = this.part(length);
    if (length > longText) return { kind: 'text', utf8 };
    try {
      return utf8Decoder.decode(utf8);
    } catch {
      throw this.#fail('text that is not UTF-8');
    }
  }

  /** Each byte a character; bytes where that is long. */
  latin1(length: number): string | Uint8Array {
    const part = this.part(length);
    return length > longText ? part : characters(part);
  }

  /** Up to the next line feed, which is passed over. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0 || end - this.#at > longestLine) throw this.#fail('a line without an end');
    const text = characters(this.part(end - this.#at));
    this.#take(1);
    return text;
  }

  /** A line with a whole number; '00' and '01' are booleans. */
  integerLine(): Pickled {
    const text = this.line();
    if (text === '00' || text === '01') return text === '01';
    const digits = text.replace(/L$/, '');
    if (!/^-?\d+$/.test(digits) || digits.length > mostDigits)
      throw this.#fail(`expected a whole number, got ${say(text)}`);
    return narrow(BigInt(digits));
  }

  /** Little-endian two's complement. */
  long(length: number): Pickled {
    if (length > mostDigits) throw this.#fail(`an integer of ${length} bytes`);
    const part = this.part(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(part[i]!);
    return narrow(BigInt.asIntN(8 * length, value));
  }

  /** Offset of bytes that are there; moves on behind them. */
  #take(length: number): number {
    const from = this.#at;
    const left = this.#bytes.length - from;
    if (length > left) throw this.#fail(`expected ${length} more bytes, got ${left}`);
    this.#at += length;
    return from;
  }
}

function characters(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += charsAtOnce)
    text += String.fromCharCode.apply(null, bytes.subarray(i, i + charsAtOnce) as never);
  return text;
}
