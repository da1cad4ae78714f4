// An ONNX model as data, and its bytes (onnx.proto3, IR version 8): the part of ModelProto that
// exported networks need. No subgraphs, functions, sparse or external tensors. Reading is in read.ts.
import {
  bytesField,
  floatField,
  joinPieces,
  messageField,
  type Piece,
  textField,
  varintField,
} from './wire.ts';

/** TensorProto.DataType of the element types that have a name here. */
export const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
} as const;

export type ElementType = keyof typeof elementTypes;

/** A dimension: its size, or a name where it is open. */
export type Dimension = number | string;

export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dimension[];
}

export interface OnnxTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Row-major, little-endian. */
  readonly data: Uint8Array;
}

export type OnnxAttribute =
  | { readonly kind: 'int' | 'float'; readonly value: number }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'string'; readonly value: string };

export interface OnnxNode {
  readonly name: string;
  /** Operator of the default domain: 'Conv'. */
  readonly op: string;
  /** '' for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxModel {
  /** Version of the default operator set. */
  readonly opset: number;
  readonly producer: { readonly name: string; readonly version: string };
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** AttributeProto.AttributeType and the field that holds the value. */
export const attributeKinds = {
  float: { type: 1, field: 2 },
  int: { type: 2, field: 3 },
  string: { type: 3, field: 4 },
  ints: { type: 7, field: 8 },
} as const;

/** The version of the format that goes with operator set 17. */
const irVersion = 8;

/** ModelProto. */
export function encodeModel(model: OnnxModel): Piece {
  const { opset, producer, name, nodes, initializers, inputs, outputs, metadata } = model;
  return joinPieces([
    varintField(1, irVersion),
    textField(2, producer.name),
    textField(3, producer.version),
    messageField(7, [
      ...nodes.map((node) => messageField(1, nodeFields(node))),
      textField(2, name),
      ...initializers.map((tensor) => messageField(5, tensorFields(tensor))),
      ...inputs.map((value) => messageField(11, valueFields(value))),
      ...outputs.map((value) => messageField(12, valueFields(value))),
    ]),
    messageField(8, [textField(1, ''), varintField(2, opset)]),
    encodeMetadata(metadata),
  ]);
}

/**
 * Entries of metadata_props. Protobuf joins messages that follow one another, so these bytes may also
 * be put behind a finished file.
 */
export const encodeMetadata = (metadata: ReadonlyMap<string, string>): Piece =>
  joinPieces(
    Array.from(metadata, ([key, value]) =>
      messageField(14, [textField(1, key), textField(2, value)]),
    ),
  );

function nodeFields({ name, op, inputs, outputs, attributes }: OnnxNode): Piece[] {
  return [
    ...inputs.map((input) => textField(1, input)),
    ...outputs.map((output) => textField(2, output)),
    textField(3, name),
    textField(4, op),
    ...Object.entries(attributes).map(([key, attribute]) =>
      messageField(5, attributeFields(key, attribute)),
    ),
  ];
}

function attributeFields(name: string, attribute: OnnxAttribute): Piece[] {
  const { type, field } = attributeKinds[attribute.kind];
  return [textField(1, name), ...attributeValue(field, attribute), varintField(20, type)];
}

function attributeValue(field: number, attribute: OnnxAttribute): Piece[] {
  switch (attribute.kind) {
    case 'float':
      return [floatField(field, attribute.value)];
    case 'int':
      return [varintField(field, attribute.value)];
    case 'ints':
      return attribute.value.map((value) => varintField(field, value));
    case 'string':
      return [textField(field, attribute.value)];
    default:
      throw new Error(`onnx: attribute ${JSON.stringify(attribute satisfies never)}`);
  }
}

const tensorFields = ({ name, type, dims, data }: OnnxTensor): Piece[] => [
  ...dims.map((side) => varintField(1, side)),
  varintField(2, elementTypes[type]),
  textField(8, name),
  bytesField(9, data),
];

const valueFields = ({ name, type, shape }: OnnxValue): Piece[] => [
  textField(1, name),
  messageField(2, [
    messageField(1, [
      varintField(1, elementTypes[type]),
      messageField(
        2,
        shape.map((side) =>
          messageField(1, [typeof side === 'number' ? varintField(1, side) : textField(2, side)]),
        ),
      ),
    ]),
  ]),
];
