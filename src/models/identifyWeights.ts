// Which HRNet the tensors of a file are of, by their names and shapes, whole or not.

import type { HrnetVariant } from './hrnetConfigs.ts';
import { type HrnetConfig, hrnetConfig, hrnetState, hrnetVariants } from './hrnetConfigs.ts';
import { type NamingScheme, namingScheme, officialName } from './weightNames.ts';
import { type MatchReport, matchWeights, type Shaped } from './weights.ts';

export interface WeightsIdentity<T extends Shaped> {
  readonly variant: HrnetVariant;
  /** With one keypoint where the file has no head for keypoints. */
  readonly config: HrnetConfig;
  /** Of the head; undefined in a backbone's file. */
  readonly keypoints: number | undefined;
  /** Schemes that occur, the most frequent first. */
  readonly naming: readonly NamingScheme[];
  readonly report: MatchReport<T>;
}

/** A file with more is of something else; the largest HRNet with counters has 1754. */
const mostTensors = 50_000;

/** Undefined for anything that is no HRNet. `where` names the file in errors. */
export function identifyWeights<T extends Shaped>(
  file: ReadonlyMap<string, T>,
  where: string,
): WeightsIdentity<T> | undefined {
  if (file.size > mostTensors) return undefined;
  const shapes = new Map<string, readonly number[]>();
  for (const [name, { shape }] of file) {
    const official = officialName(name);
    if (official !== undefined) shapes.set(official, shape);
  }
  const width = channels(shapes.get('transition1.0.0.weight'));
  if (width === undefined) return undefined;
  const keypoints = channels(shapes.get('final_layer.weight'));
  const candidates = hrnetVariants.map((variant) => {
    const config = hrnetConfig(variant, width, keypoints ?? 1);
    const report = matchWeights(hrnetState(config), file, where);
    return { variant, config, keypoints, naming: schemes(file.keys()), report };
  });
  // A smaller variant is contained in a larger one, so both what lacks and what is left over count.
  return candidates.reduce((best, next) => (misfits(next) < misfits(best) ? next : best));
}

const channels = (shape: readonly number[] | undefined): number | undefined => {
  const count = shape?.length === 4 ? shape[0]! : 0;
  return count >= 1 && count <= 4096 ? count : undefined;
};

const misfits = ({ report }: { readonly report: MatchReport<Shaped> }) =>
  report.missing.length + report.mismatched.length + report.extra.length;

function schemes(names: Iterable<string>): NamingScheme[] {
  const counts = new Map<NamingScheme, number>();
  for (const name of names) {
    const scheme = namingScheme(name);
    if (scheme !== undefined) counts.set(scheme, (counts.get(scheme) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([scheme]) => scheme);
}
