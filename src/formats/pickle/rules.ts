// The classes and functions that weight files name, and what each means here. Anything else is
// refused where its name is read, before any argument of it is looked at.
import {
  buildArray,
  buildDtype,
  type Call,
  dtype,
  encode,
  fromBuffer,
  scalar,
} from './numpyRules.ts';
import { rebuildTensor, storageOf, storageTypes } from './torchRules.ts';
import { isKind, type Pickled, type Reading, type Storage, say } from './values.ts';

export interface Rules {
  readonly global: (name: string, reading: Reading) => Pickled;
  readonly call: (
    callee: Pickled | undefined,
    args: readonly Pickled[],
    reading: Reading,
  ) => Pickled;
  readonly build: (value: Pickled, state: Pickled, reading: Reading) => void;
  readonly persistent: (id: Pickled, reading: Reading) => Storage;
}

const first: Call = ([value]) => value ?? null;

const list: Call = ([items = []], { fail, spend }) => {
  if (!Array.isArray(items)) throw fail(`expected a list, got ${say(items)}`);
  spend(8 * items.length);
  return [...items];
};

/** OrderedDict() is filled later; OrderedDict([[key, value], …]) at once (protocols 0 and 1). */
const dict: Call = ([items = []], { fail, spend }) => {
  const made = new Map<Pickled, Pickled>();
  if (!Array.isArray(items)) throw fail(`expected a list of pairs, got ${say(items)}`);
  spend(64 * items.length);
  for (const pair of items) {
    if (!Array.isArray(pair) || pair.length !== 2) throw fail('expected pairs of a dict');
    made.set(pair[0]!, pair[1]!);
  }
  return made;
};

const under = (modules: readonly string[], rules: Readonly<Record<string, Call>>) =>
  modules.flatMap((module) =>
    Object.entries(rules).map(([name, rule]) => [`${module}.${name}`, rule] as const),
  );

/** numpy 2 moved its modules. */
const calls: ReadonlyMap<string, Call> = new Map([
  ...under(['_codecs'], { encode }),
  ...under(['numpy'], { dtype }),
  ...under(['numpy.core.multiarray', 'numpy._core.multiarray'], {
    _reconstruct: () => ({ kind: 'ndarray', tensor: undefined }),
    scalar,
  }),
  ...under(['numpy.core.numeric', 'numpy._core.numeric'], { _frombuffer: fromBuffer }),
  ...under(['collections'], { OrderedDict: dict, defaultdict: () => new Map() }),
  ...under(['builtins', '__builtin__'], { tuple: list, list, set: list, dict, bytearray: first }),
  ...under(['torch'], { Size: list, device: first }),
  ...under(['torch._utils'], {
    _rebuild_tensor: rebuildTensor,
    _rebuild_tensor_v2: rebuildTensor,
    _rebuild_parameter: first,
    _rebuild_parameter_with_state: first,
  }),
]);

const elementTypes = [
  ...['float16', 'bfloat16', 'float32', 'float64'],
  ...['int8', 'int16', 'int32', 'int64', 'uint8', 'bool'],
];

/** Names that stand for themselves: classes as arguments, and torch's element types. */
const inert: ReadonlySet<string> = new Set([
  'numpy.ndarray',
  ...['Tensor', 'nn.parameter.Parameter', 'strided'].map((name) => `torch.${name}`),
  ...[...Object.keys(storageTypes), ...elementTypes].map((name) => `torch.${name}`),
]);

export const rules: Rules = {
  global(name, { fail }) {
    if (calls.has(name) || inert.has(name)) return { kind: 'global', name };
    throw fail(`expected weights, got ${say(name)}, which this reader does not make`);
  },
  call(callee, args, reading) {
    const rule = isKind(callee, 'global') ? calls.get(callee.name) : undefined;
    if (!rule) throw reading.fail(`expected a function of weight files, got ${say(callee)}`);
    return rule(args, reading);
  },
  build(value, state, reading) {
    if (isKind(value, 'ndarray')) buildArray(value, state, reading);
    else if (isKind(value, 'dtype')) buildDtype(value, state, reading);
    // An OrderedDict's attributes (torch's _metadata) are of no use here.
    else if (!(value instanceof Map))
      throw reading.fail(`expected an array or a dict to get attributes, got ${say(value)}`);
  },
  persistent: storageOf,
};
