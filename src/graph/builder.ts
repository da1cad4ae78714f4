// Builds graphs node by node. Shapes are inferred and checked as each node is added, so that an
// error names the layer that caused it.
import { HrposeError, inputError } from '../errors.ts';
import type { Op } from '../ops/op.ts';
import type {
  DType,
  Graph,
  Node,
  Output,
  Shape,
  State,
  StateRole,
  Value,
  ValueId,
} from './graph.ts';

export interface Builder {
  readonly value: (id: ValueId) => Value;
  /** A tensor that the caller hands over at every run. */
  readonly feed: (name: string, dtype: DType, shape: Shape) => Value;
  /** A tensor that outlives a run. Asking twice for one name gives the same value. */
  readonly state: (name: string, role: StateRole, shape: Shape, like?: string) => Value;
  /** `value` replaces the state called `name` when a run ends. */
  readonly updateState: (name: string, value: Value) => void;
  /** Adds one node and returns its outputs. `name` goes into messages and profiles. */
  readonly add: <A>(op: Op<A>, inputs: readonly Value[], attrs: A, name?: string) => Value[];
  readonly output: (name: string, value: Value) => void;
  /** Names given to the nodes added inside `body` start with `prefix`. */
  readonly scope: <T>(prefix: string, body: () => T) => T;
  readonly nodes: readonly Node[];
  readonly finish: () => Graph;
}

/** A builder; with `base` it goes on from a finished graph. */
export function createBuilder(base?: Graph): Builder {
  const values: Value[] = base ? [...base.values] : [];
  const nodes: Node[] = base ? [...base.nodes] : [];
  const feeds: ValueId[] = base ? [...base.feeds] : [];
  const states = new Map<string, State>(base?.states.map((s) => [s.name, s]));
  const outputs: Output[] = base ? [...base.outputs] : [];
  let prefix = '';

  function newValue(name: string, dtype: DType, shape: Shape): Value {
    const value = { id: values.length, name, dtype, shape };
    values.push(value);
    return value;
  }

  function state(name: string, role: StateRole, shape: Shape, like?: string): Value {
    const known = states.get(name);
    if (known) return values[known.value]!;
    const value = newValue(name, 'float32', shape);
    states.set(name, { name, role, value: value.id, ...(like === undefined ? {} : { like }) });
    return value;
  }

  function add<A>(op: Op<A>, inputs: readonly Value[], attrs: A, name = op.name): Value[] {
    const fullName = prefix + name;
    let inferred: readonly { dtype: DType; shape: Shape }[];
    try {
      inferred = op.infer(inputs, attrs);
    } catch (error) {
      if (error instanceof HrposeError) {
        throw inputError(`${op.name}: ${error.message} (at '${fullName}')`, { cause: error });
      }
      throw error;
    }
    const made = inferred.map(({ dtype, shape }, i) =>
      newValue(
        inferred.length === 1 ? fullName : `${fullName}:${op.outputs?.[i] ?? i}`,
        dtype,
        shape,
      ),
    );
    nodes.push({
      name: fullName,
      op: op.name,
      attrs,
      inputs: inputs.map((v) => v.id),
      outputs: made.map((v) => v.id),
    });
    return made;
  }

  return {
    value: (id) => values[id]!,
    feed: (name, dtype, shape) => {
      const value = newValue(name, dtype, shape);
      feeds.push(value.id);
      return value;
    },
    state,
    updateState: (name, value) => {
      states.set(name, { ...states.get(name)!, next: value.id });
    },
    add,
    output: (name, value) => {
      outputs.push({ name, value: value.id });
    },
    scope: (inner, body) => {
      const outer = prefix;
      prefix = `${outer}${inner}.`;
      try {
        return body();
      } finally {
        prefix = outer;
      }
    },
    nodes,
    finish: () => ({ values, nodes, feeds, states: [...states.values()], outputs }),
  };
}
