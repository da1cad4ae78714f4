// Builds an ONNX graph node by node. Every tensor has one name and is made once, before it is read.
import { elementCount, type Shape } from '../graph/graph.ts';
import type { ElementType, OnnxAttribute, OnnxNode, OnnxTensor } from './proto.ts';

export interface NodeOptions {
  readonly name: string;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** Name of the result; the node's unless told. */
  readonly output?: string;
}

export interface OnnxBuilder {
  /** Adds a node with one result and returns the result's name. */
  readonly node: (op: string, inputs: readonly string[], options: NodeOptions) => string;
  /** Adds a node with several results and returns their names. */
  readonly split: (
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    options: NodeOptions,
  ) => readonly string[];
  /** Adds a constant and returns its name. */
  readonly constant: (
    name: string,
    type: ElementType,
    dims: Shape,
    data: ArrayBufferView,
  ) => string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
}

/** `taken` are names of graph inputs. */
export function createOnnxBuilder(taken: Iterable<string>): OnnxBuilder {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const names = new Set<string>(taken);

  const claim = (name: string) => {
    if (names.has(name)) throw new Error(`onnx: the name '${name}' is taken`);
    names.add(name);
  };
  const split: OnnxBuilder['split'] = (op, inputs, outputs, { name, attributes = {} }) => {
    const unknown = inputs.find((input) => input !== '' && !names.has(input));
    if (unknown !== undefined) throw new Error(`onnx: '${name}' reads '${unknown}' too early`);
    outputs.forEach(claim);
    nodes.push({ name, op, inputs, outputs, attributes });
    return outputs;
  };
  return {
    nodes,
    initializers,
    split,
    node: (op, inputs, options) => split(op, inputs, [options.output ?? options.name], options)[0]!,
    constant: (name, type, dims, data) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      claim(name);
      if (bytes.length !== elementCount(dims) * bytesOf(type)) {
        throw new Error(
          `onnx: constant '${name}' of ${bytes.length} bytes is not [${dims}] ${type}`,
        );
      }
      initializers.push({ name, type, dims, data: bytes });
      return name;
    },
  };
}

const bytesOf = (type: ElementType): number => {
  switch (type) {
    case 'uint8':
    case 'int8':
    case 'bool':
      return 1;
    case 'float16':
      return 2;
    case 'int64':
    case 'float64':
      return 8;
    case 'float32':
    case 'int32':
      return 4;
    default:
      throw new Error(`onnx: element type ${type satisfies never}`);
  }
};

export const int = (value: number): OnnxAttribute => ({ kind: 'int', value });
export const ints = (...value: number[]): OnnxAttribute => ({ kind: 'ints', value });
export const float = (value: number): OnnxAttribute => ({ kind: 'float', value });
export const string = (value: string): OnnxAttribute => ({ kind: 'string', value });

export const int64s = (...values: number[]) => BigInt64Array.from(values, BigInt);
export const float32s = (...values: number[]) => Float32Array.from(values);
