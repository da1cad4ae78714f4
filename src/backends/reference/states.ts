// The states of one or more programs, in doubles.
import { inputError } from '../../errors.ts';
import { elementCount, type Shape, showShape } from '../../graph/graph.ts';
import type { StateStore } from '../backend.ts';
import type { Tensor } from './tensor.ts';

export class ReferenceStates implements StateStore {
  readonly #tensors = new Map<string, Tensor>();

  /** The tensor of a state; zeros when it is asked for the first time. */
  tensor(name: string, shape: Shape): Tensor {
    const known = this.#tensors.get(name);
    if (known) return known;
    const tensor = { shape, data: new Float64Array(elementCount(shape)) };
    this.#tensors.set(name, tensor);
    return tensor;
  }

  shapes(): ReadonlyMap<string, Shape> {
    return new Map([...this.#tensors].map(([name, { shape }]) => [name, shape]));
  }

  async read(name: string): Promise<Float32Array> {
    return Float32Array.from(this.#find(name).data);
  }

  write(name: string, values: Float32Array): void {
    const { shape, data } = this.#find(name);
    if (values.length !== data.length) {
      throw inputError(
        `state '${name}': expected ${showShape(shape)} (${data.length} values), got ${values.length}.`,
      );
    }
    data.set(values);
  }

  close(): void {
    this.#tensors.clear();
  }

  #find(name: string): Tensor {
    const tensor = this.#tensors.get(name);
    if (tensor) return tensor;
    throw inputError(
      `state '${name}': no program has such a state. Check the names of the weights.`,
    );
  }
}
