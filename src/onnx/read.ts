// ONNX files read back: the whole of what proto.ts writes, and the summary of any model (what it takes
// and gives, its metadata) without its weights. Files may come from anywhere: everything is bounded,
// tensors are views, and what is not understood is left out or refused.
import { inputError } from '../errors.ts';
import {
  attributeKinds,
  type Dimension,
  type ElementType,
  elementTypes,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './proto.ts';
import { readFields, readPacked, type WireField } from './wire.ts';

/** What a model takes and gives. */
export interface OnnxSummary {
  readonly opset: number;
  readonly producer: { readonly name: string; readonly version: string };
  /** Without initializers, which old files list among the inputs. */
  readonly inputs: readonly SummaryValue[];
  readonly outputs: readonly SummaryValue[];
  readonly metadata: ReadonlyMap<string, string>;
}

export interface SummaryValue {
  readonly name: string;
  /** 'other' for types that have no name here, and for what is no tensor. */
  readonly type: ElementType | 'other';
  /** '?' for a dimension that is open and has no name. */
  readonly shape: readonly Dimension[];
}

const mostItems = 200_000;
const mostDimensions = 64;
const mostTextBytes = 1 << 24;

/** Inputs, outputs and metadata. `where` names the file in errors. */
export const readOnnxSummary = (bytes: Uint8Array, where = 'onnx'): OnnxSummary =>
  explained(where, () => {
    const { model, graph } = openModel(bytes);
    const weights = new Set(all(graph, 5).map((tensor) => text(one(fieldsOf(tensor), 8))));
    const inputs = all(graph, 11).map(readValue);
    const outputs = all(graph, 12).map(readValue);
    if (outputs.length === 0) throw new RangeError('its graph has no outputs');
    return { ...about(model), inputs: inputs.filter(({ name }) => !weights.has(name)), outputs };
  });

/** A whole model of the kind that proto.ts writes; others may be refused. */
export const readOnnx = (bytes: Uint8Array, where = 'onnx'): OnnxModel =>
  explained(where, () => {
    const { model, graph } = openModel(bytes);
    return {
      ...about(model),
      name: text(one(graph, 2)),
      nodes: all(graph, 1).map(readNode),
      initializers: all(graph, 5).map(readTensor),
      inputs: all(graph, 11).map(knownValue),
      outputs: all(graph, 12).map(knownValue),
    };
  });

function explained<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw inputError(
      `${where}: expected an ONNX model, but it cannot be read (${error.message}). Export or fetch it again.`,
      { cause: error },
    );
  }
}

function openModel(bytes: Uint8Array) {
  const model = fieldsOf(bytes);
  const graphs = all(model, 7);
  if (graphs.length !== 1) throw new RangeError(`it holds ${graphs.length} graphs`);
  return { model, graph: fieldsOf(graphs[0]!) };
}

function about(model: readonly WireField[]) {
  const opsets = all(model, 8).map((opset) => fieldsOf(opset));
  const standard = opsets.find((opset) => ['', 'ai.onnx'].includes(text(one(opset, 1))));
  const metadata = new Map(
    all(model, 14).map((entry) => {
      const fields = fieldsOf(entry);
      return [text(one(fields, 1)), text(one(fields, 2))];
    }),
  );
  return {
    opset: standard ? (number(standard, 2) ?? 0) : 0,
    producer: { name: text(one(model, 2)), version: text(one(model, 3)) },
    metadata,
  };
}

function readNode(bytes: Uint8Array): OnnxNode {
  const node = fieldsOf(bytes);
  return {
    name: text(one(node, 3)),
    op: text(one(node, 4)),
    inputs: all(node, 1).map(text),
    outputs: all(node, 2).map(text),
    attributes: Object.fromEntries(all(node, 5).map(readAttribute)),
  };
}

function readAttribute(bytes: Uint8Array): [string, OnnxAttribute] {
  const attribute = fieldsOf(bytes);
  const name = text(one(attribute, 1));
  const type = number(attribute, 20);
  switch (type) {
    case attributeKinds.float.type:
      return [name, { kind: 'float', value: number(attribute, attributeKinds.float.field) ?? 0 }];
    case attributeKinds.int.type:
      return [name, { kind: 'int', value: number(attribute, attributeKinds.int.field) ?? 0 }];
    case attributeKinds.ints.type:
      return [name, { kind: 'ints', value: numbers(attribute, attributeKinds.ints.field) }];
    case attributeKinds.string.type:
      return [name, { kind: 'string', value: text(one(attribute, attributeKinds.string.field)) }];
    default:
      throw new RangeError(`attribute '${name}' is of type ${type}, which is not read here`);
  }
}

function readTensor(bytes: Uint8Array): OnnxTensor {
  const tensor = fieldsOf(bytes);
  const name = text(one(tensor, 8));
  const type = typeName(number(tensor, 2));
  const data = one(tensor, 9);
  if (type === 'other' || data === undefined) {
    throw new RangeError(`tensor '${name}' does not hold its values as raw data`);
  }
  return { name, type, dims: numbers(tensor, 1), data };
}

function knownValue(bytes: Uint8Array): OnnxValue {
  const { name, type, shape } = readValue(bytes);
  if (type === 'other') throw new RangeError(`'${name}' is of a type that is not read here`);
  return { name, type, shape };
}

/** ValueInfoProto: type = 2, TypeProto.tensor_type = 1, Tensor.shape = 2, TensorShapeProto.dim = 1. */
function readValue(bytes: Uint8Array): SummaryValue {
  const value = fieldsOf(bytes);
  const name = text(one(value, 1));
  const tensor = fieldsOf(one(fieldsOf(one(value, 2)), 1));
  const dims = all(fieldsOf(one(tensor, 2)), 1);
  if (dims.length > mostDimensions) throw new RangeError(`'${name}' has ${dims.length} dimensions`);
  return { name, type: typeName(number(tensor, 1)), shape: dims.map(readDimension) };
}

function readDimension(bytes: Uint8Array): Dimension {
  const dimension = fieldsOf(bytes);
  const size = number(dimension, 1);
  return size !== undefined && size >= 0 ? size : text(one(dimension, 2)) || '?';
}

const names = new Map(
  Object.entries(elementTypes).map(([name, type]) => [type as number, name as ElementType]),
);
const typeName = (type: number | undefined) => names.get(type ?? 0) ?? 'other';

function fieldsOf(message: Uint8Array | undefined): WireField[] {
  const fields: WireField[] = [];
  for (const field of readFields(message ?? new Uint8Array(0))) {
    if (fields.push(field) > mostItems) throw new RangeError('too many fields');
  }
  return fields;
}

/** Bodies of the fields with this number. */
const all = (fields: readonly WireField[], wanted: number): Uint8Array[] =>
  fields.flatMap(({ field, bytes }) => (field === wanted && bytes ? [bytes] : []));

/** The last of them counts, as protobuf has it. */
const one = (fields: readonly WireField[], wanted: number) => all(fields, wanted).at(-1);

const number = (fields: readonly WireField[], wanted: number): number | undefined =>
  fields.findLast(({ field, bytes }) => field === wanted && !bytes)?.number;

/** A repeated number, whether it is packed or not. */
const numbers = (fields: readonly WireField[], wanted: number): number[] =>
  fields
    .filter(({ field }) => field === wanted)
    .flatMap(({ bytes, number: value }) => (bytes ? readPacked(bytes) : [value]));

function text(bytes: Uint8Array | undefined): string {
  if (bytes && bytes.length > mostTextBytes) throw new RangeError('a text is too long');
  return new TextDecoder().decode(bytes ?? new Uint8Array(0));
}
