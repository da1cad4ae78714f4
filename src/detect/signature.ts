// What an ONNX file takes and gives: names, types and shapes of its inputs and outputs, and its
// metadata, read from the protobuf without its weights (onnx.proto3: ModelProto.graph = 7,
// metadata_props = 14; GraphProto.initializer = 5, input = 11, output = 12).
import { inputError } from '../errors.ts';

export interface TensorSignature {
  readonly name: string;
  /** 'float32', 'int64', ...; 'unknown' for what is no tensor. */
  readonly type: string;
  /** Dimensions; a name, or '?', where the file leaves one open. */
  readonly shape: readonly (number | string)[];
}

export interface ModelSignature {
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  readonly metadata: ReadonlyMap<string, string>;
}

const types: Readonly<Record<number, string>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  16: 'bfloat16',
};

const mostValues = 1000;
const mostText = 1 << 20;

/** `where` names the file in errors. */
export function readSignature(bytes: Uint8Array, where: string): ModelSignature {
  const inputs: TensorSignature[] = [];
  const outputs: TensorSignature[] = [];
  const weights = new Set<string>();
  const metadata = new Map<string, string>();
  let graphs = 0;
  try {
    for (const { field, body } of fields(bytes)) {
      if (field === 7 && body) {
        graphs++;
        readGraph(body, inputs, outputs, weights);
      } else if (field === 14 && body && metadata.size < mostValues) readEntry(body, metadata);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw notOnnx(where, error.message);
  }
  if (graphs !== 1 || outputs.length === 0) throw notOnnx(where, 'it has no graph with outputs');
  // Old files list their weights among the inputs.
  return { inputs: inputs.filter(({ name }) => !weights.has(name)), outputs, metadata };
}

const notOnnx = (where: string, why: string) =>
  inputError(
    `${where}: expected an ONNX model, but it cannot be read (${why}). Export or fetch it again.`,
  );

function readGraph(
  graph: Uint8Array,
  inputs: TensorSignature[],
  outputs: TensorSignature[],
  weights: Set<string>,
): void {
  for (const { field, body } of fields(graph)) {
    if (!body) continue;
    if (field === 5) weights.add(textIn(body, 8));
    else if (field === 11 || field === 12) {
      const list = field === 11 ? inputs : outputs;
      if (list.length >= 100_000) throw new RangeError('too many inputs or outputs');
      list.push(readValue(body));
    }
  }
}

function readValue(value: Uint8Array): TensorSignature {
  const name = textIn(value, 1);
  const tensor = messageIn(messageIn(value, 2), 1);
  let type = 0;
  const shape: (number | string)[] = [];
  for (const { field, value: elementType, body } of fields(tensor)) {
    if (field === 1) type = elementType;
    else if (field === 2 && body) {
      for (const dimension of fields(body)) {
        if (dimension.field === 1 && dimension.body) shape.push(readDimension(dimension.body));
        if (shape.length > 64) throw new RangeError(`'${name}' has more than 64 dimensions`);
      }
    }
  }
  return { name, type: types[type] ?? 'unknown', shape };
}

function readDimension(dimension: Uint8Array): number | string {
  for (const { field, value, body } of fields(dimension)) {
    if (field === 1 && value > 0) return value;
    if (field === 2 && body) return decode(body) || '?';
  }
  return '?';
}

function readEntry(entry: Uint8Array, metadata: Map<string, string>): void {
  metadata.set(textIn(entry, 1), textIn(entry, 2));
}

/** The last field of that number, as protobuf has it; empty where there is none. */
function messageIn(message: Uint8Array, wanted: number): Uint8Array {
  let found: Uint8Array = new Uint8Array(0);
  for (const { field, body } of fields(message)) if (field === wanted && body) found = body;
  return found;
}

const textIn = (message: Uint8Array, wanted: number) => decode(messageIn(message, wanted));

function decode(bytes: Uint8Array): string {
  if (bytes.length > mostText) throw new RangeError('a text is too long');
  return new TextDecoder().decode(bytes);
}

interface Field {
  readonly field: number;
  /** Of a varint; larger than 2⁵³ it loses digits, which no shape needs. */
  readonly value: number;
  /** Of a field with a length. */
  readonly body: Uint8Array | undefined;
}

/** The fields of a message. Throws a RangeError where it is cut off or no protobuf. */
function* fields(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++];
      if (byte === undefined) throw new RangeError('it ends within a number');
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number is too long');
  };
  const take = (length: number) => {
    if (length > message.length - at) throw new RangeError('it ends before its time');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    if (field === 0) throw new RangeError('field 0');
    const wire = tag % 8;
    if (wire === 0) yield { field, value: varint(), body: undefined };
    else if (wire === 2) yield { field, value: 0, body: take(varint()) };
    else if (wire === 1 || wire === 5) {
      take(wire === 1 ? 8 : 4);
      yield { field, value: 0, body: undefined };
    } else throw new RangeError(`wire type ${wire}`);
  }
}

/** 'images float32 [1, 3, 640, 640]' */
export const signatureText = ({ name, type, shape }: TensorSignature) =>
  `${name} ${type} [${shape.join(', ')}]`;
