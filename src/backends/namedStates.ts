// What every store of states checks when a state is asked for or written by its name.
import { inputError } from '../errors.ts';
import { elementCount, type Shape, showShape } from '../graph/graph.ts';

/** What a store found under a name. */
export function expectState<T>(name: string, found: T | undefined): T {
  if (found !== undefined) return found;
  throw inputError(`state '${name}': no program has such a state. Check the names of the weights.`);
}

export function expectValues(name: string, shape: Shape, values: Float32Array): void {
  const count = elementCount(shape);
  if (values.length === count) return;
  throw inputError(
    `state '${name}': expected ${showShape(shape)} (${count} values), got ${values.length}.`,
  );
}
