// Small ONNX models for tests, written as protobuf by hand. Used by tests only.

type Bytes = readonly number[] | Uint8Array;

function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

const number = (field: number, value: number | bigint) => [...varint(field * 8), ...varint(value)];
function bytes(field: number, body: Bytes): Uint8Array {
  return Uint8Array.from([...varint(field * 8 + 2), ...varint(body.length), ...body]);
}
const text = (field: number, value: string) => bytes(field, Buffer.from(value));
const join = (...parts: Bytes[]) => Buffer.concat(parts.map((part) => Uint8Array.from(part)));

export type Shape = readonly (number | string)[];
const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, float16: 10 } as const;
export type ElementType = keyof typeof elementTypes;

function valueInfo(name: string, type: ElementType, shape: Shape): Uint8Array {
  const dims = shape.map((size) =>
    bytes(1, typeof size === 'number' ? number(1, size) : text(2, size)),
  );
  const tensor = join(number(1, elementTypes[type]), bytes(2, join(...dims)));
  return join(text(1, name), bytes(2, bytes(1, tensor)));
}

type Attribute = number | readonly number[];

function attribute(name: string, value: Attribute): Uint8Array {
  if (typeof value === 'number') return join(text(1, name), number(3, value), number(20, 2));
  return join(text(1, name), ...value.map((item) => number(8, item)), number(20, 7));
}

/** Adds nodes one by one; whatever it returns names a value. */
export class ModelBuilder {
  readonly #nodes: Uint8Array[] = [];
  readonly #weights: Uint8Array[] = [];
  readonly #inputs: Uint8Array[] = [];
  readonly #outputs: Uint8Array[] = [];
  readonly #metadata: Uint8Array[] = [];
  #names = 0;

  input(name: string, type: ElementType, shape: Shape): string {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  output(name: string, type: ElementType, shape: Shape, from: string): void {
    this.#outputs.push(valueInfo(name, type, shape));
    this.#nodes.push(join(text(1, from), text(2, name), text(4, 'Identity')));
  }

  metadata(key: string, value: string): void {
    this.#metadata.push(join(text(1, key), text(2, value)));
  }

  constant(
    values: readonly number[],
    dims: readonly number[],
    type: 'float32' | 'int64' = 'float32',
  ) {
    const name = `c${this.#names++}`;
    const data =
      type === 'float32'
        ? Buffer.from(Float32Array.from(values).buffer)
        : Buffer.from(BigInt64Array.from(values, BigInt).buffer);
    const shape = dims.map((size) => number(1, size));
    const head = join(...shape, number(2, elementTypes[type]), text(8, name));
    this.#weights.push(join(head, bytes(9, data)));
    return name;
  }

  op(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ) {
    const name = `v${this.#names++}`;
    const all = Object.entries(attributes).map(([key, value]) => bytes(5, attribute(key, value)));
    const values = inputs.map((input) => text(1, input));
    this.#nodes.push(join(...values, text(2, name), text(4, type), ...all));
    return name;
  }

  build(): Uint8Array {
    const graph = join(
      ...this.#nodes.map((node) => bytes(1, node)),
      text(2, 'test'),
      ...this.#weights.map((weight) => bytes(5, weight)),
      ...this.#inputs.map((value) => bytes(11, value)),
      ...this.#outputs.map((value) => bytes(12, value)),
    );
    return join(
      number(1, 8),
      bytes(7, graph),
      bytes(8, number(2, 13)),
      ...this.#metadata.map((entry) => bytes(14, entry)),
    );
  }
}
