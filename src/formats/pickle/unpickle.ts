// A restricted reader of Python pickles, protocols 0 to 5 as far as weight files use them. Opcodes
// and globals are allow-lists; every length is checked against the bytes that are there before
// anything is made; shared parts stay shared. Spec 1.6.
import { type Allowance, allowanceFor } from '../allowance.ts';
import { narrow } from './numpyRules.ts';
import { opcodeName } from './opcodes.ts';
import { type Rules, rules as weightRules } from './rules.ts';
import { type Fail, failAt, type Pickled, type Reading, say } from './values.ts';

export interface Unpickled {
  readonly value: Pickled;
  /** Offset of the byte after STOP. */
  readonly end: number;
}

/**
 * What the values of a pickle may weigh in memory, by the estimates below. A training checkpoint of
 * HRNet-W48 with its moments comes to WEIGHT.
 */
const mostWeight = 48e6;
const weights = { opcode: 32, list: 64, dict: 200, bytes: 120, record: 160, entry: 56, memo: 56 };
/** Longer text is kept as bytes. */
const longText = 1 << 16;
const mostDigits = 64;

const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const mark: unique symbol = Symbol('mark');
type Item = Pickled | typeof mark;

/** @param where the file, for errors */
export function unpickle(
  bytes: Uint8Array,
  where: string,
  start = 0,
  rules: Rules = weightRules,
): Unpickled {
  return new Machine(bytes, where, start, rules).run();
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #rules: Rules;
  readonly #fail: Fail;
  readonly #reading: Reading;
  readonly #stack: Item[] = [];
  readonly #memo = new Map<number, Pickled>();
  #weight = 0;
  #at: number;
  /** Where the present opcode stands. */
  #opcodeAt: number;

  constructor(bytes: Uint8Array, where: string, start: number, rules: Rules) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#rules = rules;
    this.#at = start;
    this.#opcodeAt = start;
    const opcode = () => opcodeName(bytes[this.#opcodeAt]);
    this.#fail = failAt(where, () => `byte ${this.#opcodeAt}, ${opcode()}`);
    this.#reading = { fail: this.#fail, spend: this.#spender(allowanceFor(bytes.length)) };
  }

  #spender(allows: Allowance) {
    return (bytes: number) => {
      if (!allows(bytes)) throw this.#fail('more data than the file has bytes for');
    };
  }

  run(): Unpickled {
    for (;;) {
      this.#opcodeAt = this.#at;
      const opcode = this.#byte();
      if (opcode === 0x2e) return { value: this.#result(), end: this.#at };
      this.#weigh(weights.opcode);
      this.#step(opcode);
    }
  }

  #result(): Pickled {
    const value = this.#pop();
    if (this.#stack.length > 0) throw this.#fail('STOP with values left over');
    return value;
  }

  /** One opcode; names as in Python's pickletools. */
  #step(opcode: number): void {
    const value = this.#value(opcode);
    if (value === undefined) this.#act(opcode);
    else this.#push(value);
  }

  #push(value: Item): void {
    this.#weigh(weightOf(value));
    this.#stack.push(value);
  }

  /** Keeps small files from filling the memory with small objects. */
  #weigh(weight: number): void {
    this.#weight += weight;
    if (this.#weight > mostWeight)
      throw this.#fail('more lists, dicts and references than weights need');
  }

  /** What an opcode pushes; undefined for those that do something else. */
  #value(opcode: number): Item | undefined {
    switch (opcode) {
      case 0x28: // MARK
        return mark;
      case 0x32: // DUP
        return this.#top();
      case 0x4e: // NONE
        return null;
      case 0x88: // NEWTRUE
      case 0x89: // NEWFALSE
        return opcode === 0x88;
      case 0x4b: // BININT1
        return this.#byte();
      case 0x4d: // BININT2
        return this.#view.getUint16(this.#take(2), true);
      case 0x4a: // BININT
        return this.#view.getInt32(this.#take(4), true);
      case 0x49: // INT
        return this.#integerLine();
      case 0x4c: // LONG
        return this.#integerLine();
      case 0x8a: // LONG1
        return this.#long(this.#byte());
      case 0x8b: // LONG4
        return this.#long(this.#count(4, 'integer'));
      case 0x47: // BINFLOAT
        return this.#view.getFloat64(this.#take(8), false);
      case 0x58: // BINUNICODE
        return this.#text(this.#count(4, 'text'));
      case 0x8c: // SHORT_BINUNICODE
        return this.#text(this.#count(1, 'text'));
      case 0x8d: // BINUNICODE8
        return this.#text(this.#count(8, 'text'));
      case 0x54: // BINSTRING, read as latin1
        return this.#latin1(this.#count(4, 'string'));
      case 0x55: // SHORT_BINSTRING
        return this.#latin1(this.#count(1, 'string'));
      case 0x42: // BINBYTES
        return this.#part(this.#count(4, 'bytes'));
      case 0x43: // SHORT_BINBYTES
        return this.#part(this.#count(1, 'bytes'));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#part(this.#count(8, 'bytes'));
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        return [];
      case 0x7d: // EMPTY_DICT
        return new Map();
      case 0x8f: // EMPTY_SET
        return [];
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#last(opcode - 0x84);
      case 0x74: // TUPLE
      case 0x6c: // LIST
        return this.#toMark();
      case 0x64: // DICT
        return this.#fill(new Map(), this.#toMark());
      case 0x51: // BINPERSID
        return this.#rules.persistent(this.#pop(), this.#reading);
      default:
        return undefined;
    }
  }

  #act(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        this.#protocol();
        return;
      case 0x95: // FRAME: a length that must fit; what is in it is read as if it were not there.
        this.#count(8, 'frame');
        return;
      case 0x30: // POP
        if (this.#stack.pop() === undefined) throw this.#fail('POP from an empty stack');
        return;
      case 0x31: // POP_MARK
        this.#toMark();
        return;
      case 0x61: // APPEND
        this.#extend(this.#last(1));
        return;
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        this.#extend(this.#toMark());
        return;
      case 0x73: // SETITEM
        this.#setItems(this.#last(2));
        return;
      case 0x75: // SETITEMS
        this.#setItems(this.#toMark());
        return;
      case 0x63: // GLOBAL
        this.#global(this.#line(), this.#line());
        return;
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.#last(2);
        if (typeof module !== 'string' || typeof name !== 'string')
          throw this.#fail(`expected the name of a class, got ${say(module)}, ${say(name)}`);
        this.#global(module, name);
        return;
      }
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        this.#call();
        return;
      case 0x62: // BUILD
        this.#build();
        return;
      case 0x71: // BINPUT
        this.#remember(this.#byte());
        return;
      case 0x72: // LONG_BINPUT
        this.#remember(this.#view.getUint32(this.#take(4), true));
        return;
      case 0x94: // MEMOIZE
        this.#remember(this.#memo.size);
        return;
      case 0x68: // BINGET
        this.#recall(this.#byte());
        return;
      case 0x6a: // LONG_BINGET
        this.#recall(this.#view.getUint32(this.#take(4), true));
        return;
      case 0x70: // PUT
        this.#remember(Number(this.#integerLine()));
        return;
      case 0x67: // GET
        this.#recall(Number(this.#integerLine()));
        return;
      default:
        throw this.#fail('an opcode that weight files do not use');
    }
  }

  #protocol(): void {
    const version = this.#byte();
    if (version > 5) throw this.#fail(`expected a pickle of protocol 0 to 5, got ${version}`);
  }

  #call(): void {
    const [callee, args] = this.#last(2);
    if (!Array.isArray(args)) throw this.#fail(`expected arguments, got ${say(args)}`);
    this.#push(this.#rules.call(callee, args, this.#reading));
  }

  #build(): void {
    const state = this.#pop();
    this.#rules.build(this.#top(), state, this.#reading);
  }

  #global(module: string, name: string): void {
    this.#push(this.#rules.global(`${module}.${name}`, this.#reading));
  }

  #extend(items: Pickled[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#fail(`expected a list to append to, got ${say(list)}`);
    for (const item of items) list.push(item);
  }

  #setItems(items: Pickled[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map)) throw this.#fail(`expected a dict to fill, got ${say(dict)}`);
    this.#fill(dict, items);
  }

  #fill(dict: Map<Pickled, Pickled>, items: readonly Pickled[]): Map<Pickled, Pickled> {
    if (items.length % 2 !== 0) throw this.#fail('a dict with a key that has no value');
    this.#weigh((weights.entry * items.length) / 2);
    for (let i = 0; i < items.length; i += 2) dict.set(items[i]!, items[i + 1]!);
    return dict;
  }

  #remember(index: number): void {
    if (!Number.isSafeInteger(index) || index < 0) throw this.#fail(`memo index ${index}`);
    this.#weigh(weights.memo);
    this.#memo.set(index, this.#top());
  }

  #recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#fail(`memo ${index} was never filled`);
    this.#stack.push(value);
  }

  #top(): Pickled {
    const top = this.#stack.at(-1);
    if (top === undefined || top === mark) throw this.#fail('expected a value on the stack');
    return top;
  }

  #pop(): Pickled {
    const top = this.#top();
    this.#stack.pop();
    return top;
  }

  /** The last `count` values, taken off, in order. */
  #last(count: number): Pickled[] {
    const from = this.#stack.length - count;
    if (from < 0) throw this.#fail(`expected ${count} values on the stack, got ${count + from}`);
    const values = this.#stack.splice(from);
    if (values.includes(mark)) throw this.#fail('expected values on the stack, got a mark');
    return values as Pickled[];
  }

  /** What lies above the last mark, which goes too. */
  #toMark(): Pickled[] {
    const from = this.#stack.lastIndexOf(mark);
    if (from < 0) throw this.#fail('expected a mark on the stack');
    const values = this.#stack.splice(from + 1) as Pickled[];
    this.#stack.pop();
    return values;
  }

  /** Offset of `length` bytes that are there; moves on behind them. */
  #take(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from) {
      throw this.#fail(`expected ${length} more bytes, got ${this.#bytes.length - from}`);
    }
    this.#at += length;
    return from;
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  /** A length of so many bytes, which must fit into what is left of the file. */
  #count(size: 1 | 4 | 8, what: string): number {
    const at = this.#take(size);
    const count =
      size === 1
        ? this.#bytes[at]!
        : size === 4
          ? this.#view.getUint32(at, true)
          : Number(this.#view.getBigUint64(at, true));
    const left = this.#bytes.length - this.#at;
    if (count > left) throw this.#fail(`${what} of ${count} bytes in a file that has ${left} left`);
    return count;
  }

  #part(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  #text(length: number): Pickled {
    const utf8 = this.#part(length);
    if (length > longText) return { kind: 'text', utf8 };
    try {
      return utf8Decoder.decode(utf8);
    } catch {
      throw this.#fail('text that is not UTF-8');
    }
  }

  #latin1(length: number): Pickled {
    const part = this.#part(length);
    if (length > longText) return part;
    return String.fromCharCode(...part.subarray(0, 8192)) + manyChars(part.subarray(8192));
  }

  /** Up to the next line feed, which is passed over. */
  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0 || end - this.#at > 1024) throw this.#fail('a line without an end');
    const text = this.#latin1(end - this.#at) as string;
    this.#at++;
    return text;
  }

  #integerLine(): Pickled {
    const text = this.#line();
    if (text === '00' || text === '01') return text === '01';
    const digits = text.replace(/L$/, '');
    if (!/^-?\d+$/.test(digits) || digits.length > mostDigits)
      throw this.#fail(`expected a whole number, got ${say(text)}`);
    return narrow(BigInt(digits));
  }

  /** Little-endian two's complement. */
  #long(length: number): Pickled {
    if (length > mostDigits) throw this.#fail(`an integer of ${length} bytes`);
    const part = this.#part(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(part[i]!);
    return narrow(length > 0 ? BigInt.asIntN(8 * length, value) : 0n);
  }
}

function manyChars(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192)
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

function weightOf(value: Item): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) return weights.list;
  if (value instanceof Map) return weights.dict;
  return value instanceof Uint8Array ? weights.bytes : weights.record;
}
