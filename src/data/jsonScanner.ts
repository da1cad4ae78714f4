// Reads JSON files of any size as a stream of bytes and builds nothing that is not asked for.
// Values that are skipped cost no memory and only have their strings and brackets checked.
// Memory is one window of the file; nesting, strings and numbers are bounded.
import { inputError } from '../errors.ts';
import type { ByteSource } from './byteSource.ts';

const WINDOW = 1 << 20;
const MAX_STRING = 1 << 16;
const MAX_NUMBER = 400;
const MAX_DEPTH = 256;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** 1 for the bytes at which a skipped value needs attention: quotes and brackets. */
const structural = byteSet('"[]{}');
const whitespace = byteSet(' \t\n\r');
/** Bytes of numbers, and of the words that Python writes for numbers that are not finite. */
const numeric = byteSet('+-.0123456789eENaInfity');
/** Powers of ten that a double holds exactly. */
const powersOfTen = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Bytes of ASCII as text. Most are keys of a few letters, for which a decoder would take longer. */
function plainText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > 64) return utf8.decode(bytes.subarray(start, end));
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

function byteSet(characters: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const character of characters) set[character.charCodeAt(0)] = 1;
  return set;
}

export class JsonScanner {
  readonly #source: ByteSource;
  readonly #buffer = new Uint8Array(WINDOW);
  readonly #stack = new Uint8Array(MAX_DEPTH);
  #position = 0;
  #end = 0;
  /** Byte offset in the file of the window's first byte. */
  #offset = 0;
  #atEnd = false;

  /** The source is the scanner's: close() ends both. */
  constructor(source: ByteSource) {
    this.#source = source;
  }

  close(): void {
    this.#source.close();
  }

