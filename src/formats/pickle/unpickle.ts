// A restricted reader of Python pickles, protocols 0 to 5 as far as weight files use them. Opcodes
// and globals are allow-lists; every length is checked against the bytes that are there before
// anything is made; shared parts stay shared. Spec 1.6.
import { type Budget, budgetFor } from '../budget.ts';
import { Cursor } from './cursor.ts';
import { opcodeName } from './opcodes.ts';
import { type Rules, rules as weightRules } from './rules.ts';
import { type Fail, failAt, type Pickled, type Reading, say } from './values.ts';

export interface Unpickled {
  readonly value: Pickled;
  /** Offset of the byte after STOP. */
  readonly end: number;
}

/**
 * What things come to in memory, about, in bytes. An entry of a map takes 28 in a table that is full, and
 * a table that grows lies beside the one of twice its size, and often beside those before it.
 */
const weights = {
  ...{ opcode: 64, bigint: 96, text: 64, bytes: 120, list: 64, dict: 280, record: 160 },
  ...{ entry: 112, memo: 112 },
};
const mark: unique symbol = Symbol('mark');
type Item = Pickled | typeof mark;

export interface UnpickleOptions {
  /** The file, for errors. */
  readonly where: string;
  readonly start?: number;
  readonly rules?: Rules;
  /** Shared by all pickles of a file. */
  readonly budget?: Budget;
}

export const unpickle = (bytes: Uint8Array, options: UnpickleOptions): Unpickled =>
  new Machine(bytes, options).run();

class Machine {
  readonly #from: Cursor;
  readonly #rules: Rules;
  readonly #fail: Fail;
  readonly #reading: Reading;
  readonly #stack: Item[] = [];
  readonly #memo = new Map<number, Pickled>();
  readonly #budget: Budget;
  /** Where the present opcode stands. */
  #opcodeAt: number;

  constructor(bytes: Uint8Array, options: UnpickleOptions) {
    const { where, start = 0, rules = weightRules, budget = budgetFor(bytes.length) } = options;
    this.#rules = rules;
    this.#budget = budget;
    this.#opcodeAt = start;
    const opcode = () => opcodeName(bytes[this.#opcodeAt]);
    this.#fail = failAt(where, () => `byte ${this.#opcodeAt}, ${opcode()}`);
    this.#from = new Cursor(bytes, start, this.#fail);
    this.#reading = { fail: this.#fail, spend: (size) => this.#spend(size) };
  }

  #spend(bytes: number): void {
    if (!this.#budget.copy(bytes)) throw this.#fail('more data than the file has bytes for');
  }

  run(): Unpickled {
    for (;;) {
      this.#opcodeAt = this.#from.at;
      const opcode = this.#from.byte();
      if (opcode === 0x2e) return { value: this.#result(), end: this.#from.at };
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
    if (!this.#budget.hold(weight))
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
        return this.#from.byte();
      case 0x4d: // BININT2
        return this.#from.uint16();
      case 0x4a: // BININT
        return this.#from.int32();
      case 0x49: // INT
        return this.#from.integerLine();
      case 0x4c: // LONG
        return this.#from.integerLine();
      case 0x8a: // LONG1
        return this.#from.long(this.#from.byte());
      case 0x8b: // LONG4
        return this.#from.long(this.#from.length(4, 'integer'));
      case 0x47: // BINFLOAT
        return this.#from.float64();
      case 0x58: // BINUNICODE
        return this.#from.text(this.#from.length(4, 'text'));
      case 0x8c: // SHORT_BINUNICODE
        return this.#from.text(this.#from.length(1, 'text'));
      case 0x8d: // BINUNICODE8
        return this.#from.text(this.#from.length(8, 'text'));
      case 0x54: // BINSTRING, read as latin1
        return this.#from.latin1(this.#from.length(4, 'string'));
      case 0x55: // SHORT_BINSTRING
        return this.#from.latin1(this.#from.length(1, 'string'));
      case 0x42: // BINBYTES
        return this.#from.part(this.#from.length(4, 'bytes'));
      case 0x43: // SHORT_BINBYTES
        return this.#from.part(this.#from.length(1, 'bytes'));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#from.part(this.#from.length(8, 'bytes'));
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
        this.#from.length(8, 'frame');
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
        this.#global(this.#from.line(), this.#from.line());
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
        this.#remember(this.#from.byte());
        return;
      case 0x72: // LONG_BINPUT
        this.#remember(this.#from.uint32());
        return;
      case 0x94: // MEMOIZE
        this.#remember(this.#memo.size);
        return;
      case 0x68: // BINGET
        this.#recall(this.#from.byte());
        return;
      case 0x6a: // LONG_BINGET
        this.#recall(this.#from.uint32());
        return;
      case 0x70: // PUT
        this.#remember(Number(this.#from.integerLine()));
        return;
      case 0x67: // GET
        this.#recall(Number(this.#from.integerLine()));
        return;
      default:
        throw this.#fail('an opcode that weight files do not use');
    }
  }

  #protocol(): void {
    const version = this.#from.byte();
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
}

function weightOf(value: Item): number {
  if (typeof value === 'string') return weights.text + value.length;
  if (typeof value === 'bigint') return weights.bigint;
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) return weights.list;
  if (value instanceof Map) return weights.dict;
  return value instanceof Uint8Array ? weights.bytes : weights.record;
}
