// Finds the state dict in what torch.save wrote: the file's own dict, or one inside of a training
// checkpoint. Left out: lists of state dicts.
import { inputError } from '../errors.ts';
import { isKind, type Pickled, quote, type StoredTensor } from './pickle/values.ts';

export interface StateDict {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Names of the dicts that lead to it: ['state_dict']. */
  readonly path: readonly string[];
  /** Other dicts with tensors, as 'best_state_dict'. */
  readonly others: readonly string[];
}

/** What training scripts call the state dict of the network, the most certain name first. */
const usualNames = [
  'state_dict',
  ...['model_state_dict', 'model_state', 'model', 'network', 'net', 'weights', 'params'],
];
const deepest = 3;

/**
 * A dict under a usual name counts before the file's own, and that before dicts of any other name.
 * Where several count the same, which one is meant cannot be told: inputError with their names.
 */
export function findStateDict(value: Pickled, where: string): StateDict {
  const found = dictsWithTensors(value);
  const usual = found.filter(({ path }) => usualNames.includes(path.at(-1) ?? ''));
  const own = found.filter(({ path }) => path.length === 0);
  const ranked = [usual, own, found].find((dicts) => dicts.length > 0);
  if (!ranked) {
    throw inputError(
      `${where}: expected a state dict (names and tensors), found none. Save one with torch.save(model.state_dict(), …).`,
    );
  }
  const best = pickOne(ranked, where);
  const others = found.filter((dict) => dict !== best).map(nameOf);
  return { ...best, others };
}

interface Found {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly path: readonly string[];
}

const nameOf = ({ path }: Found) =>
  path.length > 0 ? quote(path.join('.')) : 'the outermost dict';

/** The least deep one; 'state_dict' before its like. */
function pickOne(dicts: readonly Found[], where: string): Found {
  const depth = Math.min(...dicts.map(({ path }) => path.length));
  const rivals = dicts.filter(({ path }) => path.length === depth);
  const certain = rivals.filter(({ path }) => path.at(-1) === usualNames[0]);
  if (certain.length === 1) return certain[0]!;
  if (rivals.length === 1) return rivals[0]!;
  const names = rivals.slice(0, 8).map(nameOf).join(', ');
  throw inputError(
    `${where}: expected one state dict, found ${rivals.length}: ${names}. Save the one that is meant on its own.`,
  );
}

/** Every dict that holds tensors by name, near the top; each once, whatever is shared or circular. */
function dictsWithTensors(value: Pickled): readonly Found[] {
  const found: Found[] = [];
  const seen = new Set<Pickled>();
  let level: { dict: Pickled; path: readonly string[] }[] = [{ dict: value, path: [] }];
  for (let depth = 0; depth <= deepest; depth++) {
    const next: typeof level = [];
    for (const { dict, path } of level) {
      if (!(dict instanceof Map) || seen.has(dict)) continue;
      seen.add(dict);
      const tensors = new Map<string, StoredTensor>();
      for (const [key, inner] of dict) {
        if (typeof key !== 'string') continue;
        if (isKind(inner, 'tensor')) tensors.set(key, inner);
        else if (inner instanceof Map) next.push({ dict: inner, path: [...path, key] });
      }
      if (tensors.size > 0) found.push({ tensors, path });
    }
    level = next;
  }
  return found;
}
