// The tensors of a file under the names of another project, in the order in which its networks
// register them. Values are left as they are: the schemes differ in nothing else (spec 1.5).
import { inputError } from '../errors.ts';
import { type HrnetConfig, hrnetState } from './hrnetConfigs.ts';
import {
  besideCounter,
  isBatchCounter,
  officialCounterName,
  officialName,
  paddleName,
} from './weightNames.ts';

export type TargetNames = 'official' | 'paddle';

export interface Renamed<T> {
  readonly tensors: Map<string, T>;
  /** Names that no HRNet has and that were therefore kept. */
  readonly kept: readonly string[];
  /** Batch counters, for which PaddleDetection has no names. */
  readonly dropped: readonly string[];
}

/** `config` gives the order of the tensors; without it that of the file stays. */
export function renameWeights<T>(
  file: ReadonlyMap<string, T>,
  to: TargetNames,
  config: HrnetConfig | undefined,
  where: string,
): Renamed<T> {
  const kept: string[] = [];
  const dropped: string[] = [];
  const sources = new Map<string, string>();
  for (const name of inOrder([...file.keys()], config)) {
    const counter = isBatchCounter(name);
    if (counter && to === 'paddle') {
      dropped.push(name);
      continue;
    }
    const official = counter ? officialCounterName(name) : officialName(name);
    const renamed = to === 'paddle' && official !== undefined ? paddleName(official) : official;
    if (renamed === undefined) kept.push(name);
    const target = renamed ?? name;
    const other = sources.get(target);
    if (other !== undefined) {
      throw inputError(
        `${where}: '${other}' and '${name}' would both become '${target}'. Keep one of them in the file.`,
      );
    }
    sources.set(target, name);
  }
  const tensors = new Map(Array.from(sources, ([target, name]) => [target, file.get(name)!]));
  return { tensors, kept, dropped };
}

/** Canonical order, a batch counter after the running variance beside it; strangers at the end. */
function inOrder(names: readonly string[], config: HrnetConfig | undefined): readonly string[] {
  if (config === undefined) return names;
  const places = new Map([...hrnetState(config).keys()].map((name, i) => [name, i]));
  const end = places.size;
  const place = (name: string) =>
    isBatchCounter(name)
      ? (places.get(besideCounter(name) ?? '') ?? end) + 0.5
      : (places.get(officialName(name) ?? '') ?? end);
  const keyed = names.map((name) => ({ name, at: place(name) }));
  return keyed.sort((a, b) => a.at - b.at).map(({ name }) => name);
}
