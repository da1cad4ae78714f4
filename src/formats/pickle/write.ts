// Writes pickles of dicts, texts, numbers, tuples and numpy arrays; large bytes are handed on, not
// copied. Protocol 4 for Paddle, 2 for torch.
import { inputError } from '../../errors.ts';
import type { Dtype, Tensor } from '../tensor.ts';

const numpyCodes: Partial<Record<Dtype, string>> = {
  F16: 'f2',
  F32: 'f4',
  F64: 'f8',
  I8: 'i1',
  I16: 'i2',
  I32: 'i4',
  I64: 'i8',
  U8: 'u1',
  BOOL: 'b1',
};

export type PickleWriter = ReturnType<typeof createWriter>;

/** The pieces of a pickle that `body` fills with one value. */
export function writePickle(
  body: (out: PickleWriter) => void,
  protocol: 2 | 4 = 4,
): readonly Uint8Array[] {
  const out = createWriter(protocol);
  body(out);
  return out.finish();
}

function createWriter(protocol: 2 | 4) {
  const pieces: Uint8Array[] = [];
  let small: number[] = [0x80, protocol];

  const flush = () => {
    pieces.push(Uint8Array.from(small));
    small = [];
  };
  const uint32 = (value: number) =>
    small.push(value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24);

  function text(value: string): void {
    const utf8 = new TextEncoder().encode(value);
    small.push(0x58);
    uint32(utf8.length);
    for (const byte of utf8) small.push(byte);
  }

  function integer(value: number): void {
    if (value >= 0 && value < 256) small.push(0x4b, value);
    else if (value >= -(2 ** 31) && value < 2 ** 31) {
      small.push(0x4a);
      uint32(value | 0);
    } else {
      small.push(0x8a, 8);
      const bytes = new Uint8Array(BigInt64Array.of(BigInt(value)).buffer);
      for (const byte of bytes) small.push(byte);
    }
  }

  /** bytes objects exist from protocol 3 on. */
  function bytes(value: Uint8Array): void {
    if (value.length < 2 ** 32) {
      small.push(0x42);
      uint32(value.length);
    } else {
      small.push(0x8e);
      for (const byte of new Uint8Array(BigUint64Array.of(BigInt(value.length)).buffer))
        small.push(byte);
    }
    flush();
    pieces.push(value);
  }

  function tuple(items: readonly (() => void)[]): void {
    small.push(0x28);
    for (const item of items) item();
    small.push(0x74);
  }

  function global(module: string, name: string): void {
    for (const char of `c${module}\n${name}\n`) small.push(char.charCodeAt(0));
  }

  function dict(entries: readonly (readonly [string, () => void])[]): void {
    small.push(0x7d);
    fill(entries);
  }

  /** Puts entries into the dict before. */
  function fill(entries: readonly (readonly [string, () => void])[]): void {
    small.push(0x28);
    for (const [key, value] of entries) {
      text(key);
      value();
    }
    small.push(0x75);
  }

  const boolean = (value: boolean) => void small.push(value ? 0x88 : 0x89);
  const none = () => void small.push(0x4e);
  const reduce = () => void small.push(0x52);
  const build = () => void small.push(0x62);

  /** A numpy array, row-major and little-endian. */
  function array({ dtype, shape, data }: Tensor): void {
    const code = numpyCodes[dtype];
    if (code === undefined) {
      throw inputError(
        `pickle: arrays of numpy cannot be ${dtype}. Write .safetensors or .pth, or convert to float32 first.`,
      );
    }
    global('numpy.core.multiarray', '_reconstruct');
    tuple([
      () => global('numpy', 'ndarray'),
      () => tuple([() => integer(0)]),
      () => bytes(Uint8Array.of(0x62)),
    ]);
    reduce();
    tuple([
      () => integer(1),
      () => tuple(shape.map((side) => () => integer(side))),
      () => type(code),
      () => boolean(false),
      () => bytes(data),
    ]);
    build();
  }

  function type(code: string): void {
    global('numpy', 'dtype');
    tuple([() => text(code), () => boolean(false), () => boolean(true)]);
    reduce();
    const order = code.endsWith('1') ? '|' : '<';
    const rest = [none, none, none, () => integer(-1), () => integer(-1), () => integer(0)];
    tuple([() => integer(3), () => text(order), ...rest]);
    build();
  }

  return {
    text,
    integer,
    tuple,
    global,
    dict,
    fill,
    boolean,
    none,
    reduce,
    build,
    array,
    /** Persistent id of the value before. */
    persistent: () => void small.push(0x51),
    finish(): readonly Uint8Array[] {
      small.push(0x2e);
      flush();
      return pieces;
    },
  };
}
