// Small ONNX models for tests, node by node. Used by tests only.
import {
  type Dimension,
  type ElementType,
  encodeModel,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from '../onnx/proto.ts';
import { toBytes } from '../onnx/wire.ts';

type Attributes = Readonly<Record<string, number | readonly number[]>>;

const attribute = (value: number | readonly number[]): OnnxAttribute =>
  typeof value === 'number' ? { kind: 'int', value } : { kind: 'ints', value };

/** Whatever it returns names a value. */
export class ModelBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxTensor[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #metadata = new Map<string, string>();

  input(name: string, type: ElementType, shape: readonly Dimension[]): string {
    this.#inputs.push({ name, type, shape });
    return name;
  }

  output(name: string, type: ElementType, shape: readonly Dimension[], from: string): void {
    this.#outputs.push({ name, type, shape });
    this.#node('Identity', [from], name, {});
  }

  metadata(key: string, value: string): void {
    this.#metadata.set(key, value);
  }

  constant(
    values: readonly number[],
    dims: readonly number[],
    type: 'float32' | 'int64' = 'float32',
  ): string {
    const name = `constant${this.#initializers.length}`;
    const array =
      type === 'float32' ? Float32Array.from(values) : BigInt64Array.from(values, BigInt);
    this.#initializers.push({ name, type, dims, data: new Uint8Array(array.buffer) });
    return name;
  }

  op(type: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.#node(type, inputs, `value${this.#nodes.length}`, attributes);
  }

  build(): Uint8Array {
    const model = {
      opset: 13,
      producer: { name: 'test', version: '' },
      name: 'test',
      nodes: this.#nodes,
      initializers: this.#initializers,
      inputs: this.#inputs,
      outputs: this.#outputs,
      metadata: this.#metadata,
    };
    return toBytes(encodeModel(model));
  }

  #node(op: string, inputs: readonly string[], output: string, attributes: Attributes): string {
    const all = Object.entries(attributes).map(([key, value]) => [key, attribute(value)] as const);
    const name = `${op} ${output}`;
    this.#nodes.push({ name, op, inputs, outputs: [output], attributes: Object.fromEntries(all) });
    return output;
  }
}