  /** The next byte that is not whitespace, not consumed. */
  peek(): number {
    for (;;) {
      while (this.#position < this.#end) {
        const byte = this.#buffer[this.#position];
        if (whitespace[byte] === 0) return byte;
        this.#position++;
      }
      if (!this.#fill()) return this.fail('more JSON');
    }
  }

  /** Calls `member` for every key; it must consume the value, by reading or `skip`. */
  object(member: (key: string) => void): void {
    this.#take(OPEN_BRACE, "an object, '{'");
    if (this.peek() === CLOSE_BRACE) {
      this.#position++;
      return;
    }
    for (;;) {
      const key = this.string();
      this.#take(COLON, `':' after the key "${key}"`);
      member(key);
      if (this.peek() === CLOSE_BRACE) break;
      this.#take(COMMA, "',' or '}'");
    }
    this.#position++;
  }

  /** Calls `element` for every element; it must consume the value. */
  array(element: (index: number) => void): void {
    this.#take(OPEN, "a list, '['");
    if (this.peek() === CLOSE) {
      this.#position++;
      return;
    }
    for (let index = 0; ; index++) {
      element(index);
      if (this.peek() === CLOSE) break;
      this.#take(COMMA, "',' or ']'");
    }
    this.#position++;
  }

  /**
   * Reads a list of numbers into `out` and returns how many the list has. Numbers beyond the length
   * of `out` are counted and dropped.
   */
  numbers(out: Float64Array): number {
    let count = 0;
    this.array(() => {
      const value = this.number();
      if (count < out.length) out[count] = value;
      count++;
    });
    return count;
  }

  /**
   * A number; `true` and `false` count as 1 and 0. NaN and Infinity, which Python writes although
   * JSON has no such numbers, are returned as they are so that the caller can say what holds them.
   */
  number(): number {
    const first = this.peek();
    this.#ensure(MAX_NUMBER);
    if (first === 0x74 && this.#word('true')) return 1;
    if (first === 0x66 && this.#word('false')) return 0;
    const buffer = this.#buffer;
    let position = this.#position;
    let digits = 0;
    let decimals = 0;
    let mantissa = 0;
    if (first === MINUS) position++;
    const start = position;
    for (; isDigit(buffer[position]) && position < this.#end; position++, digits++)
      mantissa = mantissa * 10 + buffer[position] - ZERO;
    const leadingZero = digits > 1 && buffer[start] === ZERO;
    if (digits > 0 && buffer[position] === POINT && position < this.#end)
      for (position++; isDigit(buffer[position]) && position < this.#end; position++, decimals++)
        mantissa = mantissa * 10 + buffer[position] - ZERO;
    const simple = digits > 0 && digits + decimals <= 15 && !leadingZero;
    // A mantissa under 2^53 over an exact power of ten is one correctly rounded division.
    if (
      !simple ||
      (position < this.#end && numeric[buffer[position]] === 1) ||
      endsInPoint(buffer, position)
    )
      return this.#slowNumber();
    this.#position = position;
    const value = mantissa / powersOfTen[decimals];
    return first === MINUS ? -value : value;
  }

  string(): string {
    if (this.peek() !== QUOTE) this.fail('a string');
    this.#ensure(MAX_STRING + 2);
    const buffer = this.#buffer;
    const start = this.#position + 1;
    const limit = Math.min(this.#end, start + MAX_STRING);
    let plain = true;
    let position = start;
    for (; position < limit && buffer[position] !== QUOTE; position++) {
      const byte = buffer[position];
      if (byte >= 0x20 && byte < 0x80 && byte !== BACKSLASH) continue;
      plain = false;
      if (byte === BACKSLASH) position++;
    }
    if (position >= limit) return this.#unclosedString(limit);
    const text = plain
      ? plainText(buffer, start, position)
      : this.#escaped(utf8.decode(buffer.subarray(start - 1, position + 1)));
    this.#position = position + 1;
    return text;
  }

  /** Passes over one value of any kind. */
  skip(): void {
    const first = this.peek();
    if (first === OPEN || first === OPEN_BRACE) this.#skipNested();
    else if (first === QUOTE) this.#skipString();
    else this.#skipWord();
  }

  /** The file must have nothing but whitespace left. */
  finish(): void {
    for (;;) {
      for (; this.#position < this.#end; this.#position++)
        if (whitespace[this.#buffer[this.#position]] === 0) this.fail('the end of the file');
      if (!this.#fill()) return;
    }
  }

  /** Throws the one error for a file that is not the JSON it should be. */
  fail(expected: string): never {
    const at = this.#offset + this.#position;
    if (this.#position >= this.#end && this.#atEnd)
      throw inputError(
        `${this.#source.name}: the file ends at byte ${at} where ${expected} should follow: it is incomplete. ` +
          'Download or copy it again.',
      );
    const got = JSON.stringify(String.fromCharCode(this.#buffer[this.#position]));
    throw inputError(
      `${this.#source.name}: expected ${expected} at byte ${at}, got ${got}. ` +
        'The file is damaged or of another kind; download or copy it again.',
    );
  }

  #take(byte: number, expected: string): void {
    if (this.peek() !== byte) this.fail(expected);
    this.#position++;
  }

  /** Makes at least `count` bytes available, unless the file ends before. */
  #ensure(count: number): void {
    while (this.#end - this.#position < count && this.#fill());
  }

  /** Moves what is left to the front of the window and reads on; false at the end of the file. */
  #fill(): boolean {
    if (this.#atEnd) return false;
    this.#buffer.copyWithin(0, this.#position, this.#end);
    this.#offset += this.#position;
    this.#end -= this.#position;
    this.#position = 0;
    const read = this.#source.read(this.#buffer.subarray(this.#end));
    this.#end += read;
    this.#atEnd = read === 0;
    return read > 0;
  }

  #word(word: string): boolean {
    const end = this.#position + word.length;
    if (end > this.#end || plainText(this.#buffer, this.#position, end) !== word) return false;
    this.#position = end;
    return true;
  }

  #slowNumber(): number {
    const start = this.#position;
    let end = start;
    while (end < this.#end && end - start < MAX_NUMBER && numeric[this.#buffer[end]] === 1) end++;
    const text = plainText(this.#buffer, start, end);
    const finite = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text);
    if (!finite && !/^(NaN|-?Infinity)$/.test(text)) {
      if (end === this.#end) this.#position = end;
      return this.fail('a number');
    }
    this.#position = end;
    return Number(text);
  }

  #escaped(quoted: string): string {
    try {
      return JSON.parse(quoted) as string;
    } catch {
      return this.fail('a well-formed string');
    }
  }

  #unclosedString(limit: number): never {
    const expected = `the closing '"' of a string of at most ${MAX_STRING} bytes`;
    if (limit === this.#end) this.#position = limit;
    return this.fail(expected);
  }

  #skipString(): void {
    this.#position++;
    for (;;) {
      const buffer = this.#buffer;
      const end = this.#end;
      let position = this.#position;
      while (position < end && buffer[position] !== QUOTE)
        position += buffer[position] === BACKSLASH ? 2 : 1;
      this.#position = Math.min(position, end);
      if (position < end) {
        this.#position++;
        return;
      }
      // An escape that the window cuts in two hides its second byte, which may be a quote.
      const hidden = position - end;
      if (!this.#fill()) this.fail("the closing '\"' of a string");
      this.#position += hidden;
    }
  }

  #skipNested(): void {
    const stack = this.#stack;
    let depth = 0;
    for (;;) {
      const buffer = this.#buffer;
      const end = this.#end;
      let position = this.#position;
      while (position < end && structural[buffer[position]] === 0) position++;
      this.#position = position;
      if (position === end) {
        if (!this.#fill()) this.fail(`'${String.fromCharCode(stack[depth - 1])}'`);
        continue;
      }
      const byte = buffer[position];
      if (byte === QUOTE) {
        this.#skipString();
        continue;
      }
      if (byte === OPEN || byte === OPEN_BRACE) {
        if (depth === MAX_DEPTH) this.fail(`at most ${MAX_DEPTH} levels of nesting`);
        stack[depth++] = byte + 2;
      } else if (stack[--depth] !== byte) this.fail(`'${String.fromCharCode(stack[depth])}'`);
      this.#position++;
      if (depth === 0) return;
    }
  }

  #skipWord(): void {
    this.#ensure(8);
    if (this.#word('null')) return;
    this.number();
  }
}

const isDigit = (byte: number) => byte >= ZERO && byte <= ZERO + 9;
const endsInPoint = (buffer: Uint8Array, position: number) => buffer[position - 1] === POINT;
