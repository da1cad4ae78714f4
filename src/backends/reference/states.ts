// The states of one or more programs, in doubles.
import { elementCount, type Shape } from '../../graph/graph.ts';
import type { StateStore } from '../backend.ts';
import { expectState, expectValues } from '../namedStates.ts';
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
    expectValues(name, shape, values);
    data.set(values);
  }

  close(): void {
    this.#tensors.clear();
  }

  #find(name: string): Tensor {
    return expectState(name, this.#tensors.get(name));
  }
}
